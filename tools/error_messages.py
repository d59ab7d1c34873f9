"""The messages that the pages show for mistakes. `make docs` writes them anew."""

from pathlib import Path

from app.segments.definitions.catalog import CatalogError, load_catalog
from tools.docs_pages import PAGES, Block, definitions, mistakes
from tools.docs_tables import with_tables


def message_of(page: Path, block: Block) -> str:
    """Returns the message about a wrong definition beside the page's others; AssertionError if there is none."""
    try:
        load_catalog({**definitions(page), block.file: block.text})
    except CatalogError as error:
        return "\n\n".join(map(str, error.problems))
    raise AssertionError(f"{page.name}:{block.line}: nothing is wrong with this")


def rewritten(page: Path) -> str:
    """The page with the messages of today."""
    lines = page.read_text(encoding="utf-8").splitlines(keepends=True)
    for block, _ in reversed(list(mistakes(page))):
        begin = next(at for at in range(block.line, len(lines)) if lines[at].startswith("```text")) + 1
        end = next(at for at in range(begin, len(lines)) if lines[at].startswith("```"))
        lines[begin:end] = [message_of(page, block) + "\n"]
    return "".join(lines)


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(with_tables(rewritten(each)), encoding="utf-8")
