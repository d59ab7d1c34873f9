"""Commands that hints and pages name: each action that they tell a reader to run exists."""

import re
from importlib import import_module
from typing import Literal, get_args, get_origin, get_type_hints

from app.cli.main import COMMANDS
from tools.docs_pages import PAGES, ROOT

_NAMED = re.compile(r"\bshoal ([a-z]+) ([a-z]+)\b")
_HINT = re.compile(r'hint=f?"([^"\n]*)"')
_CODE = re.compile(r"`([^`\n]*)`")


def actions() -> dict[str, set[str]]:
    """The actions of each command that has some."""
    found: dict[str, set[str]] = {}
    for command, (place, _) in COMMANDS.items():
        module, name = place.split(":")
        of = get_type_hints(getattr(import_module(module), name)).get("action")
        if get_origin(of) is Literal:
            found[command] = set(get_args(of))
    return found


def unknown(texts: list[str], known: dict[str, set[str]]) -> list[str]:
    """The actions that these texts name and no command has."""
    named = [match for text in texts for match in _NAMED.finditer(text)]
    assert named, "nothing is named"
    return [match[0] for match in named if match[1] in known and match[2] not in known[match[1]]]


def test_hints_name_actions_that_exist() -> None:
    known = actions()
    assert known["lists"] == {"import", "replace", "add", "remove", "show", "drop"}
    hints = [hint for file in sorted((ROOT / "app").rglob("*.py")) for hint in _HINT.findall(file.read_text())]
    assert unknown(hints, known) == []


def test_pages_name_actions_that_exist() -> None:
    codes = [code for page in PAGES for code in _CODE.findall(page.read_text())]
    assert unknown(codes, actions()) == []
