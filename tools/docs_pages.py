"""The pages of the documentation, cut into what can be run.

A page is a catalog: all its definitions (fenced blocks marked `yaml`) are loaded together, each as a file named like
what it defines. A block marked `yaml wrong` is loaded in addition to them, and the next block, marked `text`, is
exactly what is said about it. A block marked `yaml features` is a features file. A block marked `console` is a session
in the folder that holds `my-segments`, the page's definitions: lines that begin with `$ ` are typed, the others come.
`console old->new` changes the definitions before: the first `old` becomes `new`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_NAME = re.compile(r"^(?:segment|score): *(\S+)", re.MULTILINE)
_SETTINGS = re.compile(r"# (\w+\.yaml)\n")
_CODE = re.compile(r"(`+)(.+?)\1")
_CELL_END = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `info` is what stands behind the opening fence, `line` the first line inside."""

    page: str
    info: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """The name of the segment or score that it defines."""
        found = _NAME.search(self.text)
        return found[1] if found else "nameless"

    @property
    def file(self) -> str:
        """The file that a reader would put it into: named by a comment in its first line, or like what it defines."""
        settings = _SETTINGS.match(self.text)
        return settings[1] if settings else f"{self.name}.yaml"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, with the head of its table; cells as written."""

    page: str
    head: tuple[str, ...]
    cells: tuple[str, ...]
    line: int


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found: list[Block] = []
    info: str | None = None
    begun = 0
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            if info is None:
                info, begun = line.removeprefix("```").strip(), number
            else:
                text = "\n".join(lines[begun : number - 1]) + "\n"
                found.append(Block(page.name, info, text, begun + 1))
                info = None
    assert info is None, f"{page.name}:{begun}: a block that does not end"
    return found


def definitions(page: Path) -> dict[str, str]:
    """The files of a page's catalog: path to text."""
    given = [block for block in blocks(page) if block.info == "yaml"]
    files = {block.file: block.text for block in given}
    assert len(files) == len(given), f"{page.name} defines a name twice"
    return files


def mistakes(page: Path) -> Iterator[tuple[Block, str]]:
    """The wrong definitions of a page, each with what must be said about it."""
    for block, following in pairwise([*blocks(page), Block(page.name, "end", "", 0)]):
        if block.info == "yaml wrong":
            assert following.info == "text", f"{page.name}:{block.line}: a mistake without its message"
            yield block, following.text.rstrip("\n")


def rows(page: Path) -> Iterator[Row]:
    """All rows of a page's tables."""
    head: tuple[str, ...] = ()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|"):
            head = ()
        elif not head:
            head = _cells(line)
        elif not set(line) <= set("|-: "):
            yield Row(page.name, head, _cells(line), number)


def code(cell: str) -> list[str]:
    """Returns the texts between back quotes in a cell."""
    return [found[2].replace("\\|", "|") for found in _CODE.finditer(cell)]


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in _CELL_END.split(line.strip().strip("|")))
