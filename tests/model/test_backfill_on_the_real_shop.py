"""A backfill of real visitors of a real shop: the first weeks are history, the last days come while users are filled.

TRUTH_SHOP_USERS: one of how many users is looked at (40). TRUTH_DATA says where the data is.
"""

import os
import zlib
from pathlib import Path

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from tests.model.sql_parity import shop
from tests.support.backfilling import Backfilling
from tests.support.choices import Choices

CATALOG = Path(__file__).parents[2] / "deploy" / "segments"
ONE_OF = int(os.environ.get("TRUTH_SHOP_USERS", "40"))
SLICE = 2_000
HISTORY_PERCENT = 90


@pytest.mark.truth
@pytest.mark.timeout(3_600)
@pytest.mark.skipif(not shop.FILE.exists(), reason=f"needs {shop.FILE.name} (TRUTH_DATA says where it is)")
def test_segments_that_are_filled_with_weeks_of_a_real_shop_are_as_in_one_run() -> None:
    records = [record for record in shop.records() if record.key and zlib.crc32(record.key) % ONE_OF == 0]
    catalog = load_catalog({path.name: path.read_text() for path in sorted(CATALOG.glob("*.yaml"))})
    names = tuple(each.name for each in catalog.segments if each.status == "live")
    found = Backfilling(Choices.seeded(1), catalog, names, TimeRules(), 3)
    begin = len(records) * HISTORY_PERCENT // 100
    for first in range(0, begin, SLICE):
        for record in records[first : min(first + SLICE, begin)]:
            found.write(record)
        read(found)
    found.publish()
    for record in records[begin:]:
        found.write(record)
        if found.choices.chance(20):
            found.read(found.choices.below(found.numbers), 20)
            found.follow()
            found.fill(found.choices.below(found.numbers), most=50)
    while not found.end():
        read(found)
        found.follow()
        for number in range(found.numbers):
            found.fill(number, most=SLICE)
    read(found)
    assert found.differences() is None
    members = sum(sum(core.members().values()) for core in found.live.partitions)
    assert members > len(names)


def read(found: Backfilling) -> None:
    """All that is unread."""
    while any(found.live.unread):
        for number in range(found.numbers):
            found.read(number, SLICE)
