"""A list that waits until its segment has enough members by the census."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from aiohttp import web
from aiokafka.structs import TopicPartition
from msgspec.structs import replace as replace_struct

from app.cli.main import main
from app.destinations.audiences.audience_connection import AudienceConnection
from app.destinations.audiences.member_states import decode
from app.destinations.member_counts import why_nobody_is_added
from app.destinations.outcome import Fate
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import NO_HEADERS
from app.runtime.records.population_events import PARTITION, Begun, PopulationEvent, Result, encode_population
from app.segments.evaluation.change import Cause
from app.settings import Settings
from tests.destinations.lists import LIST, ListAtService, Sender, audience, hash_of, person
from tests.destinations.making import HOOK, problems
from tests.destinations.receiver import Receiver, receiver
from tests.destinations.test_audience import ANN, BEN, CAT, answering, sent
from tests.destinations.test_destinations import app, changes, settings  # noqa: F401  # fixtures
from tests.memberships.changes import ChangesOnKafka
from tests.support.shop import running
from tests.support.waiting import eventually

EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)
MINIMUM = "minimum_members: 3\n"
numbers = count(1)


@asynccontextmanager
async def sending(there: Receiver, more: str = "") -> AsyncIterator[Sender]:
    async with AudienceConnection(private=True) as connection:
        yield Sender(audience(MINIMUM + more, url=there.url, private=True), connection)


def census(members: int | None, *, app_id: str = "shop") -> Result:
    """The next census, with so many members of the segment; None: it did not count them."""
    number = next(numbers)
    found = {} if members is None else {"viewers": members}
    return Result(app=app_id, census=number, at_ms=1_795_430_000_000, numbers={}, users={}, members=found)


# ---- the file


def test_a_kind_that_keeps_no_list_refuses_a_minimum() -> None:
    (found,) = problems(HOOK + MINIMUM)
    assert found.startswith("4:1 the kind http has no minimum_members: it keeps no list")


def test_the_minimum_is_of_one_destination_and_there_is_none_by_default() -> None:
    assert audience(MINIMUM).minimum_members == 3
    assert audience().minimum_members == 0


# ---- the connection


async def test_before_the_first_census_and_below_the_minimum_nobody_is_added_and_later_who_is_in() -> None:
    async with receiver() as there, sending(there) as sender:
        assert [each.fate for each in await sender.tell(person("ann", 1, email=ANN))] == [Fate.DELIVERED]
        sender.connection.counted(sender.made, 2)
        await sender.tell(person("ben", 1, email=BEN), person("cat", 1, email=CAT))
        await sender.tell(person("ben", 2, "exited"))
        await sender.tell_more()
        assert sent(there) == [], "and of the exit of somebody who was never added nothing is sent"
        assert sender.connection.waiting(sender.made) == 2
        sender.connection.counted(sender.made, 3)
        await sender.tell_more()
        await sender.tell_more()
    assert sent(there) == [("POST", [{"email": hash_of(ANN)}, {"email": hash_of(CAT)}])]
    assert sender.connection.waiting(sender.made) == 0
    assert {user: decode(value).sure for user, value in sender.durable.items()} == {"ann": True, "cat": True}


async def test_who_waits_is_added_beside_the_next_change_too() -> None:
    async with receiver() as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN))
        sender.connection.counted(sender.made, 3)
        await sender.tell(person("ben", 1, email=BEN))
    assert sent(there) == [("POST", [{"email": hash_of(ANN)}, {"email": hash_of(BEN)}])]


async def test_who_waits_does_so_in_the_next_process_too_which_knows_no_census_at_first() -> None:
    async with receiver() as there:
        async with sending(there) as sender:
            await sender.tell(person("ann", 1, email=ANN), person("ben", 1, email=BEN))
        async with sending(there) as later:
            later.durable |= sender.durable
            later.restart()
            await later.tell(person("ben", 2, "exited"))
            await later.tell_more()
            assert sent(there) == []
            later.connection.counted(later.made, 3)
            await later.tell_more()
    assert sent(there) == [("POST", [{"email": hash_of(ANN)}])]


async def test_without_the_key_who_waited_is_added_at_the_next_start() -> None:
    async with receiver() as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN))
        sender.made = replace(sender.made, minimum_members=0)
        sender.restart()
        await sender.tell_more()
    assert sent(there) == [("POST", [{"email": hash_of(ANN)}])]


@pytest.mark.parametrize("members", [2, None])
async def test_a_list_that_is_too_small_again_only_shrinks(members: int | None) -> None:
    async with receiver() as there, sending(there, "reconcile: 24h\n") as sender:
        sender.connection.counted(sender.made, 3)
        await sender.tell(*(person(user, 1, email=f"{user}@x.example") for user in ("ann", "ben", "cat", "dan")))
        sender.connection.counted(sender.made, members)
        sender.connection._repetitions["ads"]._next_s[0] = 0.0
        await sender.tell(
            person("ann", 2, "updated", email="new@x.example"),
            replace_struct(person("ben", 2, "exited"), cause=Cause("erased")),
            person("cat", 2, "updated", email=CAT, ads=False),
            person("eve", 1, email="eve@x.example"),
        )
        before = sent(there)
        assert [method for method, _ in before] == ["POST", "DELETE"]
        gone = {hash_of(f"{each}@x.example") for each in ("ann", "ben", "cat")}
        assert {each["email"] for each in before[1][1]} == gone
        assert sender.connection.waiting(sender.made) == 2
        sender.connection.counted(sender.made, 3)
        await sender.tell(person("fay", 1))
    method, people = sent(there)[-1]
    everybody = {hash_of(f"{each}@x.example") for each in ("new", "dan", "eve")}
    assert (method, {each["email"] for each in people}) == ("POST", everybody), "with those whose turn waited"


async def test_an_address_of_somebody_who_waits_keeps_no_other_user_in_the_list() -> None:
    async with receiver() as there, sending(there) as sender:
        sender.connection.counted(sender.made, 3)
        await sender.tell(person("visitor", 1, email=ANN))
        sender.connection.counted(sender.made, 2)
        await sender.tell(person("ann", 1, email=ANN))
        await sender.tell(person("visitor", 2, "exited"))
        await sender.tell(person("ann", 2, "exited"))
    assert [method for method, _ in sent(there)] == ["POST", "DELETE"]
    assert sender.durable == {}
    assert sender.connection._states["ads"]._holders == {}


async def test_if_the_service_does_not_take_them_they_wait_a_minute_and_through_a_restart() -> None:
    answers = [web.Response(status=500), web.Response(status=200)]
    async with receiver(lambda *_: answers.pop(0)) as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN))
        sender.connection.counted(sender.made, 3)
        await sender.tell_more()
        wait_s = sender.connection.more_in_s(sender.made, sender.store)
        assert wait_s is not None
        assert 0 < wait_s <= 60
        assert decode(sender.durable["ann"]).there, "it may have taken them"
        sender.restart()
        sender.connection._late_s.clear()
        await sender.tell_more()
    assert len(there.got) == 2
    assert sender.connection.more_in_s(sender.made, sender.store) is None


async def test_who_is_refused_after_having_waited_is_not_asked_about_for_ever() -> None:
    service = ListAtService(bad=frozenset({hash_of(BEN)}))
    async with receiver(answering(service)) as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN), person("ben", 1, email=BEN))
        sender.connection.counted(sender.made, 3)
        await sender.tell_more()
    assert len(there.got) == 1
    assert service.identifiers == {hash_of(ANN)}


async def test_if_all_who_waited_are_refused_they_go_on_waiting_for_an_hour() -> None:
    answers = [web.Response(status=422), web.Response(status=200)]
    async with receiver(lambda *_: answers.pop(0)) as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN), person("ben", 1, email=BEN))
        sender.connection.counted(sender.made, 3)
        await sender.tell_more()
        wait_s = sender.connection.more_in_s(sender.made, sender.store)
        assert wait_s is not None
        assert 60 < wait_s <= 3_600
        await sender.tell(person("cat", 1, email=CAT))
        assert sent(there)[1:] == [("POST", [{"email": hash_of(CAT)}])], "of others it is asked at once"
        assert sender.connection.waiting(sender.made) == 2


async def test_who_waits_is_no_part_of_a_list_that_is_guarded() -> None:
    async with receiver() as there, sending(there) as sender:
        sender.connection.counted(sender.made, 3)
        await sender.tell(*(person(f"u-{n}", 1, email=f"p{n}@x.example") for n in range(120)))
        sender.connection.counted(sender.made, 2)
        await sender.tell(*(person(f"v-{n}", 1, email=f"q{n}@x.example") for n in range(200)))
        outcomes = await sender.tell(*(person(f"v-{n}", 2, "exited") for n in range(200)))
        assert {each.fate for each in outcomes} == {Fate.DELIVERED}, "they were never there"
        outcomes = await sender.tell(*(person(f"u-{n}", 2, "exited") for n in range(61)))
        assert {each.fate for each in outcomes} == {Fate.HELD}, "61 of 120"


# ---- the process


async def publish(settings: Settings, *events: PopulationEvent) -> None:  # noqa: F811  # named as the fixture
    writer = LogWriter(settings, partition=PARTITION)
    await writer.open()
    rows = [(None, encode_population(each), NO_HEADERS) for each in events]
    await writer.write_to([(TopicPartition(settings.topics.population, PARTITION), rows)])
    await writer.close()


@EMBEDDED
async def test_a_process_adds_those_who_waited_when_a_census_has_counted_enough(
    settings: Settings,  # noqa: F811  # a fixture
    changes: ChangesOnKafka,  # noqa: F811  # a fixture
) -> None:
    service, own = ListAtService(), settings.app_id
    async with receiver(answering(service)) as there:
        text = LIST.replace("https://ads.example", there.url) + MINIMUM + "batch: {wait: 50ms}\n"
        (settings.destinations / "ads.yaml").write_text(text)
        # The first census had enough, the latest has not; that of another deployment does not count.
        await publish(settings, census(9, app_id=own), census(2, app_id=own), census(9, app_id="other"))
        users = [f"u-{n}" for n in range(8)]
        await changes.write(
            changes.change(user, "entered", email=f"{user}@x.example", phone=None, ads=True) for user in users
        )
        await changes.write([changes.change("u-0", "exited")])
        first: Any = app(settings)
        async with running(first):

            def waits() -> bool:
                return bool(first.metrics.value("shoal_destination_waiting_for_members", destination="ads") == 7)

            await eventually(waits, within_s=30)
        assert service.identifiers == set()
        second: Any = app(settings)
        async with running(second):
            late = census(3, app_id=own)
            await publish(settings, Begun(app=own, census=late.census, at_ms=late.at_ms, partitions=1), late)
            await eventually(lambda: len(service.identifiers) == 7, within_s=30)
            await eventually(
                lambda: second.metrics.value("shoal_destination_waiting_for_members", destination="ads") == 0,
                within_s=30,
            )
    assert service.identifiers == {hash_of(f"{user}@x.example") for user in users[1:]}
    assert {request.method for request, _ in there.got} == {"POST"}, "of the exit nothing is sent"


def test_the_status_tells_what_a_list_waits_for() -> None:
    made = audience(MINIMUM)
    for found in (None, census(None)):
        assert why_nobody_is_added(made, found).startswith("waits for members: viewers needs 3, and no census")
    at = "the census of 2026-11-23T10:33:20.000Z"
    assert why_nobody_is_added(made, census(2)) == f"waits for members: viewers has 2 of 3 by {at}"
    assert why_nobody_is_added(made, census(3)) == ""


@EMBEDDED
async def test_the_command_shows_what_a_list_waits_for(
    settings: Settings,  # noqa: F811  # a fixture
    changes: ChangesOnKafka,  # noqa: F811  # a fixture
    capsys: pytest.CaptureFixture[str],
) -> None:
    (settings.destinations / "ads.yaml").write_text(LIST + MINIMUM)
    await publish(settings, census(2, app_id=settings.app_id))
    options = ["--broker", settings.kafka_bootstrap_servers, "--app-id", settings.app_id]
    options += ["--partitions", str(settings.partitions), "--set", f"topic_prefix={settings.topic_prefix}"]
    told = await asyncio.to_thread(main, ["destinations", "status", str(settings.destinations), *options])
    assert told == 0
    assert "waits for members: viewers has 2 of 3" in capsys.readouterr().out
