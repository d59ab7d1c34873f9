"""`shoal segments`: its tables, its JSON, its errors."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli
from app.embedded import EmbeddedRedis
from app.runtime.kafka.record_batch import Row
from app.settings import Settings, load_settings
from tests.memberships.changes import ChangesOnKafka
from tests.population.filled import ENTERED_MS, Filled, people
from tests.support.broker import Broker
from tests.support.deployment import deployment
from tests.unit.cli.test_hostile_text import EVIL, acted_on

EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)
WEEK_MS = 7 * 86_400_000


@pytest.fixture
def settings(embedded_redis: EmbeddedRedis, unique: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a projection of this test's own, as the command reads them from the environment."""
    monkeypatch.setenv("REDIS_URL", embedded_redis.url)
    monkeypatch.setenv("SHOAL_REDIS_PREFIX", f"{unique}:")
    return load_settings({}, redis_url=embedded_redis.url, redis_prefix=f"{unique}:", partitions=2)


def fill(settings: Settings, work: Callable[[Filled], Awaitable[None]]) -> None:
    async def fill_it() -> None:
        filled = Filled(settings)
        await work(filled)
        await filled.redis.aclose()

    asyncio.run(fill_it())


async def shop(filled: Filled) -> None:
    await filled.begin()
    await filled.enter("buyers", people(0, 300))
    await filled.enter("viewers", people(0, 400))
    await filled.enter(f"few[red]{EVIL}", people(0, 2))


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert cli.main(["segments", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_report_is_a_table_that_no_name_of_a_segment_can_alter(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings, shop)
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["segments", "size"]) == 0
    sizes = capsys.readouterr().out
    assert "few[red]" in sizes
    assert cli.main(["segments", "overlap"]) == 0
    overlap = capsys.readouterr().out
    assert "few[red]" in overlap
    assert "100.0%" in overlap
    assert "nested" in overlap
    assert not acted_on(sizes + overlap)


def test_reports_are_json_for_machines(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    fill(settings, shop)
    assert {each["segment"]: each["users"] for each in told(capsys, "size", "buyers", "viewers")} == {
        "buyers": 300,
        "viewers": 400,
    }
    overlap = told(capsys, "overlap", "viewers")
    assert [(pair["smaller"], pair["users_both"], pair["candidate"]) for pair in overlap["pairs"]] == [
        ("buyers", 300, "nested")
    ]
    assert told(capsys, "overlap", "viewers", "buyers")["pairs_total"] == 1


def test_personas_are_shown_with_their_users(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(settings, shop)
    folder = tmp_path / "segments"
    folder.mkdir()
    persona = json.dumps({"name": f"N{EVIL}", "traits": [f"T{EVIL}"], "offer": f"O{EVIL}"})
    (folder / "viewers.yaml").write_text(f"segment: viewers\nwhen: exists('A')\npersona: {persona}\n")
    (folder / "buyers.yaml").write_text("segment: buyers\nwhen: exists('B')\npersona: {name: Buyers}\n")
    (folder / "others.yaml").write_text("segment: others\nwhen: exists('C')\n")
    monkeypatch.setenv("SHOAL_SEGMENTS", str(folder))
    found = told(capsys, "personas")
    assert [(each["segment"], each["users"], each["share"]) for each in found] == [
        ("viewers", 400, 4 / 7),
        ("buyers", 300, 3 / 7),
    ]
    assert [each["name"] for each in told(capsys, "personas", "buyers")] == ["Buyers"]
    assert cli.main(["segments", "personas"]) == 0
    said = capsys.readouterr().out
    assert "57.1 %" in said
    assert not acted_on(said)
    assert told(capsys, "personas", "others") == []
    assert cli.main(["segments", "personas", "others"]) == 0
    assert "no live segment has a persona" in capsys.readouterr().out
    assert cli.main(["segments", "personas", "few"]) == cli.EXIT_USER_ERROR


def test_drift_of_some_segments_is_about_shares_of_all(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: ENTERED_MS * 1_000_000)

    async def work(filled: Filled) -> None:
        await shop(filled)
        await filled.counted("buyers", (ENTERED_MS - WEEK_MS, 900))
        await filled.counted("viewers", (ENTERED_MS - WEEK_MS, 400))

    fill(settings, work)
    drift = told(capsys, "drift", "viewers")
    assert [(row["segment"], row["users_before"], row["verdict"]) for row in drift["segments"]] == [
        ("viewers", 400, "moderate")
    ]
    assert cli.main(["segments", "drift"]) == 0
    said = capsys.readouterr().out
    assert "population stability index of all segments: 0.290, large" in said
    assert "not counted then: few[red]" in said
    assert not acted_on(said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["size", "--set", "redis_url="], "no Redis is set"),
        (["size", "--set", "redis_url=redis://127.0.0.1:9"], "Redis does not answer"),
        (["overlap"], "this Redis holds no memberships"),
        (["size", "--back", "never"], "--back"),
        (["overlap", "--limit", "0"], "--limit is 0"),
        (["drift", "--small", "-1"], "--small is -1"),
    ],
)
def test_what_is_missing_is_an_error_that_says_so(
    words: list[str], said: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settings.redis_url
    assert cli.main(["segments", *words]) == cli.EXIT_USER_ERROR
    assert said in capsys.readouterr().err


def test_names_that_nobody_knows_and_a_projection_that_is_not_ready_are_errors(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(settings, lambda filled: filled.begin(ready=1))
    assert cli.main(["segments", "size"]) == cli.EXIT_USER_ERROR
    assert "1 of 2 partitions are not in this Redis yet" in capsys.readouterr().err
    fill(settings, shop)
    assert cli.main(["segments", "drift"]) == cli.EXIT_USER_ERROR
    assert "were not counted around" in capsys.readouterr().err
    assert cli.main(["segments", "overlap", "buyers", f"none{EVIL}"]) == cli.EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert "nothing is known of none" in error
    assert not acted_on(error)


@pytest.fixture
async def on_kafka(
    broker: Broker, settings: Settings, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A deployment with definitions, changes, events and memberships."""
    (tmp_path / "buyers.yaml").write_text("segment: buyers\nwhen: exists('Bought') or exists('Paid')\n")
    (tmp_path / "loyal.yaml").write_text("segment: loyal\nwhen: segment('buyers') and exists(page)\n")
    (tmp_path / "quiet.yaml").write_text("segment: quiet\nwhen: exists('Slept')\n")
    made = deployment(
        broker.bootstrap_servers,
        unique,
        transactions=broker.transactions,
        redis_url=settings.redis_url,
        redis_prefix=settings.redis_prefix,
        segments=tmp_path,
        catalog="folder",
    )
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "SHOAL_TOPIC_PREFIX": f"{unique}.",
        "SHOAL_PARTITIONS": "2",
        "SHOAL_SEGMENTS": str(tmp_path),
        "SHOAL_CATALOG": "folder",
    }.items():
        monkeypatch.setenv(name, value)
    changes = ChangesOnKafka(made)
    await changes.open()
    await changes.write([changes.change("ann", "entered", "buyers"), changes.change("ann", "exited", "buyers")])
    events: list[Row] = [
        (b"ann", b'{"type":"track","event":"Bought","userId":"ann"}', []),
        (b"ann", b"no JSON at all \xff", []),
        (b"ann", b'{"type":"page","userId":"ann"}', []),
    ]
    await changes.write_to(0, made.topics.clickstream, events)
    await changes.close()
    filled = Filled(made)
    await filled.begin()
    await filled.enter("quiet", ["ben"])
    await filled.redis.aclose()
    return made


@EMBEDDED
async def test_freshness_shows_the_last_change_and_the_last_event_of_the_kinds_that_are_read(
    on_kafka: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await asyncio.to_thread(told, capsys, "freshness")
    assert on_kafka.partitions == 2
    assert (found["changes_since"], found["events_since"]) == (None, None)
    rows = {row["segment"]: row for row in found["segments"]}
    assert rows["buyers"]["last_change"] == "2026-01-01T00:00:02.000Z", "the exit, which Redis does not have"
    assert rows["quiet"]["last_change"] == "2026-01-01T12:00:00.000Z", "the entry, which only Redis has"
    assert rows["loyal"]["last_change"] is None
    assert rows["buyers"]["missing"] == ["'Paid'"]
    assert rows["loyal"]["kinds"] == ["'Bought'", "'Paid'", "page"], "also those of the segment that it uses"
    assert (rows["quiet"]["last_event"], rows["quiet"]["missing"]) == (None, ["'Slept'"])
    assert rows["buyers"]["last_event"]


@EMBEDDED
async def test_freshness_says_how_far_back_it_has_read(on_kafka: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    found = await asyncio.to_thread(told, capsys, "freshness", "buyers", "--records", "1")
    assert on_kafka.partitions == 2
    assert found["events_since"]
    (row,) = found["segments"]
    assert (row["last_event"], row["missing"]) == (None, ["'Bought'", "'Paid'"])
    assert await asyncio.to_thread(cli.main, ["segments", "freshness", "--records", "1"]) == 0
    assert "read the events since" in capsys.readouterr().out
