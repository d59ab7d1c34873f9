"""Live streams of keys that move to a user: what comes, who is told what, and the end of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.segments.evaluation.change import change_id
from app.settings import Settings
from tests.service.projection import Projection
from tests.service.running import BEARER, Running, serving
from tests.service.test_live import LINK, Told, Writer, next_change, raw_stream, said, stream, writing

SINCE = "2026-01-05T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Keys:
    """Of one test: an anonymous id, and two users."""

    a: str
    ann: str
    ben: str


@pytest.fixture
def keys(unique: str) -> Keys:
    return Keys(*(f"{name}-{unique}" for name in ("a", "ann", "ben")))


@pytest.fixture
async def projection(service: Running, keys: Keys) -> AsyncIterator[Projection]:
    """Ann is in s0, the guest in g0."""
    made = Projection(service.settings)
    await made.begin()
    await made.enter(keys.ann, "s0", SINCE, value=3)
    await made.enter(keys.a, "g0", SINCE)
    yield made
    await made.redis.aclose()


@pytest.fixture
async def writer(service: Running) -> AsyncIterator[Writer]:
    async with writing(service.settings) as made:
        yield made


async def token_of(service: Running, user: str, **more: Any) -> str:
    made = await service.http.post("/v1/tokens", json={"user": user, "ttl": 600, **more}, headers=BEARER)
    token: str = made.json()["token"]
    return token


def segments_of(told: Told) -> list[str]:
    assert told.event == "segments", told
    return [each["segment"] for each in told.data["segments"]]


async def move(projection: Projection, writer: Writer, keys: Keys) -> None:
    """The guest logs in as Ann."""
    await projection.leave(keys.a, "g0")
    await projection.move(keys.a, keys.ann)
    await writer.link(keys.a, keys.ann, "given")


async def test_an_open_stream_goes_along_when_its_key_moves_and_when_it_is_its_own_again(
    service: Running, projection: Projection, writer: Writer, keys: Keys
) -> None:
    async with raw_stream(service, user=keys.a) as told:
        assert segments_of(await next_change(told)) == ["g0"]
        await move(projection, writer, keys)
        turned = await next_change(told)
        assert segments_of(turned) == ["s0"]
        assert (turned.data["user"], turned.data["asked"], turned.data["moved_to"]) == (keys.ann, keys.a, keys.ann)
        await writer.change(keys.ann, "s1")
        assert said(await next_change(told)) == (keys.ann, "s1", "entered")
        await projection.lives_again(keys.a)
        await writer.link(keys.a, keys.ann, "released")
        assert segments_of(await next_change(told)) == []
        await writer.change(keys.ann, "s2")
        await writer.change(keys.a, "g1")
        assert said(await next_change(told)) == (keys.a, "g1", "entered")


async def test_a_stream_of_a_key_that_has_moved_begins_with_the_users_segments(
    service: Running, projection: Projection, writer: Writer, keys: Keys
) -> None:
    await move(projection, writer, keys)
    async with raw_stream(service, user=keys.a) as told:
        assert segments_of(await next_change(told)) == ["s0"]
        await writer.change(keys.ann, "s1")
        assert said(await next_change(told)) == (keys.ann, "s1", "entered")


async def test_a_device_that_changes_hands_shows_its_present_user(
    service: Running, projection: Projection, writer: Writer, keys: Keys
) -> None:
    await projection.enter(keys.ben, "b0", SINCE)
    await move(projection, writer, keys)
    async with raw_stream(service, user=keys.a) as told:
        assert segments_of(await next_change(told)) == ["s0"]
        await projection.move(keys.a, keys.ben)
        await writer.link(keys.a, keys.ann, "lost")
        await writer.link(keys.a, keys.ben, "empty")
        while segments_of(found := await next_change(told)) != ["b0"]:
            assert segments_of(found) == ["s0"], "between the two records"
        await writer.change(keys.ann, "s1")
        await writer.change(keys.ben, "b1")
        assert said(await next_change(told)) == (keys.ben, "b1", "entered")


async def test_a_token_that_follows_tells_no_id_of_another_key(
    service: Running, projection: Projection, writer: Writer, keys: Keys
) -> None:
    token = await token_of(service, keys.a, follow=True)
    async with raw_stream(service, token=token) as told:
        first = await next_change(told)
        await move(projection, writer, keys)
        turned = await next_change(told)
        merged = {"kind": "merged", "link": LINK, "from": keys.a}
        await writer.change(keys.ann, "s1", cause=merged, id=change_id(keys.ann, 1))
        await writer.change(keys.ann, "s2", cause={"kind": "event", "message_id": "m"}, id=change_id(keys.ann, 2))
        await writer.change(keys.ann, "s3", cause={"kind": "split", "link": LINK, "from": "a-7"}, id=keys.ann)
        heard = [first, turned, *[await next_change(told) for _ in range(3)]]
    assert [segments_of(each) for each in heard[:2]] == [["g0"], ["s0"]]
    assert [said(each)[0] for each in heard[2:]] == [keys.a] * 3
    assert [each.data["cause"] for each in heard[2:]] == [
        {"kind": "merged"},
        {"kind": "event", "message_id": "m"},
        {"kind": "split"},
    ]
    assert [each.data["id"] for each in heard[2:]] == [change_id(keys.a, each.data["sequence"]) for each in heard[2:]]
    assert not [each for each in heard if keys.ann in str(each) or "a-7" in str(each)]
    assert turned.id == heard[-1].id == "moved", "the number of a partition could tell, too"


async def test_any_other_token_shows_nothing_of_the_user(
    service: Running, projection: Projection, writer: Writer, keys: Keys
) -> None:
    async with raw_stream(service, token=await token_of(service, keys.a)) as told:
        assert segments_of(await next_change(told)) == ["g0"]
        await move(projection, writer, keys)
        await writer.change(keys.ann, "s1")
        await writer.change(keys.a, "g0", "exited", cause={"kind": "merged", "into": keys.ann})
        assert said(await next_change(told)) == (keys.a, "g0", "exited")
    async with raw_stream(service, token=await token_of(service, keys.a)) as told:
        assert segments_of(await next_change(told)) == []


@pytest.mark.parametrize("knows", [True, False])
async def test_who_comes_back_after_a_move_is_told_anew(
    service: Running, projection: Projection, writer: Writer, keys: Keys, *, knows: bool
) -> None:
    """With the id of before the move, or with one of after it when the key is its own again: never a part."""
    async with raw_stream(service, user=keys.a) as told:
        last = await next_change(told)
        if knows:
            await move(projection, writer, keys)
            last = await next_change(told)
    if knows:
        await projection.lives_again(keys.a)
        await writer.link(keys.a, keys.ann, "ended")
    else:
        await move(projection, writer, keys)
    async with raw_stream(service, user=keys.a, last_id=last.id) as told:
        assert segments_of(await next_change(told)) == ([] if knows else ["s0"])


async def test_a_move_that_redis_does_not_know_yet_is_read_from_the_topic(own_settings: Settings, keys: Keys) -> None:
    projection = Projection(own_settings)
    await projection.begin(**{f"identity-{number}": 0 for number in range(own_settings.partitions)})
    await projection.enter(keys.ann, "s0", SINCE)
    async with serving(own_settings) as service, writing(own_settings) as writer:
        async with raw_stream(service, user="bob") as told:  # the service has begun to follow
            await writer.link(keys.a, keys.ann, "given")
            await writer.change("bob", "s1")
            while (await next_change(told)).event != "change":
                pass
        async with raw_stream(service, user=keys.a) as told:
            first = await next_change(told)
            assert segments_of(first) == ([] if first.data["user"] == keys.a else ["s0"])
            if not segments_of(first):  # the consumer had not come to the record yet
                first = await next_change(told)
            assert segments_of(first) == ["s0"]
            await writer.change(keys.ann, "s1")
            assert said(await next_change(told)) == (keys.ann, "s1", "entered")
    await projection.redis.aclose()


async def test_without_redis_an_open_stream_goes_along_and_says_that_something_was_missed(
    own_settings: Settings, keys: Keys
) -> None:
    settings = replace(own_settings, redis_url="")
    async with serving(settings) as service, writing(settings) as writer, stream(service, user=keys.a) as told:
        await writer.link(keys.a, keys.ann, "given")
        assert (await next_change(told)).event == "reset"
        await writer.change(keys.a, "s0")
        await writer.change(keys.ann, "s1")
        assert said(await next_change(told)) == (keys.ann, "s1", "entered")
