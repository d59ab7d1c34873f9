"""Live streams: what comes when, coming back after a break, those who do not keep up, and the end."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from app.runtime.kafka.clients import start
from app.runtime.kafka.partitioner import partition_of
from app.runtime.records.identity_events import encode_identity
from app.segments.evaluation.batch import Linked
from app.service.access.access import Access
from app.service.live.changes import ChangesHub
from app.service.live.listener import QUEUE_MAX
from app.service.live.stream import LiveStream, Streams
from app.service.questions.memberships import Memberships
from app.service.service_metrics import ServiceMetrics
from app.settings import Settings
from tests.service.projection import Projection
from tests.service.running import BEARER, Running, serving
from tests.support.shop import soon


@dataclass(frozen=True, slots=True)
class Told:
    event: str
    data: Any
    id: str


LINK = "41f187c2ef8352d998ffac9c"
Telling = AsyncGenerator[Told, None]


@asynccontextmanager
async def raw_stream(service: Running, *, last_id: str | None = None, **params: Any) -> AsyncIterator[Telling]:
    """With a read key, unless there is a token."""
    headers = {} if "token" in params else BEARER
    headers = headers | ({} if last_id is None else {"Last-Event-ID": last_id})
    async with service.http.stream("GET", "/v1/changes", params=params, headers=headers) as answer:
        if answer.status_code != 200:
            raise AssertionError(await answer.aread())
        async with aclosing(_told(answer.aiter_lines())) as told:
            yield told


@asynccontextmanager
async def stream(service: Running, **more: Any) -> AsyncIterator[Telling]:
    """One that begins with nothing but its id."""
    async with raw_stream(service, **more) as told:
        assert (await anext(told)).event == "id"
        yield told


async def _told(lines: AsyncIterator[str]) -> Telling:
    """As a browser reads it; a block with nothing but an id is told as `id`."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Told(fields.get("event", "message"), json.loads(fields["data"]), fields["id"])
            fields = {"id": fields["id"]}
        elif "id" in fields:
            yield Told("id", None, fields["id"])


class Writer:
    """Writes changes and identity events as a worker does."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._topic = settings.topics.changes
        self._identity = settings.topics.identity
        self._partitions = settings.partitions
        self._producer = producer
        self._sequence = 0

    async def change(self, user: str, segment: str, change: str = "entered", **more: Any) -> None:
        self._sequence += 1
        said: dict[str, Any] = {"user": user, "segment": segment, "change": change, "sequence": self._sequence}
        said |= {"at": "2026-01-05T10:30:00.000Z", **more}
        await self._producer.send_and_wait(self._topic, json.dumps(said).encode(), user.encode())

    async def link(self, key: str, user: str, result: str) -> None:
        linked = Linked(LINK, key, user, 0, "seen", result)
        partition = partition_of(key.encode(), self._partitions)
        value = encode_identity(linked)
        await self._producer.send_and_wait(self._identity, value, user.encode(), partition=partition)


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[Writer]:
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await start(producer)
    try:
        yield Writer(settings, producer)
    finally:
        await producer.stop()


@pytest.fixture
async def writer(settings: Settings) -> AsyncIterator[Writer]:
    async with writing(settings) as made:
        yield made


async def next_change(told: AsyncIterator[Told]) -> Told:
    async with asyncio.timeout(20):
        async for each in told:
            if each.event != "id":
                return each
    raise AssertionError("the stream ended")


def said(told: Told) -> tuple[str, str, str]:
    return told.data["user"], told.data["segment"], told.data["change"]


async def test_a_page_hears_of_its_user_alone(service: Running, writer: Writer) -> None:
    async with stream(service, user="ann") as told:
        await writer.change("bob", "s1")
        await writer.change("ann", "s1")
        await writer.change("ann", "s2")
        assert said(await next_change(told)) == ("ann", "s1", "entered")
        assert said(await next_change(told)) == ("ann", "s2", "entered")


async def test_a_service_hears_of_its_segments_alone(service: Running, writer: Writer) -> None:
    async with stream(service, segment=["s2", "s3"]) as told:
        for user in ("a", "b", "c", "d"):
            await writer.change(user, "s1")
            await writer.change(user, "s2")
        heard = [said(await next_change(told)) for _ in range(4)]
    assert sorted(heard) == [(user, "s2", "entered") for user in "abcd"]


@pytest.mark.parametrize("params", [{"user": "ann"}, {}])
async def test_who_comes_back_misses_nothing_and_hears_nothing_twice(
    service: Running, writer: Writer, params: dict[str, str]
) -> None:
    async with stream(service, **params) as told:
        await writer.change("ann", "s1")
        last = await next_change(told)
    await writer.change("ann", "s1", "exited")
    await writer.change("ann", "s2")
    async with raw_stream(service, last_id=last.id, **params) as told:
        heard = [said(await next_change(told)) for _ in range(2)]
        await writer.change("ann", "s3")
        heard.append(said(await next_change(told)))
    assert heard == [("ann", "s1", "exited"), ("ann", "s2", "entered"), ("ann", "s3", "entered")]


async def test_a_silent_stream_says_how_far_it_is(settings: Settings, writer: Writer) -> None:
    async with serving(replace(settings, stream_heartbeat_ms=100)) as service, stream(service, user="ann") as told:
        first = await anext(told)
        await writer.change("ann", "s1")
        change = await next_change(told)
        assert first.event == "id"
        assert change.id != first.id
        assert await anext(told) == Told("id", None, change.id)


async def test_a_stream_begins_with_what_the_user_is_in(own_settings: Settings) -> None:
    """Redis stands before the last change: the stream tells that, too."""
    projection = Projection(own_settings)
    await projection.begin()
    await projection.enter("ann", "s0", "2026-01-05T00:00:00.000Z")
    async with serving(own_settings) as service, writing(own_settings) as writer:
        await writer.change("ann", "s1")

        async def heard() -> list[Told]:
            async with raw_stream(service, user="ann") as told:
                found = [await next_change(told)]
                following = await anext(told)
                return [*found, following] if following.event == "change" else []

        first, second = await soon(heard)
    await projection.redis.aclose()
    assert (first.event, [each["segment"] for each in first.data["segments"]]) == ("segments", ["s0"])
    assert said(second) == ("ann", "s1", "entered")


@pytest.mark.parametrize("odd", ["what", "0:99999999999999999999", "0:-1", "é:1"])
async def test_an_id_that_is_none_means_to_read_anew(service: Running, odd: str) -> None:
    async with raw_stream(service, user="ann", lastEventId=odd) as told:
        assert (await next_change(told)).event == "reset"


async def test_a_visitors_token_follows_that_visitor_until_it_is_over(service: Running, writer: Writer) -> None:
    made = await service.http.post("/v1/tokens", json={"user": "ann", "ttl": 600}, headers=BEARER)
    token = made.json()["token"]
    async with stream(service, token=token) as told:
        await writer.change("bob", "s1")
        await writer.change("ann", "s1")
        assert said(await next_change(told)) == ("ann", "s1", "entered")
    assert (await service.http.get("/v1/changes", params={"token": token, "user": "bob"})).status_code == 403
    assert (await service.http.get("/v1/changes")).status_code == 401


async def test_a_visitor_is_not_told_the_ids_of_other_keys(service: Running, writer: Writer) -> None:
    made = await service.http.post("/v1/tokens", json={"user": "a-1", "ttl": 600}, headers=BEARER)
    cause = {"kind": "merged", "link": "41f187c2ef8352d998ffac9c", "into": "ann"}
    async with stream(service, token=made.json()["token"]) as told, stream(service, user="a-1") as told_all:
        await writer.change("a-1", "s1", "exited", cause=cause)
        assert (await next_change(told)).data["cause"] == {"kind": "merged"}
        assert (await next_change(told_all)).data["cause"] == cause


async def test_with_too_many_streams_the_next_is_refused(settings: Settings) -> None:
    async with serving(replace(settings, stream_clients_max=1)) as service:
        async with stream(service, user="ann"):
            answer = await service.http.get("/v1/changes", params={"user": "bob"}, headers=BEARER)
            assert (answer.status_code, answer.json()["code"]) == (503, "streams")

        async def left() -> bool:
            return "shoal_streams 0.0" in (await service.http.get("/metrics")).text

        await soon(left)
        async with stream(service, user="bob"):
            pass


async def test_streams_end_when_the_service_ends(settings: Settings) -> None:
    async with serving(settings) as service, stream(service, user="ann") as told:
        ending = asyncio.ensure_future(_rest(told))
        answer = await service.http.get("/metrics")
        assert "shoal_streams 1.0" in answer.text
        service.end()
        assert await asyncio.wait_for(ending, 15) == []


async def _rest(told: AsyncIterator[Told]) -> list[Told]:
    return [each async for each in told if each.event != "id"]


async def test_a_client_that_takes_nothing_is_cut_off(settings: Settings) -> None:
    hub = ChangesHub(settings)
    hub._positions = {0: 0}
    metrics = ServiceMetrics()
    memberships = Memberships(replace(settings, redis_url=""))
    streams = Streams(settings, Access(settings), hub, memberships, metrics)
    listener = hub.listen(user="ann", segments=frozenset())
    never = asyncio.Event()

    async def wait_for_ever(*_: Any) -> Any:
        await never.wait()

    live = LiveStream(streams, listener, [], until_s=None)
    serving_it = asyncio.create_task(live({}, wait_for_ever, wait_for_ever))  # type: ignore[arg-type]  # no scope is read
    for offset in range(QUEUE_MAX + 2):
        listener.offer(0, offset, b"{}")
    async with asyncio.timeout(10):
        await serving_it
    assert metrics.value("shoal_streams_ended_total", reason="too-slow") == 1
    assert hub.listeners == []
