"""Real events that overtake each other within seconds, as those of one click do: with an `order` nothing is lost.

TRUTH_SHOP_USERS: one of how many users is looked at (100). Run with `-s` it prints the shares.
"""

import os
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tests.model.messages import Record, instant_ms
from tests.model.plain import instant_text
from tests.model.sql_parity import shop

CATALOG = Path(__file__).parents[2] / "deploy" / "segments"
SEQUENCES = {
    "path.yaml": "segment: path\nwhen: count(sequence(page then 'Product Viewed' within 10m) within 1d) >= 1\n",
    "list.yaml": "segment: list\nwhen: count(sequence(page then page then 'Product Viewed') within 1h) >= 2\n",
    "no.yaml": "segment: no\nwhen: exists(sequence('Product Viewed' then no 'Product Added' for 1m) within 1h)\n",
}
ONE_OF = int(os.environ.get("TRUTH_SHOP_USERS", "100"))
WITHIN_MS = 5_000
Told = Counter[tuple[str, str, str, str]]


def told(events: list[tuple[int, Record]], *, wait: str) -> Told:
    """Changes by user, segment, kind and instant."""
    rules = TimeRules()
    files = {path.name: path.read_text() for path in sorted(CATALOG.glob("*.yaml"))} | SEQUENCES
    if wait:
        files[SETTINGS_FILE] = f"order: {{wait: {wait}}}\n"
    records = [replace(record, offset=offset) for offset, (_, record) in enumerate(events)]
    partition = Partition(compile_catalog(load_catalog(files), rules), rules)
    found: Told = Counter()
    for start in range(0, len(records), 1_000):
        found.update(_of(change) for change in partition.process(records[start : start + 1_000]).changes)
    found.update(_of(change) for change in partition.advance(partition.clock_ms + rules.retention_ms).changes)
    return found


def _of(change: Change) -> tuple[str, str, str, str]:
    return change.user, change.segment, change.change, change.at


def spread(records: list[Record]) -> list[tuple[int, Record]]:
    """Events with their instants, in order. Those of a user at one instant get a millisecond each: they have no other
    order than that of the file."""
    latest: dict[bytes | None, int] = {}
    found = []
    for record in records:
        assert record.value is not None
        head, _, rest = record.value.partition(b'"timestamp":"')
        text, _, rest = rest.partition(b'"')
        at_ms = max(instant_ms(text.decode()), latest.get(record.key, -1) + 1)
        latest[record.key] = at_ms
        value = head + f'"timestamp":"{instant_text(at_ms)}"'.encode() + rest
        found.append((at_ms, replace(record, value=value)))
    return sorted(found, key=lambda each: each[0])


@pytest.mark.truth
@pytest.mark.timeout(3_600)
@pytest.mark.skipif(not shop.FILE.exists(), reason=f"needs {shop.FILE.name} (TRUTH_DATA says where it is)")
def test_real_events_that_overtake_each_other_lose_nothing_where_they_wait() -> None:
    in_order = spread([each for each in shop.records() if each.key and zlib.crc32(each.key) % ONE_OF == 0])
    chance = Random(16)
    shuffled = sorted(in_order, key=lambda each: each[0] + chance.uniform(0, WITHIN_MS))
    wanted = told(in_order, wait="")
    without, waiting = told(shuffled, wait=""), told(shuffled, wait="5s")
    sequences = {segment.partition(".")[0] for segment in SEQUENCES}
    for name, found in (("without", without), ("with", waiting)):
        missing = wanted - found
        of_sequences = sum(count for each, count in wanted.items() if each[1] in sequences)
        missing_sequences = sum(count for each, count in missing.items() if each[1] in sequences)
        print(  # noqa: T201  # the figures are what the long form is run for
            f"{name} order: {missing.total():,} of {wanted.total():,} changes missing "
            f"({missing.total() / wanted.total():.1%}), "
            f"of sequences {missing_sequences:,} of {of_sequences:,} ({missing_sequences / of_sequences:.1%}); "
            f"{(found - wanted).total():,} others in their place"
        )
    assert waiting == wanted
    assert (wanted - without).total() > 0.01 * wanted.total()
