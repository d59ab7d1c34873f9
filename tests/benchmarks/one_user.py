"""one_user: a user who sends half, or nine tenths, of all events, each with another value, against none such."""

import time
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import msgspec

from app.events.instants import iso
from app.offline.backtest import FileRecord
from app.runtime.process.gc_control import without_collector
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tests.benchmarks.events import ROUNDS, START_MS, Workload, calibrate
from tests.benchmarks.report import Result

EVENTS_MAX: Final = 20_000
BATCH: Final = 2_000
PRODUCTS: Final = 1_000
BRANDS: Final = 50
EVENT: Final = "Product Viewed"
EVENTS: Final = {"cart": "Product Added"}
SHARES: Final = {"none": 0.0, "half of the events": 0.5, "nine tenths of the events": 0.9}
CONDITIONS: Final = {
    "distinct values": "distinct(product_id of 'Product Viewed' within 1d) >= 5",
    "once per value": "count('Product Viewed' once per product_id within 1d) >= 5",
    "all-time count per value": "count('Product Viewed' per product_id) >= 4",
    "count per value in a window": "count('Product Viewed' per product_id within 1d) >= 4",
    "count of few values in a window": "count('Product Viewed' per brand within 1d) >= 4",
    "count per value since last": "count('Product Viewed' per product_id since last 'Order Completed') >= 4",
    "key of a count": "key(count('Product Viewed' per product_id within 1d)) = 'n5'",
    "key of an all-time count": "key(count('Product Viewed' per product_id)) = 'n5'",
    "sequence": "exists(sequence('Product Viewed' then 'Product Added' within 30m matching product_id) within 1d)",
    "sequence with then no": (
        "exists(sequence('Product Viewed' then no 'Product Added' for 1h matching product_id) within 1d)"
    ),
    "sum in a window": "sum(price of 'Product Viewed' within 1d) >= 100",
    "max in a window": "max(price of 'Product Viewed' within 1d) >= 90",
    "cart": "cart.value >= 300 or cart.quantity >= 30",
    "no values": "exists('Product Viewed' within 1d)",
}
RULES = TimeRules()


def run(workload: Workload) -> Result:
    """Rounds in turn, so that a busy moment of the machine meets all of them; the best of each counts."""
    events = min(workload.events, EVENTS_MAX)
    records = {
        (event, name): _records(event, share, events, workload.seed)
        for event in (EVENT, *EVENTS.values())
        for name, share in SHARES.items()
    }
    rows: list[dict[str, Any]] = []
    with without_collector():
        for kind, condition in CONDITIONS.items():
            program = compile_catalog(load_catalog({"s.yaml": f"segment: s\nwhen: {condition}\n"}), RULES)
            best = dict.fromkeys(SHARES, float("inf"))
            event = EVENTS.get(kind, EVENT)
            for _ in range(ROUNDS):
                for name in SHARES:
                    best[name] = min(best[name], _us_an_event(program, records[event, name]))
            for name in SHARES:
                row = {"run": f"{kind}, one user sends {name}", "us_an_event": best[name]}
                rows.append(row | {"ratio_to_none": best[name] / best["none"]})
        calibration_us = calibrate([record.value for record in records[EVENT, "none"] if record.value is not None])
    return Result("one_user", "product views, one in 40 ms", workload.seed, events, calibration_us, rows)


def _records(event: str, share: float, events: int, seed: int) -> list[FileRecord]:
    chance = Random(seed)
    records = []
    for number in range(events):
        one = chance.random() < share
        user = "one" if one else f"u{chance.randrange(events // 10)}"
        message = {
            "type": "track",
            "event": event,
            "userId": user,
            "messageId": f"m{number}",
            "timestamp": iso(START_MS + 40 * number),
            "properties": {
                "product_id": f"n{number}" if one else f"p{chance.randrange(PRODUCTS)}",
                "brand": f"b{chance.randrange(BRANDS)}",
                "price": chance.randrange(10_000) / 100,
            },
        }
        records.append(FileRecord(number, -1, user.encode(), msgspec.json.encode(message)))
    return records


def _us_an_event(program: Program, records: Sequence[FileRecord]) -> float:
    partition = Partition(program, RULES)
    began_s = time.process_time()
    for begin in range(0, len(records), BATCH):
        for change in partition.process(records[begin : begin + BATCH]).changes:
            change.encode()
    return (time.process_time() - began_s) * 1e6 / len(records)
