"""`shoal topics` on both brokers."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic

from app.cli.main import main
from tests.support.broker import Broker
from tests.support.shop import soon

SEGMENT = "segment: buyers\nwhen: exists('Order Completed' within 30d)\ntopic: true\n"


@pytest.fixture
def shoal(broker: Broker, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of a deployment of the test's own."""
    monkeypatch.setenv("SHOAL_TOPIC_PREFIX", f"{unique}.")
    monkeypatch.setenv("SHOAL_APP_ID", unique)
    monkeypatch.setenv("COLUMNS", "400")
    (tmp_path / "buyers.yaml").write_text(SEGMENT)
    return ["--segments", str(tmp_path), "--partitions", "2", "--broker", broker.bootstrap_servers]


def test_creates_what_is_missing_and_finds_it_right(
    shoal: list[str], unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["topics", "check", *shoal]) == 2
    shown = capsys.readouterr().out
    assert shown.count("missing") == 14
    assert "14 things wrong" in shown
    assert main(["topics", "create", *shoal]) == 0
    shown = capsys.readouterr().out
    assert f"{unique}.segment.buyers" in shown
    assert shown.count("made") == 14
    assert "14 topics: nothing wrong" in shown
    assert main(["topics", "check", *shoal]) == 0
    assert capsys.readouterr().out.count("right") == 14
    assert main(["topics", "create", *shoal]) == 0


def test_another_number_of_partitions_is_told(
    shoal: list[str], broker: Broker, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["topics", "create", *shoal]) == 0
    capsys.readouterr()
    shoal[shoal.index("--partitions") + 1] = "3"
    assert main(["topics", "check", *shoal]) == 2
    assert capsys.readouterr().out.count("SHOAL_PARTITIONS=2") == 9


def test_topics_that_not_everybody_uses_are_judged_when_they_are_there(
    shoal: list[str], broker: Broker, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{unique}.shoal.destinations"

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, 3, 1)])

            async def is_there() -> bool:
                return name in await admin.list_topics()

            await soon(is_there)
        finally:
            await admin.close()

    asyncio.run(make())
    assert main(["topics", "create", *shoal]) == 2
    shown = capsys.readouterr().out
    assert name in shown
    assert "make it anew with 2" in shown
    assert shown.count("made") == 14


@pytest.mark.kafka
def test_a_topic_that_was_made_by_somebody_else_is_judged_by_its_settings(
    shoal: list[str], broker: Broker, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if not broker.transactions:
        pytest.skip("this broker does not tell settings")

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        await admin.start()
        try:
            await admin.create_topics(
                [
                    NewTopic(f"{unique}.shoal.profiles", 2, 1, topic_configs={"retention.ms": "3600000"}),
                    NewTopic(f"{unique}.clickstream", 2, 1),
                ]
            )
            await admin.create_partitions({f"{unique}.clickstream": NewPartitions(4)})
        finally:
            await admin.close()

    asyncio.run(make())
    assert main(["topics", "create", *shoal]) == 2
    shown = capsys.readouterr().out
    assert "cleanup.policy=delete" in shown
    assert f"--alter --topic {unique}.shoal.profiles --add-config cleanup.policy=compact" in shown
    assert "retention.ms=604800000 (7d)" in shown
    assert "users have moved away from" in shown
    assert "worth knowing" in shown
