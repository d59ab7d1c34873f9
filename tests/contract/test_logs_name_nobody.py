"""No log names a user, whatever goes wrong: late, dead and poisoned events, moves of keys, failures of our own."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest

from app.main import create_app
from app.runtime.kafka.record_batch import Row
from app.runtime.process import logs
from app.runtime.records.journal import Poisoned
from app.segments.definitions.catalog_settings import IDENTITY_FILE
from app.segments.partition.partition import Batch, Partition, RecordLike
from tests.support.broker import Broker
from tests.support.poison import MARK
from tests.support.shop import DEFINITIONS, HOUR_MS, Shop, record, running, soon

ANN, BEN, VISITOR = "ann@shop.example", "ben-4711", "v-0815"
IDS = (ANN, BEN, VISITOR)


class Talkative(Partition):
    """Fails at a record that has the mark, and repeats the record's key and value in its error."""

    def process(self, records: Iterable[RecordLike]) -> Batch:
        """As the original, until it meets the mark."""
        return super().process(self._checked(records))

    def _checked(self, records: Iterable[RecordLike]) -> Iterable[RecordLike]:
        for each in records:
            if each.value is not None and MARK in each.value:
                raise KeyError(each.key, each.value)
            yield each


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    definitions = DEFINITIONS | {IDENTITY_FILE: "{}\n"}
    given = {"idle_clock": "off", "batch_records_max": "50"}
    made = Shop(broker, unique, tmp_path / "segments", given=given, definitions=definitions)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that processes log, as both of their formatters write it."""
    sink = io.StringIO()
    root = logging.getLogger()
    level = root.level
    handlers = [logging.StreamHandler(sink), logging.StreamHandler(sink)]
    for handler, formatter in zip(handlers, (logs.JsonFormatter(), logs._Formatter()), strict=True):
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield sink
    for handler in handlers:
        root.removeHandler(handler)
    root.setLevel(level)


def seen(user: str, at_ms: int, visitor: str) -> Row:
    """An event with both ids."""
    key, value, headers = record(user, at_ms, "Product Viewed")
    assert value is not None
    return key, json.dumps(json.loads(value) | {"anonymousId": visitor}).encode(), headers


@pytest.mark.long
async def test_the_log_of_a_run_has_none_of_its_ids(shop: Shop, log: io.StringIO) -> None:
    late_ms = -48 * HOUR_MS
    wrong_key: Row = (BEN.encode(), record(ANN, 3_000, "Product Viewed")[1], [])
    rows = [
        record(ANN, 0, "Product Viewed"),
        record(BEN, 0, "Product Viewed"),
        seen(ANN, 1_000, VISITOR),
        record(ANN, late_ms, "Product Viewed"),
        wrong_key,
        (BEN.encode(), b'{"type": "track", "userId": "' + BEN.encode() + b'", "timestamp": "never"}', []),
        record(ANN, 4_000, MARK.decode()),
        record(BEN, 4_000, MARK.decode()),
        record(ANN, 5_000, "Product Viewed"),
    ]
    app = create_app(
        shop.settings, program=shop.program, new_partition=lambda: Talkative(shop.program, shop.settings.time_rules)
    )
    async with running(app):
        await shop.send(rows)

        async def all_dead() -> bool:
            return len(await shop.read_all(shop.settings.topics.dead_letters)) == 4

        await soon(all_dead, within_s=40)
    told = log.getvalue()
    assert told.count("dead letter at offset") == 2 * 2, "each format tells both failures"
    assert "KeyError" in told
    for each in IDS:
        assert each not in told, told
    journal = [entry for number in range(shop.partitions) for entry in await shop.journal(number)]
    assert {entry.reason for entry in journal if isinstance(entry, Poisoned)} == {"KeyError"}


@pytest.mark.parametrize("formatter", [logs._Formatter(), logs.JsonFormatter()])
def test_a_trace_tells_the_place_and_not_the_text_of_an_error(formatter: logging.Formatter) -> None:
    record_of = logging.LogRecord("app.x", logging.ERROR, "x.py", 1, "failed", (), None)
    for error, text in ((KeyError(ANN), None), (OSError(f"no route to {BEN}"), "no route to")):
        try:
            raise error
        except (KeyError, OSError) as caught:
            record_of.exc_info = (type(caught), caught, caught.__traceback__)
        told = formatter.format(record_of)
        assert type(error).__name__ in told
        assert "test_logs_name_nobody.py" in told
        assert ANN not in told
        assert text is None or text in told
