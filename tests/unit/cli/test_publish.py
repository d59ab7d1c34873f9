"""The hint of `shoal publish` about new segments."""

from app.cli.publish import backfill_hint
from app.runtime.records.published_catalog import Difference
from app.segments.definitions.catalog import load_catalog

CATALOG = load_catalog(
    {
        "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed')\n",
        "viewers.yaml": "segment: viewers\nwhen: exists('Product Viewed')\n",
        "draft.yaml": "segment: draft\nwhen: exists('Product Viewed')\nstatus: draft\n",
    }
)


def difference(*added: str, same: tuple[str, ...]) -> Difference:
    return Difference(added=added, changed=(), removed=(), same=same)


def test_a_new_live_segment_is_told_with_the_command_that_fills_it() -> None:
    told = backfill_hint(CATALOG, difference("draft", "viewers", same=("buyers",)))
    assert told.endswith("shoal backfill viewers")


def test_the_first_publication_and_drafts_lack_nothing() -> None:
    assert backfill_hint(CATALOG, difference("buyers", "viewers", same=())) == ""
    assert backfill_hint(CATALOG, difference("draft", same=("buyers",))) == ""
