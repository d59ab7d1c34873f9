"""With pseudonyms, no topic and no key in Redis has an id as it was sent, and questions take the id all the same."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copy

import pytest
from redis.asyncio import Redis

from agents import intake, memberships
from app.events.instants import iso
from app.intake.clickstream_replay import Again, DeadLetter, replay
from app.main import create_app
from app.runtime.kafka.clients import connect
from app.runtime.records.audit_record import subject_of
from app.settings import Settings
from tests.service.running import ADMIN_KEY, BASIC, BEARER, Running, bearer, serving
from tests.service.test_live import next_change, raw_stream, said
from tests.support.records import read_topic, write_topic
from tests.support.shop import running, soon

PEOPLE = ("ann-quince@shop.example", "ben-quince", "cid-quince")
DEVICES = ("device-quince-15", "device-quince-16", "device-quince-17")


@pytest.fixture
def hiding(admin_settings: Settings, tmp_path: Path) -> Settings:
    for name in ("viewers.yaml", "cart-abandoned.yaml"):
        copy(admin_settings.segments / name, tmp_path / name)
    (tmp_path / "identity.yaml").touch()
    app_id = admin_settings.app_id
    return replace(
        admin_settings,
        segments=tmp_path,
        pseudonym_keys=f"new:{'n' * 32}",
        sources=f"{app_id}-own, {app_id}-hog=posthog",
    )


@pytest.fixture
async def service(hiding: Settings) -> AsyncIterator[Running]:
    async with (
        serving(hiding) as made,
        running(create_app(hiding)),
        running(memberships.create_app(hiding)),
    ):
        yield made


async def segments_of(service: Running, user: str) -> list[str]:
    answer = await service.http.get(f"/v1/users/{user}/segments", headers=BEARER)
    return [each["segment"] for each in answer.json()["segments"]] if answer.status_code == 200 else []


async def bytes_of_topics(settings: Settings) -> dict[str, bytes]:
    """All keys, values and headers of each topic of the deployment, but for the sources."""
    client = await connect(settings)
    try:
        known = await client.fetch_all_metadata()
        names = sorted(known.topics())
    finally:
        await client.close()
    found = {}
    for name in names:
        if name.startswith(settings.topic_prefix):
            only = 0 if len(known.partitions_for_topic(name)) == 1 else None
            records = await read_topic(settings, name, only=only)
            parts = [(each.key or b"", each.value or b"", repr(each.headers).encode()) for each in records]
            found[name] = b"\n".join(b" ".join(part) for part in parts)
    return found


async def bytes_of_redis(settings: Settings) -> bytes:
    found = b""
    async with Redis.from_url(settings.redis_url) as redis:
        async for key in redis.scan_iter(match=f"{settings.redis_prefix}*"):
            found += key + b" "
            kind = await redis.type(key)
            if kind == b"hash":
                found += repr(await redis.hgetall(key)).encode()
            elif kind == b"zset":
                found += repr(await redis.zrange(key, 0, -1)).encode()
            elif kind == b"string":
                found += await redis.get(key)
            else:
                raise AssertionError(f"{kind!r} of {key!r} is not searched")
    return found


@pytest.mark.long
async def test_no_byte_of_an_id_is_in_a_topic_or_in_redis(hiding: Settings, service: Running) -> None:
    http, app_id = service.http, hiding.app_id
    ann, ben, cid = PEOPLE
    context = {"device": {"id": DEVICES[0]}, "traits": {"id": ann}}
    for number in range(2):
        viewed = {"event": "Product Viewed", "anonymousId": DEVICES[0], "context": context}
        assert (await http.post("/v1/track", json=viewed, headers=BASIC)).status_code == 200
        message_id = f"m-{number}-{ann}"
        await service.track(ann, "Product Viewed", anonymousId=DEVICES[0], messageId=message_id)
    google = {"client_id": DEVICES[1], "user_id": ben, "events": [{"name": "view_item", "params": {}}] * 2}
    key = BASIC["Authorization"]
    collected = await http.post("/mp/collect", json=google, headers={"Authorization": key})
    assert collected.status_code in (200, 204), collected.text
    hog = {"event": "$identify", "distinct_id": cid, "properties": {"$anon_distinct_id": DEVICES[2]}}
    of_hog = {"event": "Product Viewed", "distinct_id": cid, "properties": {"distinct_id": cid, "$user_id": cid}}
    await write_topic(hiding, f"{app_id}-hog", [(cid, each) for each in (hog, of_hog, of_hog)])
    alias = {"type": "alias", "userId": ben, "previousId": "before-quince"}
    broken = f'{{"type":"track","userId":"{ben}"'.encode()
    nameless = {"type": "track", "userId": ben, "anonymousId": DEVICES[1]}
    await write_topic(hiding, f"{app_id}-own", [(ben, alias), (ben, broken), (ben, nameless)])
    listed = await http.post("/v1/lists/vip", json={"add": [ann, "dan-quince"]}, headers=bearer(ADMIN_KEY))
    assert listed.status_code == 200
    async with running(intake.create_app(hiding)):
        for person in PEOPLE:
            await soon(partial(segments_of, service, person), within_s=20)
        await soon(lambda: read_topic(hiding, hiding.topics.dead_letters, at_least=2))
    ids = hiding.incoming_ids
    topics = await bytes_of_topics(hiding)
    everywhere = b"".join(topics.values()) + await bytes_of_redis(hiding)
    for name, content in topics.items():
        assert b"quince" not in content, name
    assert b"quince" not in everywhere
    for person in PEOPLE:
        assert ids.key_of(person).encode() in everywhere, "the search looks where it should"
    letters = await read_topic(hiding, hiding.topics.dead_letters)
    assert {(each.key, each.value) for each in letters} == {(None, None)}


async def test_questions_take_the_id_and_the_pseudonym(hiding: Settings, service: Running) -> None:
    key = hiding.incoming_ids.key_of("ann")
    http = service.http
    async with raw_stream(service, user="ann") as told:
        assert (await next_change(told)).event in ("id", "segments")
        for _ in range(2):
            await service.track("ann", "Product Viewed")
        assert said(await next_change(told)) == (key, "viewers", "entered")
    await soon(lambda: segments_of(service, "ann"))
    assert await segments_of(service, key) == ["viewers"]
    both = await http.post("/v1/users/segments", json={"users": ["ann", key, "ben"]}, headers=BEARER)
    assert [(each["user"], len(each["segments"])) for each in both.json()] == [
        (key, 1),
        (key, 1),
        (hiding.incoming_ids.key_of("ben"), 0),
    ]
    why = await http.get("/v1/users/ann/explain", params={"segment": "viewers"}, headers=BEARER)
    assert (why.json()["known"], why.json()["user"]) == (True, key)
    token = (await http.post("/v1/tokens", json={"user": "ann"}, headers=BEARER)).json()["token"]
    for user in ("ann", key):
        own = await http.get(f"/v1/users/{user}/segments", params={"token": token})
        assert (own.status_code, len(own.json()["segments"])) == (200, 1)
    other = await http.get("/v1/users/ben/segments", params={"token": token})
    assert other.status_code == 403
    async with raw_stream(service, token=token) as own_stream:
        assert [each["segment"] for each in (await next_change(own_stream)).data["segments"]] == ["viewers"]
    await http.post("/v1/users/ann/unsuppress", headers=bearer(ADMIN_KEY))
    deeds = [json.loads(each.value) for each in await read_topic(hiding, hiding.topics.audit, only=0)]
    assert {each["subject"] for each in deeds} == {subject_of(key, secret=hiding.audit_secret)}


@pytest.mark.long
async def test_what_intake_could_not_use_comes_in_from_its_source_when_it_can(hiding: Settings) -> None:
    source = f"{hiding.app_id}-own"
    early = replace(hiding, skew_max_ms=0, sources=source)
    soon_iso = iso(int(time.time() * 1000) + 600_000)
    ahead = {"type": "page", "userId": "ann-quince", "timestamp": soon_iso, "messageId": "m"}
    await write_topic(early, source, [("ann-quince", ahead), ("ann-quince", {"type": "page"})])
    async with running(create_app(early)), running(intake.create_app(early)):
        await soon(lambda: read_topic(early, early.topics.dead_letters, at_least=2))
    assert (await replay(early, write=False)).left == {"future": 1, "no-user": 1}
    done = await replay(replace(early, skew_max_ms=3_600_000))
    assert (done.taken, done.left) == ({"future": 1}, {"no-user": 1})
    records = await read_topic(early, early.topics.clickstream)
    key = early.incoming_ids.key_of("ann-quince")
    assert [(each.key.decode(), json.loads(each.value)["userId"]) for each in records] == [(key, key)]


def test_a_dead_letter_from_before_the_pseudonyms_comes_in_with_one(hiding: Settings) -> None:
    event = {"type": "page", "userId": "ann-quince", "timestamp": "2026-01-05T00:00:00.000Z", "messageId": "m-1"}
    letter = DeadLetter(hiding.topics.clickstream, 0, 0, 0, b"other", json.dumps(event).encode(), "wrong-key")
    ((row,),) = Again(hiding).rows(letter).values()
    key = hiding.incoming_ids.key_of("ann-quince")
    assert row[0] == key.encode()
    assert json.loads(row[1] or b"") == event | {"userId": key}
