"""Drafts on each broker: two consoles that write at once do not lose what the other has written."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaError, UnknownError
from msgspec.structs import replace

from app.catalogs import draft_store
from app.catalogs.draft_store import DraftStore, OvertakenDraftError
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.records.draft_record import DraftRecord
from app.settings import load_settings

DRAFT = DraftRecord(id="a", revision=1, name="", text="", base="none", by="", begun_ms=0, changed_by="", changed_ms=0)


async def test_every_change_that_was_acknowledged_is_in_the_draft(broker: Any, unique: str) -> None:
    settings = load_settings(
        {}, kafka_bootstrap_servers=broker.bootstrap_servers, topic_prefix=f"{unique}.", app_id=unique
    )
    stores = [DraftStore(settings) for _ in range(2 if broker.transactions else 1)]
    await stores[0].change(lambda _: DRAFT)

    async def add(number: int) -> int:
        """Adds a line to what is there, as nobody does without having seen it."""
        for attempt in range(20):
            try:
                await stores[number % len(stores)].change(
                    lambda drafts: replace(
                        drafts["a"], text=f"{drafts['a'].text}{number} ", revision=drafts["a"].revision + 1
                    )
                )
            except OvertakenDraftError:
                continue
            return attempt
        raise AssertionError("the other console was always faster")

    await asyncio.gather(*map(add, range(6)))
    found = (await DraftStore(settings).all())["a"]
    assert sorted(found.text.split()) == list("012345")
    assert found.revision == 7
    assert (await stores[0].all())["a"] == found


@pytest.mark.parametrize("is_written", [True, False])
async def test_a_write_whose_end_is_unclear_is_looked_for(
    broker: Any, unique: str, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    """Kafka has answered with an unknown error when two consoles fenced each other at the end of a transaction."""
    if not broker.transactions:
        pytest.skip("this broker has no transactions")
    opened = []

    class Unclear(LogWriter):
        async def open(self) -> None:
            await super().open()
            opened.append(self)
            commit = self.producer.commit_transaction

            async def end() -> None:
                if is_written:
                    await commit()
                raise KafkaError("Unexpected error during batch delivery") from UnknownError()

            if len(opened) == 1:
                monkeypatch.setattr(self.producer, "commit_transaction", end)

    settings = load_settings(
        {}, kafka_bootstrap_servers=broker.bootstrap_servers, topic_prefix=f"{unique}.", app_id=unique
    )
    monkeypatch.setattr(draft_store, "LogWriter", Unclear)
    store = DraftStore(settings)
    if is_written:
        assert await store.change(lambda _: DRAFT) == DRAFT
    else:
        with pytest.raises(OvertakenDraftError):
            await store.change(lambda _: DRAFT)
    assert await DraftStore(settings).all() == ({"a": DRAFT} if is_written else {})
    newer = replace(DRAFT, revision=2)
    assert await store.change(lambda _: newer) == newer


async def test_a_draft_that_is_taken_away_is_gone_for_every_console(broker: Any, unique: str) -> None:
    settings = load_settings(
        {}, kafka_bootstrap_servers=broker.bootstrap_servers, topic_prefix=f"{unique}.", app_id=unique
    )
    store = DraftStore(settings)
    await store.change(lambda _: DRAFT)
    assert await store.purge(lambda drafts: drafts["a"]) == DRAFT
    assert await store.all() == await DraftStore(settings).all() == {}
    assert await store.change(lambda _: DRAFT) == DRAFT
    assert await DraftStore(settings).all() == {"a": DRAFT}
