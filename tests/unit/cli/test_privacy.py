"""`shoal privacy report`: purposes, fields, retention, topics and processors, as text and as JSON."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import main
from app.runtime.kafka.clients import connect
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.settings import load_settings
from tests.support.broker import Broker

SEGMENT = "segment: buyers\ntitle: Buyers\nrequires: [mail]\nwhen: sum(price of 'Bought' within 1d) > 5\n"
DESTINATION = "destination: mail-tool\nsegments: [buyers]\nurl: https://api.mail.example/v1?key=${KEY}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Definitions and destinations, and a working directory."""
    for name, file, text in (
        ("segments", "buyers.yaml", SEGMENT),
        ("segments", "consent.yaml", "purposes: {mail: {default: denied}}\n"),
        ("destinations", "mail.yaml", DESTINATION),
    ):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", "hush")
    monkeypatch.setenv("REDIS_URL", "redis://shoal:hush@redis.shop.example/0")
    monkeypatch.setenv("SHOAL_WAREHOUSE", "s3://bucket/shoal")
    return tmp_path


def reported(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["privacy", "report", "--segments", "segments", *options]) == 0
    return capsys.readouterr().out


def test_the_report_names_fields_purposes_topics_and_processors(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = reported(capsys)
    for words in (
        r"properties.price",
        "mail",
        "shoal.profiles",
        "until 400d after their last event",
        "mail-tool",
        "changes of buyers",
        "redis.shop.example",
        "s3://bucket/shoal",
    ):
        assert words in text
    assert "hush" not in text, "a secret is in the report"


def test_the_report_as_json_holds_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = f"2026:{'hush' * 8}"
    text = reported(capsys, "--format", "json", "--set", "keep=catalog", "--set", f"pseudonym_keys={keys}")
    report: dict[str, Any] = json.loads(text)
    assert "hush" not in text
    assert (report["collector_keeps"], report["collector_ids"]) == ("catalog", "pseudonyms")
    assert report["processing"]["fields"] == [
        {"place": "properties.price", "events": ["Bought"], "definitions": ["buyers"]}
    ]
    topics = {each["name"]: each for each in report["topics"]}
    assert topics["clickstream"] == {"name": "clickstream", "retention": "for ever", "is_as_it_is": False}
    assert topics["shoal.audit"]["retention"] == "1095d"
    assert "shoal.catalog" not in topics
    assert [each["name"] for each in report["processors"]] == ["mail-tool", "redis.shop.example", "s3://bucket/shoal"]


def test_without_destinations_there_are_no_processors(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.delenv("SHOAL_WAREHOUSE")
    report = json.loads(reported(capsys, "--format", "json", "--destinations", "elsewhere"))
    assert report["processors"] == []


@pytest.mark.kafka
async def test_kafka_says_how_long_topics_keep_records(
    folder: Path, capsys: pytest.CaptureFixture[str], kafka_broker: Broker, unique: str
) -> None:
    where = {"kafka_bootstrap_servers": kafka_broker.bootstrap_servers, "topic_prefix": f"{unique}."}
    settings = load_settings({}, partitions=1, **where)
    client = await connect(settings)
    try:
        await ensure_topics(settings, client, topic_specs(settings, ()))
    finally:
        await client.close()
    options = [word for name, value in where.items() for word in ("--set", f"{name}={value}")]
    text = await asyncio.to_thread(reported, capsys, "--ask", "--format", "json", *options)
    topics = {each["name"]: each for each in json.loads(text)["topics"]}
    assert topics[f"{unique}.segment.changes"] == {
        "name": f"{unique}.segment.changes",
        "retention": "7d",
        "is_as_it_is": True,
    }
    assert topics[f"{unique}.clickstream"]["retention"] == "for ever"
    assert not topics[f"{unique}.shoal.audit"]["is_as_it_is"]  # it is not there yet
