"""The Python that the page of subscribers shows stands in the examples, letter by letter."""

import pytest

from tools.docs_pages import ROOT, Block, blocks

PAGE = ROOT / "docs" / "subscribing.md"
SHOWN = [block for block in blocks(PAGE) if block.info == "python"]
PROGRAMS = [path.read_text(encoding="utf-8") for path in (ROOT / "examples" / "subscriber").glob("*.py")]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: str(block.line))
def test_an_excerpt_is_part_of_an_example(block: Block) -> None:
    assert any(block.text.rstrip("\n") in program for program in PROGRAMS), block.text
