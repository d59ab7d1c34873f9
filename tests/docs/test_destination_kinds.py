"""docs/destinations.md lists the kinds of destinations that there are, with their keys."""

import re

from app.destinations.kind import known_kinds
from tools.docs_pages import ROOT

ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| .+ \|$", re.MULTILINE)


def test_the_table_has_a_row_for_each_kind_with_its_keys() -> None:
    text = (ROOT / "docs" / "destinations.md").read_text(encoding="utf-8")
    table = text[text.index("| kind |") :].split("\n\n", 1)[0]
    listed = {name: set(re.findall(r"`(\w+)`", keys)) for name, keys in ROW.findall(table)}
    assert listed == {
        name: {*kind.keys, *(("batch",) if kind.batch_max > 1 else ())} for name, kind in known_kinds().items()
    }
