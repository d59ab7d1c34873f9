"""The fast path takes the events of those who are logged in, and leaves claims, logouts and moved keys to the loop."""

import json
import shutil
from typing import Any

import pytest

from app.events.instants import iso
from app.offline.backtest import FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tables.identity import CLAIM_MS
from tests.support.people import START_MS, PeopleSettings, events_of_people

RULES = TimeRules(retention_ms=3 * 86_400_000)
PROGRAM = compile_catalog(
    load_catalog(
        {
            "identity.yaml": "switches_max: 2\ndevices_max: 3\n",
            "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\n",
            "carts.yaml": "segment: carts\nwhen: cart.items > 0 and cart.idle >= 10m and cart.idle < 2h\n",
        }
    ),
    RULES,
)
SEEDS = range(6)

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the fast path is not built")


def records_of(events: list[dict[str, Any]]) -> list[FileRecord]:
    """The events as a topic has them."""
    found = []
    for offset, event in enumerate(events):
        key = str(event.get("userId") or event["anonymousId"]).encode()
        found.append(FileRecord(offset, START_MS + offset * 2_000, key, json.dumps(event).encode()))
    return found


def seen(batch: Batch) -> list[Any]:
    """All that a batch shows, but for the path it took."""
    values = [change.encode() for change in batch.changes]
    return [values, batch.profiles, batch.links, batch.linked, batch.duplicates, batch.kinds, dict(batch.counted)]


@pytest.mark.parametrize("alone", [True, False], ids=["one partition", "a partition of several"])
@pytest.mark.parametrize("seed", SEEDS)
def test_both_paths_do_the_same(seed: int, *, alone: bool) -> None:
    # Steps of an hour: users are forgotten meanwhile, and claims with them.
    step_ms = 2_000 if seed % 2 else 3_600_000
    events = list(events_of_people(PeopleSettings(seed=seed, events=800, people=6, shared_share=0.3, step_ms=step_ms)))
    records = records_of(events)
    fast, slow = (Partition(PROGRAM, RULES, keyed=True, fast=each, alone=alone) for each in (True, False))
    quickly = 0
    for first in range(0, len(records), 40):
        batches = [partition.process(records[first : first + 40]) for partition in (fast, slow)]
        assert seen(batches[0]) == seen(batches[1]), f"seed {seed}, batch at {first}"
        quickly += batches[0].quickly
    assert quickly > 0


def test_nearly_all_events_of_a_logged_in_site_take_the_fast_path() -> None:
    events = [
        {
            "type": "track",
            "event": "Product Viewed",
            "userId": f"u{number % 50}",
            "anonymousId": f"a{number % 50}",
            "messageId": f"m{number}",
            "timestamp": iso(START_MS + number * 100),
        }
        for number in range(5_000)
    ]
    batch = Partition(PROGRAM, RULES).process(records_of(events))
    assert len(batch.links) == 50
    assert batch.quickly / batch.accepted > 0.95


@pytest.mark.parametrize(
    ("more", "leaves"),
    [
        ({}, 0),
        ({"anonymousId": "another"}, 1),
        ({"event": "Signed Out"}, 1),
        ({"type": "alias"}, 1),
        ({"anonymousId": " a "}, 1),
        ({"anonymousId": "u"}, 0),
        ({"anonymousId": None}, 0),
        ({"timestamp": iso(START_MS + CLAIM_MS)}, 1),
        ({"timestamp": iso(START_MS + CLAIM_MS - 1)}, 0),
    ],
    ids=str,
)
def test_an_event_that_says_something_new_about_an_id_is_left_to_the_loop(more: dict[str, Any], leaves: int) -> None:
    first = {"type": "track", "event": "Product Viewed", "userId": "u", "anonymousId": "a"}
    events = [first | {"messageId": "m0", "timestamp": iso(START_MS)}]
    events.append(first | {"messageId": "m1", "timestamp": iso(START_MS + 1)} | more)
    rules = TimeRules()
    program = compile_catalog(load_catalog({"identity.yaml": "", "s.yaml": "segment: s\nwhen: exists(page)\n"}), rules)
    records = [
        FileRecord(number, START_MS + 2 * CLAIM_MS, b"u", json.dumps(event).encode())
        for number, event in enumerate(events)
    ]
    batch = Partition(program, rules).process(records)
    assert batch.accepted - batch.quickly == 1 + leaves
