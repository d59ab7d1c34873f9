"""The collector leaves out what no definition reads, and what the user of an event refuses, before Kafka."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.service.ending import end
from app.settings import Settings
from tests.service.running import BASIC, serving

CONSENT = "purposes:\n  analytics: {default: granted, collect: true}\n"
SEGMENT = "segment: viewers\nwhen: sum(price of 'Viewed' within 1h) > 5\n"


def with_definitions(settings: Settings, folder: Path) -> Settings:
    (folder / "consent.yaml").write_text(CONSENT)
    (folder / "viewers.yaml").write_text(SEGMENT)
    return replace(settings, segments=folder)


async def test_what_no_definition_reads_is_left_out_and_counted(own_settings: Settings, tmp_path: Path) -> None:
    settings = replace(with_definitions(own_settings, tmp_path), keep="catalog", read_keys="")
    async with serving(settings) as service:
        event = {"properties": {"price": 3, "email": "canary"}, "context": {"ip": "canary"}, "traits": {"a": "canary"}}
        assert (await service.track("u-1", "Viewed", **event)).status_code == 200
        (message,) = await service.written()
        metrics = (await service.http.get("/metrics")).text
    assert message["properties"] == {"price": 3}
    assert "canary" not in str(message)
    for part in ("properties", "context", "traits"):
        assert f'shoal_collected_minimised_total{{key="shop",part="{part}"}} 1.0' in metrics


async def test_of_an_event_that_its_user_denies_only_the_answer_is_written(
    own_settings: Settings, tmp_path: Path
) -> None:
    async with serving(with_definitions(own_settings, tmp_path)) as service:
        context = {"consent": {"categoryPreferences": {"analytics": False}}}
        batch = {
            "batch": [{"type": "page", "name": "canary", "anonymousId": "a", "properties": {"price": "canary"}}],
            "context": {**context, "ip": "canary"},
        }
        assert (await service.http.post("/v1/batch", json=batch, headers=BASIC)).status_code == 200
        ga4 = {"client_id": "a", "consent": {"ad_user_data": "DENIED"}, "events": [{"name": "kept"}]}
        assert (await service.http.post("/mp/collect", json=ga4, headers=BASIC)).status_code == 204
        written = await service.written(2)
        metrics = (await service.http.get("/metrics")).text
    answer, kept = sorted(written, key=lambda each: each["event"])
    assert (answer["event"], answer["context"]) == ("Segment Consent Preference Updated", context)
    assert "canary" not in str(answer)
    assert kept["event"] == "kept"  # it says nothing about this purpose
    assert 'shoal_collected_denied_total{key="shop",purpose="analytics"} 1.0' in metrics


async def test_nothing_is_taken_before_the_published_definitions_were_read(
    own_settings: Settings, tmp_path: Path
) -> None:
    """They may forbid it; the service is not ready before."""
    settings = replace(own_settings, catalog="topic", kafka_bootstrap_servers="127.0.0.1:9", request_timeout_ms=1_000)
    async with serving(settings, ready=False) as service:
        answer = await service.track("u-1", "Viewed")
        assert (answer.status_code, answer.json()["code"]) == (503, "no-definitions")
        assert (await service.http.get("/ready")).status_code == 503


async def test_a_service_without_published_definitions_takes_events(own_settings: Settings) -> None:
    async with serving(replace(own_settings, catalog="topic", keep="catalog")) as service:
        assert (await service.track("u-1", "Viewed", properties={"a": 1})).status_code == 200
        (message,) = await service.written()
    assert "properties" not in message


async def test_a_task_that_misses_a_cancellation_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    missed, started, never = 0, asyncio.Event(), asyncio.Event()

    async def misses_the_first() -> None:
        nonlocal missed
        started.set()
        while True:
            try:
                await never.wait()
            except asyncio.CancelledError:
                if missed:
                    raise
                missed += 1

    monkeypatch.setattr("app.service.ending.AGAIN_S", 0.01)
    task = asyncio.create_task(misses_the_first())
    await started.wait()
    await end(task)
    assert (task.cancelled(), missed) == (True, 1)
