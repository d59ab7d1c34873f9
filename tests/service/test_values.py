"""Segments by value over HTTP: reasons, users and live changes by value."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents import memberships
from app.main import create_app
from app.settings import Settings
from tests.service.running import BEARER, Running, serving
from tests.service.test_live import Writer, next_change, raw_stream, stream, writing
from tests.support.shop import running, soon

LEFT = """\
segment: left-behind
each: product_id
when: exists('Product Added' within 1d)
attach: {n: count('Product Added')}
"""
PLAIN = "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\n"


@pytest.fixture
async def shop(own_settings: Settings, tmp_path: Path) -> AsyncIterator[Running]:
    """A service with a segment by value, without a worker."""
    (tmp_path / "left-behind.yaml").write_text(LEFT)
    (tmp_path / "viewers.yaml").write_text(PLAIN)
    async with serving(replace(own_settings, segments=tmp_path)) as service:
        yield service


async def ask(service: Running, path: str, **params: Any) -> Any:
    answer = await service.http.get(path, headers=BEARER, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(service: Running, path: str, **params: Any) -> tuple[int, str]:
    answer = await service.http.get(path, headers=BEARER, params=params)
    return answer.status_code, answer.json()["code"]


async def test_a_worker_says_everything_by_value(shop: Running) -> None:
    keeper = memberships.create_app(shop.settings)
    async with running(create_app(shop.settings)), running(keeper):
        for user, value in (("ann", "A1"), ("ann", 5), ("ann", "5"), ("bob", "A1")):
            await shop.track(user, "Product Added", properties={"product_id": value})

        async def are_in() -> bool:
            answer = await shop.http.get("/v1/segments/left-behind/users", headers=BEARER)
            memberships = await shop.http.get("/v1/users/ann/segments", headers=BEARER)
            return len(answer.json().get("users", [])) == 2 and len(memberships.json().get("segments", [])) == 3

        await soon(are_in)
        why = (await ask(shop, "/v1/users/ann/explain", segment="left-behind"))["segment"]
        assert (why["in"], why["because"], why["next"]) == (True, [], None)
        assert [(each["value"], each["in"], each["attach"]) for each in why["values"]] == [
            (5, True, {"n": 1}),
            ("5", True, {"n": 1}),
            ("A1", True, {"n": 1}),
        ]
        only = (await ask(shop, "/v1/users/ann/explain", segment="left-behind", value='"5"'))["segment"]
        assert [each["value"] for each in only["values"]] == ["5"]
        assert only["values"][0]["because"] == [{"expression": "exists('Product Added' within 1d)", "value": True}]
        assert only["values"][0]["next"]["change"] == "exited"
        assert await refused(shop, "/v1/users/ann/explain", segment="left-behind", value="B2") == (404, "no-value")
        assert await refused(shop, "/v1/users/ann/explain", segment="viewers", value="B2") == (400, "value")

        mine = await ask(shop, "/v1/users/ann/segments", segment="left-behind", value="5")
        assert [each["value"] for each in mine["segments"]] == [5, "5"]
        assert (await ask(shop, "/v1/users/ann/segments", segment="viewers"))["segments"] == []

        page = await ask(shop, "/v1/segments/left-behind/users", value="A1")
        assert sorted(each["user"] for each in page["users"]) == ["ann", "bob"]
        assert (page["total"], page["next"]) == (None, None)
        first = await ask(shop, "/v1/segments/left-behind/users", value="A1", limit=1)
        second = await ask(shop, "/v1/segments/left-behind/users", value="A1", limit=1, cursor=first["next"])
        assert sorted(each["users"][0]["user"] for each in (first, second)) == ["ann", "bob"]
        assert second["next"] is None
        assert (await ask(shop, "/v1/segments/left-behind/users", value="B2"))["users"] == []
        assert await refused(shop, "/v1/segments/viewers/users", value="A1") == (400, "value")

        async with raw_stream(shop, user="ann", value="A1") as told:
            assert [each["value"] for each in (await next_change(told)).data["segments"]] == ["A1"]


async def test_given_events_are_evaluated_by_value(shop: Running) -> None:
    at = "2026-01-05T10:00:00.000Z"
    added = {"type": "track", "event": "Product Added", "userId": "u", "timestamp": at}
    events = [added | {"properties": {"product_id": value}} for value in ("A1", 5)]
    answer = await shop.http.post("/v1/evaluate", headers=BEARER, json={"events": events})
    assert answer.status_code == 200, answer.text
    left, viewers = answer.json()["segments"]
    assert [(each["value"], each["since"], each["next"]["at"]) for each in left["values"]] == [
        (5, at, "2026-01-06T10:00:00.000Z"),
        ("A1", at, "2026-01-06T10:00:00.000Z"),
    ]
    assert "values" not in viewers


async def test_a_stream_hears_of_its_values_alone(service: Running, settings: Settings) -> None:
    async with writing(settings) as writer, stream(service, value=["A1", "5"]) as told:
        await _values(writer, "B2", None, "A1", 5, 6, "5")
        assert [(await next_change(told)).data["value"] for _ in range(3)] == ["A1", 5, "5"]


async def _values(writer: Writer, *values: Any) -> None:
    for value in values:
        await writer.change("ann", "s1", value=value)
