"""The page of all settings, made from the settings. `make docs` writes it."""

from app.settings import describe_settings
from tools.docs_pages import ROOT

PAGE = ROOT / "docs" / "settings.md"

_TOP = """\
# Settings
Each setting is an environment variable. Some are also options of a command (`shoal worker --help`); an option
overrides the variable. Durations are written as in definitions: `5s`, `1h30m`. If a value is not allowed, the process
does not start and the error says which values are. The same holds for a variable that begins with `SHOAL_` and is not
a setting.

`make docs` generates this page from the settings, and a test compares the two.

| variable | default | allowed | meaning |
|---|---|---|---|
"""

_BOTTOM = """
[operations.md](operations.md) explains when to change them.
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
