"""Memberships from Redis with read keys and visitors' tokens; what-if evaluation of events."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from app.settings import Settings
from tests.service.projection import Projection
from tests.service.running import BASIC, BEARER, READ_KEY, Running, serving

SINCE = "2026-01-05T10:30:00.000Z"
SEGMENT = "cart-abandoned"


@pytest.fixture
async def projection(service: Running) -> AsyncIterator[Projection]:
    made = Projection(service.settings)
    await made.begin()
    yield made
    await made.redis.aclose()


async def ask(service: Running, path: str, **more: Any) -> Any:
    answer = await service.http.get(path, headers=BEARER, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_says_what_a_user_is_in(service: Running, projection: Projection) -> None:
    await projection.enter("u@x.org", SEGMENT, SINCE, value=61.5)
    expected: dict[str, Any] = {"segment": SEGMENT, "since": SINCE, "valid_until": None, "attach": {"value": 61.5}}
    expected |= {"version": "v", "times": 2, "group": None}
    assert await ask(service, "/v1/users/u%40x.org/segments") == {"user": "u@x.org", "segments": [expected]}
    assert await ask(service, "/v1/users/nobody/segments") == {"user": "nobody", "segments": []}
    both = await service.http.post("/v1/users/segments", json={"users": ["nobody", "u@x.org"]}, headers=BEARER)
    assert [len(each["segments"]) for each in both.json()] == [0, 1]


async def test_says_the_groups_of_a_membership(service: Running, projection: Projection) -> None:
    await projection.enter("ann", SEGMENT, SINCE)
    await projection.assign("ann", SEGMENT, "mail", everybody="reached", cart_mail="mail")
    (found,) = (await ask(service, "/v1/users/ann/segments"))["segments"]
    assert (found["group"], found["experiments"]) == (
        "mail",
        [{"experiment": "everybody", "group": "reached"}, {"experiment": "cart_mail", "group": "mail"}],
    )


async def test_a_projection_that_has_not_caught_up_says_nothing(service: Running, projection: Projection) -> None:
    await projection.forget()
    answer = await service.http.get("/v1/users/u/segments", headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (503, "building")
    await projection.begin(ready=0)
    answer = await service.http.get("/v1/users/u/segments", headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (503, "building")
    assert (await ask(service, f"/v1/segments/{SEGMENT}/users"))["complete"] is False


async def test_a_segment_is_read_page_by_page_while_people_come_and_go(
    service: Running, projection: Projection
) -> None:
    for number in range(25):
        await projection.enter(f"u{number:02d}", SEGMENT, f"2026-01-05T10:{number // 10:02d}:00.000Z")
    seen: list[str] = []
    cursor = None
    while True:
        page = await ask(
            service, f"/v1/segments/{SEGMENT}/users", params={"limit": 4} | ({"cursor": cursor} if cursor else {})
        )
        seen += [each["user"] for each in page["users"]]
        cursor = page["next"]
        if cursor is None:
            break
        await projection.leave(seen[-1], SEGMENT)
        await projection.leave(seen[-4], SEGMENT)
    assert seen == [f"u{number:02d}" for number in range(25)]


async def test_lists_the_segments_with_their_counts(service: Running, projection: Projection) -> None:
    await projection.enter("u", SEGMENT, SINCE)
    said = await ask(service, "/v1/segments")
    counts = {each["segment"]: each["users"] for each in said["segments"]}
    assert said["complete"]
    assert counts[SEGMENT] == 1
    assert sum(counts.values()) == 1


@pytest.mark.parametrize("path", ["/v1/users/u/segments", "/v1/segments", f"/v1/segments/{SEGMENT}/users"])
async def test_reading_wants_a_read_key(service: Running, path: str) -> None:
    assert (await service.http.get(path)).status_code == 401
    answer = await service.http.get(path, headers=BASIC)
    assert answer.status_code == 401
    assert "something else" in answer.json()["message"]


async def test_reading_is_off_until_a_read_key_is_set(settings: Settings) -> None:
    async with serving(replace(settings, read_keys="")) as service:
        answer = await service.http.get("/v1/segments", headers=BEARER)
    assert answer.status_code == 403
    assert "shoal keys new read" in answer.json()["message"]


async def test_a_visitors_token_reads_that_visitor_alone(service: Running, projection: Projection) -> None:
    made = await service.http.post("/v1/tokens", json={"user": "ann", "ttl": 60}, headers=BEARER)
    token = made.json()["token"]
    assert (await service.http.get("/v1/users/ann/segments", params={"token": token})).status_code == 200
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await service.http.get("/v1/users/ann/segments", headers=bearer)).status_code == 200
    other = await service.http.get("/v1/users/bob/segments", params={"token": token})
    assert (other.status_code, other.json()["code"]) == (403, "other-user")
    assert (await service.http.get("/v1/segments", headers=bearer)).status_code == 401
    forged = await service.http.get("/v1/users/ann/segments", params={"token": token[:-2] + "AA"})
    assert (forged.status_code, forged.json()["code"]) == (401, "wrong-token")


async def test_redis_away_is_said_within_its_time(settings: Settings) -> None:
    away = replace(settings, redis_url="redis://127.0.0.1:1", redis_timeout_ms=500)
    async with serving(away) as service:
        answer = await service.http.get("/v1/users/u/segments", headers=BEARER)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert (await service.track("u", "A")).status_code == 200


async def test_what_if_says_why_and_what_comes_next(service: Running) -> None:
    product = {"product_id": "A1", "price": 20, "quantity": 2}
    added = {"type": "track", "event": "Product Added", "userId": "u", "properties": product}
    added["timestamp"] = "2026-01-05T10:00:00Z"
    question = {"events": [added, {"type": "track", "event": "A"}], "at": "2026-01-05T10:30:00Z"}
    answer = await service.http.post("/v1/evaluate", json=question, headers=BEARER)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert [(each["index"], each["reason"]) for each in said["refused"]] == [(1, "no-user")]
    standing = next(each for each in said["segments"] if each["segment"] == SEGMENT)
    assert standing["in"]
    assert standing["since"] == SINCE
    assert {"expression": "cart.idle >= 30m", "value": "30m"} in standing["because"]
    assert (standing["next"]["change"], standing["next"]["at"]) == ("exited", "2026-01-06T10:00:00.000Z")
    assert [each["segment"] for each in said["changes"] if each["change"] == "entered"].count(SEGMENT) == 1


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"events": []}, "no-events"),
        ({}, "invalid-request"),
        ({"events": [{"type": "page", "userId": "a"}, {"type": "page", "userId": "b"}]}, "several-users"),
        ({"events": [{"type": "page", "userId": "a", "timestamp": "2026-01-05T00:00:00Z"}], "at": "2025"}, "at"),
        ({"events": [{"type": "page", "userId": "a", "timestamp": "2026-01-05T00:00:00Z"}], "at": "8999-01-01"}, "at"),
        ({"events": [{"type": "watermark", "timestamp": "2026-01-05T00:00:00Z"}]}, "no-events"),
    ],
)
async def test_what_if_refuses_what_makes_no_sense(service: Running, question: Any, error: str) -> None:
    answer = await service.http.post("/v1/evaluate", json=question, headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (400, error)


async def test_keys_never_stand_in_the_settings_text(settings: Settings) -> None:
    shown = repr(settings)
    assert settings.read_keys not in shown
    assert "a secret for tests only" not in shown
    assert READ_KEY not in shown


@pytest.fixture
async def moved(projection: Projection) -> Projection:
    """Ann is in a segment; `a-1` and, by force, `a-2` over `a-1` have moved to her."""
    await projection.enter("ann", SEGMENT, SINCE)
    await projection.move("a-1", "ann")
    await projection.move("a-2", "a-1")
    return projection


@pytest.mark.parametrize("key", ["a-1", "a-2"])
async def test_a_key_that_has_moved_answers_with_the_users_data(service: Running, moved: Projection, key: str) -> None:
    (segment,) = (await ask(service, "/v1/users/ann/segments"))["segments"]
    expected = {"user": "ann", "segments": [segment], "asked": key, "moved_to": "ann"}
    assert await ask(service, f"/v1/users/{key}/segments") == expected
    wish = {"users": ["nobody", key, "ann"]}
    several = (await service.http.post("/v1/users/segments", json=wish, headers=BEARER)).json()
    assert several == [{"user": "nobody", "segments": []}, expected, {"user": "ann", "segments": [segment]}]
    await moved.lives_again(key)
    assert await ask(service, f"/v1/users/{key}/segments") == {"user": key, "segments": []}


async def test_keys_that_have_moved_in_a_circle_have_an_answer(service: Running, projection: Projection) -> None:
    await projection.move("a-1", "a-2")
    await projection.move("a-2", "a-1")
    assert (await ask(service, "/v1/users/a-1/segments"))["segments"] == []


async def test_a_token_that_follows_its_key_does_not_tell_whose_it_is(service: Running, moved: Projection) -> None:
    wish = {"user": "a-1", "ttl": 60, "follow": True}
    token = (await service.http.post("/v1/tokens", json=wish, headers=BEARER)).json()["token"]
    answer = await service.http.get("/v1/users/a-1/segments", params={"token": token})
    assert [each["segment"] for each in answer.json()["segments"]] == [SEGMENT]
    assert answer.json()["user"] == "a-1"
    assert "ann" not in answer.text
    other = await service.http.get("/v1/users/ann/segments", params={"token": token})
    assert (other.status_code, other.json()["code"]) == (403, "other-user")


async def test_any_other_token_shows_the_key_alone(service: Running, moved: Projection) -> None:
    wish = {"user": "a-1", "ttl": 60}
    token = (await service.http.post("/v1/tokens", json=wish, headers=BEARER)).json()["token"]
    answer = await service.http.get("/v1/users/a-1/segments", params={"token": token})
    assert answer.json() == {"user": "a-1", "segments": []}
