"""The recipe that checks exported events: it finds each fault that is put in, and nothing else."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.events.instants import iso_text
from app.warehouse.export import PartitionExport
from app.warehouse.store import FolderStore
from tests.support.own_environment import python_with
from tests.warehouse.making import DAY_MS, START_MS, Record, settings_with
from tests.warehouse.reading import table_of
from tools.docs_pages import ROOT, blocks

PACKAGES = Path(__file__).parent / "requirements.txt"
PROGRAM = ROOT / "examples" / "quality" / "check_events.py"


def order(offset: int, **others: Any) -> Record:
    """A record of an order."""
    value = {
        "type": "track",
        "event": "Order Completed",
        "userId": f"u-{offset}",
        "timestamp": iso_text(START_MS + offset * 1000),
        "properties": {"order_id": f"o-{offset}", "revenue": 10.5},
    }
    return Record(offset, json.dumps(value | others).encode(), timestamp=START_MS + 5000)


GOOD = [
    *(order(offset) for offset in range(10)),
    order(10, type="page", event=None, properties={}),
    order(11, event="Cart Viewed", properties={}),
    Record(12, b'{"type":"watermark","timestamp":"2026-01-01T00:00:00Z"}'),
]
BAD = [
    order(13, properties={"order_id": "", "revenue": -4}),
    order(14, properties={"order_id": "o-14", "revenue": "much"}),
    order(15, properties={}),
    Record(16, b"{"),
    order(17, event=None),
    order(18, timestamp=iso_text(START_MS + 3 * DAY_MS)),
]
WANTED = """\
unusable: 5.6% of 18 rows, 1% may be: {'invalid-json': 1}
events: a track has an event: 1 rows, the first at [0, 17]
events: no clock is a day fast: 1 rows, the first at [0, 18]
orders: order_id: not_nullable: 1 rows, the first at [0, 15]
orders: order_id: str_length(1, None): 1 rows, the first at [0, 13]
orders: revenue: from 0 to 100,000: 2 rows, the first at [0, 13]
orders: revenue: not_nullable: 1 rows, the first at [0, 15]
18 events, 7 checks failed
"""


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python_with(PACKAGES)), str(PROGRAM), str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_recipe_finds_each_fault_and_nothing_else(tmp_path: Path) -> None:
    settings = settings_with()
    export = PartitionExport(FolderStore(tmp_path), table_of(settings, "events"), 0, settings)
    export.write(GOOD, 13)
    good = check(tmp_path)
    assert (good.returncode, good.stdout, good.stderr) == (0, "12 events, 0 checks failed\n", "")
    export.write(BAD, 19)
    bad = check(tmp_path, "--since", "2026-01-01")
    assert (bad.returncode, bad.stdout, bad.stderr) == (1, WANTED, "")
    none = check(tmp_path, "--since", "2026-01-02")
    assert (none.returncode, none.stdout, none.stderr) == (1, "no event since 2026-01-02\n", "")


def test_the_page_shows_what_it_finds() -> None:
    shown = [block.text for block in blocks(ROOT / "docs" / "bi.md") if block.text.startswith("unusable: ")]
    assert len(shown) == 1
    assert set(shown[0].splitlines()) < set(WANTED.splitlines())
