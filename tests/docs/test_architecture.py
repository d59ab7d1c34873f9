"""The page about the architecture names what is there: newcomers begin with it."""

import re

from tools.docs_pages import ROOT, code, rows

PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = sorted(
    str(found.parent.relative_to(ROOT))
    for top in ("app", "agents", "tables")
    for found in (ROOT / top).rglob("__init__.py")
    if found.parent != ROOT / "app"
)


def named(head: str, column: int) -> list[str]:
    """Returns the names in back quotes in a column of the table with this head."""
    return [name for row in rows(PAGE) if row.head[0] == head for name in code(row.cells[column])]


def test_every_package_is_in_the_table_and_nothing_else() -> None:
    assert sorted(name for name in named("package", 0) if not name.endswith(".py")) == PACKAGES


def test_every_package_belongs_to_one_of_the_halves() -> None:
    halves = [name for name in named("half", 1) if not name.endswith(".py")]
    assert sorted(halves) == sorted(name for name in PACKAGES if name.count("/") < 2)


def test_every_path_leads_to_something() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:app|agents|tables|tests)/[\w/.]+)`", text):
        assert (ROOT / path).exists() or (ROOT / f"{path}.py").exists(), path
