"""Erasures that the console begins, on a real broker: all keys in one transaction, and in the audit log."""

from typing import Any

import pytest

from app.events.control_record import CONTROL_MARK, read_control
from app.runtime.audit import AuditLog
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_readers import LogReaders, whole
from app.service.http.http_problem import Problem
from app.settings import load_settings
from app.web.privacy import Deeds
from tests.web.profiles import stored, write_profiles


async def test_an_erasure_of_the_console_is_one_of_the_command(broker: Any, unique: str) -> None:
    if not broker.transactions:
        pytest.skip("this broker has no transactions")
    settings = load_settings(
        {},
        kafka_bootstrap_servers=broker.bootstrap_servers,
        topic_prefix=f"{unique}.",
        app_id=unique,
        partitions=2,
        audit_secret="of tests",
    )
    await write_profiles(settings, [(b"ann", stored({}, {}))])
    deeds = Deeds(settings)
    assert await deeds.keys("ann", suppress=False, by="petra") == ["ann"]
    with pytest.raises(Problem, match="nothing is remembered"):
        await deeds.erase("nobody", suppress=False, by="petra")
    assert await deeds.erase("ann", suppress=True, by="petra") == ["ann"]
    client = await connect(settings)
    async with LogReaders(client, settings, committed_only=True) as readers:
        found = [
            read_control(record.value)
            for partition in range(2)
            async for records in whole(readers.open(settings.topics.clickstream, partition), records_max=100)
            for record in records
            if record.value.startswith(CONTROL_MARK)
        ]
    await client.close()
    assert [(each.deed, each.source, each.suppress) for each in found] == [("erase", "ann", True)]
    records = await AuditLog(settings, actor=None, way="http").latest(6)
    assert [(each.actor, each.deed, each.result) for each in records] == [
        ("petra", "users.erase", "done"),
        ("petra", "users.erase", "begun"),
        ("petra", "users.erase", "failed"),
        ("petra", "users.erase", "begun"),
        ("petra", "users.show", "done"),
        ("petra", "users.show", "begun"),
    ]
    assert records[0].details == {"keys": "1", "suppressed": "true"}
    assert "ann" not in repr(records)
