"""A list after a storm of changes, crashes and errors of the service equals the segment."""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from app.destinations.audiences.audience_connection import AudienceConnection
from app.destinations.audiences.identifiers import Normal, identifier
from app.destinations.audiences.member_states import decode
from app.destinations.audiences.repetition import Repetition
from app.destinations.changes import prepare
from app.destinations.http.http_connection import Reply
from app.destinations.http.http_request import HttpRequest
from app.destinations.outcome import Fate, Outcome
from app.segments.evaluation.change import Change
from tests.destinations.lists import ListAtService, StoreInMemory, audience, person
from tests.destinations.making import plain

PARTITIONS = 2
AWAY = Outcome(fate=Fate.AGAIN, status="unreachable")


class KilledError(Exception):
    """The process is dead."""


class Storm:
    """Random changes, delivered by processes that die, to a service that fails."""

    def __init__(self, seed: int, *, by_person: bool, shared: bool, minimum: int = 0) -> None:
        self.chance = random.Random(seed)
        self.quiet = False
        self.made = audience(f"minimum_members: {minimum}\n" if minimum else "")
        self.members: int | None = None
        self.waited = 0
        self.shared = shared
        self.repeats = seed % 2 == 1
        emails, phones = [f"p{n}@x.example" for n in range(12)], [f"+49170555010{n}" for n in range(6)]
        self.bad = frozenset({self.hash_of("email", emails[-1]), self.hash_of("phone", phones[-1])})
        self.service = ListAtService(by_person=by_person, bad=self.bad)
        self.durable: list[dict[str, bytes]] = [{} for _ in range(PARTITIONS)]
        self.stored = [0] * PARTITIONS
        self.logs = [self.history(partition, emails, phones) for partition in range(PARTITIONS)]
        self.crashes = self.lost = 0

    def hash_of(self, kind: Any, value: str) -> str:
        found = identifier(kind, value, Normal())
        assert found is not None
        return found.partition(":")[2]

    def history(self, partition: int, emails: Sequence[str], phones: Sequence[str]) -> list[Change]:
        made = []
        inside: set[str] = set()
        for sequence in range(1, 60):
            number = self.chance.randrange(4)
            user = f"u-{partition}-{number}"
            own = partition * 4 + number
            email = self.chance.choice([None, *(emails if self.shared else [emails[own], f"other{own}@x.example"])])
            phone = self.chance.choice([None, *(phones if self.shared else [f"+4930{own}000000", f"+4930{own}000001"])])
            kind: Any = self.chance.choice(["updated", "exited"]) if user in inside else "entered"
            (inside.discard if kind == "exited" else inside.add)(user)
            ads = self.chance.random() < 0.8
            made.append(person(user, sequence, kind, email=email, phone=phone, ads=ads))
        return made

    def wanted(self) -> dict[str, frozenset[str]]:
        """The hashes of each user at the end of the logs."""
        found: dict[str, frozenset[str]] = {}
        for log in self.logs:
            for each in log:
                item = prepare(self.made, plain(each), each.encode())
                found[each.user] = frozenset(one.partition(":")[2] for one in item.identifiers)
        return found

    def may_die(self) -> None:
        if not self.quiet and self.chance.random() < 0.06:
            self.crashes += 1
            raise KilledError
        # Whatever is at the service is in a state that outlives the process.
        kept = {one for rows in self.durable for value in rows.values() for one in decode(value).there}
        assert self.service.identifiers <= {each.partition(":")[2] for each in kept}

    async def ask(self, _: str, request: HttpRequest, **__: Any) -> Reply | Outcome:
        """A service that is away, fails, and loses answers."""
        self.may_die()
        fault = 1.0 if self.quiet else self.chance.random()
        if fault < 0.1:
            return Reply(500, {}, b"")
        if fault < 0.15:
            return Reply(429, {"X-RateLimit-Reset": "1"}, b"")
        if request.method == "POST" and self.made.minimum_members:
            assert (self.members or 0) >= self.made.minimum_members, "nobody is added below the minimum"
        said = self.service.take(request.method, request.body)
        self.may_die()
        if fault < 0.25:
            self.lost += 1
            return AWAY
        return Reply(200, {}, json.dumps(said).encode())

    async def live(self) -> None:
        """One process, until it dies or all is done."""
        connection: Any = AudienceConnection(private=False)
        connection._http = self
        stores = [StoreInMemory(number, self.durable[number], self.may_die) for number in range(PARTITIONS)]
        for store in stores:
            connection.opened(self.made, store)
        if self.repeats:
            connection._repetitions["ads"] = Repetition(0.0)
        self.members = None
        positions = list(self.stored)
        while any(positions[number] < len(log) for number, log in enumerate(self.logs)):
            self.may_count(connection)
            number = self.chance.randrange(PARTITIONS)
            await self.send_more(connection, stores[number])
            batch = self.logs[number][positions[number] :][: self.chance.randrange(1, 15)]
            if not batch:
                continue
            items = [prepare(self.made, plain(each), each.encode()) for each in batch]
            outcomes = await connection.deliver_with(self.made, items, stores[number])
            if all(each.fate is not Fate.AGAIN for each in outcomes):
                positions[number] += len(batch)
                if self.chance.random() < 0.5:
                    self.stored[number] = positions[number]
        if self.made.minimum_members:
            self.count(connection, 2)
        for store in stores:
            await self.send_more(connection, store)

    def may_count(self, connection: Any) -> None:
        if self.made.minimum_members and self.chance.random() < 0.2:
            self.count(connection, self.chance.choice([None, 1, 2, 3]))

    def count(self, connection: Any, members: int | None) -> None:
        self.members = members
        connection.counted(self.made, members)

    async def send_more(self, connection: Any, store: StoreInMemory) -> None:
        for _ in range(20):  # somebody who is refused alone is tried again for ever
            if connection.more_in_s(self.made, store) is None:
                return
            self.waited += 1
            connection._late_s.clear()  # the time between two tries is over
            assert await connection.deliver_with(self.made, [], store) == []

    def forget_token(self, _: str) -> None:
        """There is none."""

    async def run(self) -> None:
        for life in range(40):
            self.quiet = life == 39
            try:
                await self.live()
            except KilledError:
                continue
            return


@pytest.mark.parametrize("minimum", [0, 2], ids=["", "minimum"])
@pytest.mark.parametrize("by_person", [False, True], ids=["identifiers", "people"])
async def test_after_a_storm_of_changes_crashes_and_errors_the_list_equals_the_segment(
    by_person: bool, minimum: int
) -> None:
    crashes = lost = waited = 0
    for seed in range(75 if minimum else 25):
        storm = Storm(seed, by_person=by_person, shared=not by_person, minimum=minimum)
        await storm.run()
        crashes, lost, waited = crashes + storm.crashes, lost + storm.lost, waited + storm.waited
        wanted = storm.wanted()
        assert storm.service.identifiers <= {each for hashes in wanted.values() for each in hashes}, f"seed {seed}"
        for user, hashes in wanted.items():
            if not hashes & storm.bad:
                assert hashes <= storm.service.identifiers, f"seed {seed}, {user}"
        for user, value in (each for rows in storm.durable for each in rows.items()):
            there = {each.partition(":")[2] for each in decode(value).there}
            assert wanted[user] or there & storm.bad, f"seed {seed}, {user}: a tombstone is missing"
            assert not decode(value).waits or wanted[user] & storm.bad, f"seed {seed}, {user} waits"
    assert (waited > 100) == (minimum > 0)
    assert crashes > 100
    assert lost > 100
