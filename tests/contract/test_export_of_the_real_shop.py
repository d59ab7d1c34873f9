"""The export of visitors of a real shop has every record that a plain search of the topics finds.

`EXPORT_EVENTS` is the number of events from the beginning of the month (2,000); 0: all of it.
"""

import os
import re
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from app.main import create_app
from app.runtime.kafka.record_batch import Row
from app.simulation.recording import lines_of
from tests.contract.test_user_export import export, places
from tests.model.sql_parity.shop import FILE
from tests.support.broker import Broker
from tests.support.shop import Shop, running, soon

EVENTS = int(os.environ.get("EXPORT_EVENTS", "2000")) or None
VISITOR = re.compile(rb'"anonymousId":"([^"]+)"')
ROWS_AT_ONCE = 20_000
EXPORTS = 2
DEFINITIONS = {
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\ntopic: true\n",
    "carts.yaml": "segment: carts\nwhen: cart.items > 0\nattach: {value: cart.value}\n",
}

Place = tuple[str, int, int]


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", partitions=3, definitions=DEFINITIONS)
    await made.open()
    yield made
    await made.close()


async def fed(shop: Shop) -> Counter[bytes]:
    """Writes the events; returns how many each visitor has."""
    counts: Counter[bytes] = Counter()
    lines = islice(lines_of([FILE]), EVENTS)
    while some := list(islice(lines, ROWS_AT_ONCE)):
        rows: list[Row] = []
        for line in some:
            found = VISITOR.search(line)
            assert found is not None, line
            rows.append((found[1], line, []))
            counts[found[1]] += 1
        await shop.send(rows)
    return counts


async def searched(shop: Shop, *names: bytes) -> dict[bytes, set[Place]]:
    """Records of all topics but that of profiles that have a name anywhere in them."""
    found: dict[bytes, set[Place]] = {name: set() for name in names}
    topics = shop.settings.topics
    every = [topics.clickstream, topics.changes, topics.segment("viewers"), topics.late, topics.dead_letters]
    for topic in (*every, topics.identity, topics.erasures, topics.journal):
        for partition in range(shop.settings.partitions):
            for record in await shop.read(topic, partition):
                said = (record.key or b"") + b" " + (record.value or b"")
                for name in names:
                    if name in said:
                        found[name].add((topic, partition, record.offset))
    return found


async def is_processed(shop: Shop, records: int) -> bool:
    """True if the worker has come to the end of the clickstream."""
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.broker.bootstrap_servers)
    await admin.start()
    try:
        reached = await admin.list_consumer_group_offsets(shop.settings.app_id)
    finally:
        await admin.close()
    done: int = sum(each.offset for each in reached.values())
    return done >= records


@pytest.mark.skipif(not FILE.exists(), reason=f"needs {FILE.name} (TRUTH_DATA says where it is)")
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
async def test_the_export_of_a_visitor_is_complete_against_a_plain_search(shop: Shop, tmp_path: Path) -> None:
    counts = await fed(shop)
    async with running(create_app(shop.settings)):
        await soon(partial(is_processed, shop, counts.total()), within_s=1_500)
    names = [name for name, _ in counts.most_common(EXPORTS)]
    wanted = await searched(shop, *names)
    for name in names:
        output = tmp_path / f"{name.decode()}.json"
        told = await export(shop, name.decode(), output)
        assert places(told) == wanted[name]
        assert len(places(told)) == len(told["records"]) > counts[name], "the events, and what came of them"
