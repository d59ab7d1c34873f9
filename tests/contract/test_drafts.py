"""Drafts on each broker: two consoles that write at once do not lose what the other has written."""

import asyncio
from typing import Any

from msgspec.structs import replace

from app.catalogs.draft_store import DraftStore, OvertakenDraftError
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
