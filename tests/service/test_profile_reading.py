"""The newest profiles of users, and how far the reading of a partition is."""

from dataclasses import replace

import pytest

from app.runtime.kafka.clients import wait_for_broker
from app.runtime.records import newest_profiles
from app.runtime.records.newest_profiles import newest_values
from app.settings import Settings
from tests.web.profiles import stored, write_profiles


async def test_the_share_that_was_read_grows(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest_profiles, "READ_RECORDS", 2)
    settings = replace(own_settings, partitions=1)
    profile = stored({}, {})
    await write_profiles(settings, [(f"user-{number}".encode(), profile) for number in range(8)])
    shares: list[float] = []
    client = await wait_for_broker(settings)
    try:
        values = await newest_values(client, settings, ["user-3", "nobody"], on_share=shares.append)
    finally:
        await client.close()
    assert values == {b"user-3": profile}
    assert shares == [0.25, 0.5, 0.75]
