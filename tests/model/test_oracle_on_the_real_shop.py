"""The engine and the oracle agree on real visitors of a real shop, with the whole shipped catalog.

TRUTH_SHOP_USERS: one of how many users is looked at (2,000).
"""

import os
import zlib
from pathlib import Path

import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tests.model.oracle import Oracle
from tests.model.sql_parity import shop
from tests.properties.comparison import first_difference
from tests.properties.playing import Run

CATALOG = Path(__file__).parents[2] / "deploy" / "segments"
ONE_OF = int(os.environ.get("TRUTH_SHOP_USERS", "2000"))


@pytest.mark.truth
@pytest.mark.timeout(3_600)
@pytest.mark.skipif(not shop.FILE.exists(), reason=f"needs {shop.FILE.name} (TRUTH_DATA says where it is)")
def test_the_shipped_catalog_on_real_visitors() -> None:
    records = [record for record in shop.records() if record.key and zlib.crc32(record.key) % ONE_OF == 0]
    catalog = load_catalog({path.name: path.read_text() for path in sorted(CATALOG.glob("*.yaml"))})
    rules = TimeRules()
    answer = Oracle(catalog, rules, look_ahead=True).run(records, clock_ms=0)
    partition = Partition(compile_catalog(catalog, rules), rules)
    run = Run()
    for start in range(0, len(records), 500):
        batch = partition.process(records[start : start + 500])
        run.gather(batch)
    run.clock_ms, run.users, run.members = partition.clock_ms, partition.users, partition.members()
    assert sum(map(len, answer.changes.values())) > len(answer.known)
    assert first_difference(answer, run) is None
