"""The page of all settings, made from the settings. `make docs` writes it."""

from app.settings import describe_settings
from tools.docs_pages import ROOT

PAGE = ROOT / "docs" / "settings.md"

_TOP = """\
# Settings
Each setting is an environment variable; `shoal worker --help` says which of them are also options of the command, and
an option comes before the variable. Durations are written as in definitions: `5s`, `1h30m`. A value that is not allowed
stops the start and says what is; so does a variable that begins with `SHOAL_` and is no setting.

This page is made from the settings themselves by `make docs`, and a test compares the two.

| variable | default | allowed | meaning |
|---|---|---|---|
"""

_BOTTOM = """
[operations.md](operations.md) says which of them matter when.
"""


def settings_page() -> str:
    """The whole page."""
    lines = [
        f"| `{each.variable}` | {_code(each.default)} | {each.allowed} | {each.meaning} |\n"
        for each in describe_settings()
    ]
    return _TOP + "".join(lines) + _BOTTOM


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
