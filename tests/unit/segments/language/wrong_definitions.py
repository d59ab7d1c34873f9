"""The table of wrong definitions: reads it, and rewrites it.

Rewrite: `python -m tests.unit.segments.language.wrong_definitions`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILES
from app.segments.definitions.remarks import remarks

TABLE = Path(__file__).with_name("wrong_definitions.md")

_CASE = re.compile(r"### (?P<title>.+)\n(?P<files>(?:```yaml\n(?:.*\n)*?```\n)+)```text\n(?P<message>(?:.*\n)*?)```\n")
_FILE = re.compile(r"```yaml\n((?:.*\n)*?)```\n")


@dataclass(frozen=True, slots=True)
class Case:
    """Files that are wrong, and what is said about them."""

    title: str
    files: dict[str, str]
    message: str

    def said(self) -> str:
        """Returns the present message; empty if the definitions load."""
        try:
            catalog = load_catalog(self.files)
        except CatalogError as error:
            return f"{error}\n"
        return "\n".join(f"warning: {remark}\n" for remark in remarks(catalog))


def cases() -> list[Case]:
    """The table."""
    return [_case(match) for match in _CASE.finditer(TABLE.read_text(encoding="utf-8"))]


def _case(match: re.Match[str]) -> Case:
    files = {
        _file_of(text) or f"{number}.yaml": text for number, text in enumerate(_FILE.findall(match["files"]), start=1)
    }
    return Case(match["title"], files, match["message"])


def _file_of(text: str) -> str | None:
    """The file that the first line names, for settings."""
    return next((name for name in SETTINGS_FILES if text.startswith(f"# {name}\n")), None)


def _anew(match: re.Match[str]) -> str:
    case = _case(match)
    return f"### {case.title}\n{match['files']}```text\n{case.said()}```\n"


if __name__ == "__main__":
    TABLE.write_text(_CASE.sub(_anew, TABLE.read_text(encoding="utf-8")), encoding="utf-8")
