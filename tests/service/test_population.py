"""Reports about whole segments over HTTP."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.service.projection import Projection
from tests.service.running import BASIC, BEARER, Running

SINCE = "2026-01-05T10:30:00.000Z"
DAY_MS = 86_400_000
PATHS = ("/v1/segments/viewers/size", "/v1/segments/viewers/overlap", "/v1/drift")


@pytest.fixture
async def projection(service: Running) -> AsyncIterator[Projection]:
    """150 users in one segment, 120 of them in the other, and the counts of a week ago."""
    made = Projection(service.settings)
    await made.begin()
    for number in range(150):
        await made.enter(f"u-{number}", "viewers", SINCE)
        if number < 120:
            await made.enter(f"u-{number}", "cart-abandoned", SINCE)
    now_ms = time.time_ns() // 1_000_000
    for segment, users in (("viewers", 150), ("cart-abandoned", 40)):
        at_ms = now_ms - 7 * DAY_MS - 1_000
        await made.redis.zadd(f"{service.settings.redis_prefix}counts:{segment}", {f"{at_ms}:{users}": at_ms})
    yield made
    await made.redis.aclose()


async def ask(service: Running, path: str, **params: str) -> httpx.Response:
    return await service.http.get(path, headers=BEARER, params=params)


async def said(service: Running, path: str, **params: str) -> Any:
    answer = await ask(service, path, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_size_is_that_of_now_and_of_before(service: Running, projection: Projection) -> None:
    size = await said(service, "/v1/segments/cart-abandoned/size", back="14d")
    assert (size["users"], size["week_ago"], size["day_ago"], size["last_entry"]) == (120, 40, None, SINCE)
    assert len(size["over_time"]) == 28
    assert 40 in {point["users"] for point in size["over_time"]}


async def test_an_overlap_names_the_segments_with_the_same_users(service: Running, projection: Projection) -> None:
    for by in ("share", "jaccard", "users"):
        (pair,) = (await said(service, "/v1/segments/viewers/overlap", by=by))["pairs"]
        assert (pair["smaller"], pair["users_both"], pair["share"], pair["jaccard"]) == ("cart-abandoned", 120, 1, 0.8)
        assert pair["candidate"] == "nested"


async def test_drift_compares_the_shares_with_a_week_ago(service: Running, projection: Projection) -> None:
    drift = await said(service, "/v1/drift")
    assert [(row["segment"], row["users_before"], row["verdict"]) for row in drift["segments"]] == [
        ("cart-abandoned", 40, "large"),
        ("viewers", 150, "stable"),
    ]
    assert drift["verdict"] == "large"
    answer = await ask(service, "/v1/drift", back="30d")
    assert (answer.status_code, answer.json()["code"]) == (404, "no-counts")
    assert "were not counted around" in answer.json()["message"]


async def test_reports_about_users_who_are_not_all_there_are_not_given(
    service: Running, projection: Projection
) -> None:
    await projection.forget()
    await projection.begin(ready=0)
    for path in PATHS:
        answer = await ask(service, path)
        assert (answer.status_code, answer.json()["code"]) == (503, "building"), path


@pytest.mark.parametrize("path", PATHS)
async def test_reports_want_a_read_key(service: Running, path: str) -> None:
    assert (await service.http.get(path)).status_code == 401
    assert (await service.http.get(path, headers=BASIC)).status_code == 401


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/v1/segments/nothing/size", {}, 404, "no-segment"),
        ("/v1/segments/nothing/overlap", {}, 404, "no-segment"),
        ("/v1/segments/viewers/size", {"back": "soon"}, 400, "back"),
        ("/v1/segments/viewers/size", {"back": "900d"}, 400, "back"),
        ("/v1/drift", {"back": "0s"}, 400, "back"),
        ("/v1/segments/viewers/overlap", {"limit": "0"}, 400, "limit"),
        ("/v1/segments/viewers/overlap", {"limit": "201"}, 400, "limit"),
    ],
)
async def test_questions_that_cannot_be_answered_are_refused(
    service: Running, path: str, params: dict[str, str], status: int, code: str
) -> None:
    answer = await ask(service, path, **params)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_unknown_order_is_refused(service: Running) -> None:
    assert (await ask(service, "/v1/segments/viewers/overlap", by="luck")).status_code == 400
