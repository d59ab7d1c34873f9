"""A small history in files of the export: changes and orders that can be counted by hand."""

import json
from pathlib import Path
from typing import Any

from app.events.instants import iso_text
from app.warehouse.export import PartitionExport
from app.warehouse.store import FolderStore
from tests.warehouse.making import DAY_MS, START_MS, Record, change, settings_with
from tests.warehouse.reading import table_of

HOUR_MS = 3_600_000
#: User, segment, change, which membership, hours after the start.
CHANGES = [
    ("ann", "viewers", "entered", 1, 1),
    ("ann", "buyers", "entered", 1, 2),
    ("ann", "viewers", "exited", 1, 3),
    ("ben", "viewers", "entered", 1, 4),
    ("ben", "viewers", "updated", 1, 5),
    ("ann", "viewers", "entered", 2, 30),
    ("ann", "viewers", "exited", 2, 34),
    ("cleo", "viewers", "exited", 1, 6),
]
ORDERS = [("ann", 2), ("ben", 4 + 7 * 24)]


def write_history(root: Path) -> None:
    """Writes the files; one change is there twice, one cannot be read."""
    settings = settings_with()
    records = [
        change(number, START_MS + hours * HOUR_MS, user=user, segment=segment, change=kind, times=times)
        for number, (user, segment, kind, times, hours) in enumerate(CHANGES)
    ]
    repeated = Record(len(records), records[0].value, timestamp=START_MS)
    records += [repeated, Record(len(records) + 1, b"{")]
    store = FolderStore(root)
    PartitionExport(store, table_of(settings, "changes"), 0, settings).write(records, len(records))
    orders = [
        Record(number, json.dumps(_order(user, START_MS + hours * HOUR_MS)).encode(), timestamp=START_MS + DAY_MS)
        for number, (user, hours) in enumerate(ORDERS)
    ]
    PartitionExport(store, table_of(settings, "events"), 0, settings).write(orders, len(orders))


def _order(user: str, at_ms: int) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": user, "timestamp": iso_text(at_ms)}
