"""A list at an ad service in memory, changes of people with addresses, and a state that outlives a crash."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.destinations.audiences.audience_connection import AudienceConnection
from app.destinations.audiences.identifiers import Normal, identifier
from app.destinations.changes import prepare
from app.destinations.destination import Destination
from app.destinations.outcome import Outcome
from app.segments.evaluation.change import Change, ChangeKind
from tests.destinations.making import change, destination, plain

LIST = """
destination: ads
kind: audience
platform: http
segment: viewers
identify: {email: attach.email, phone: attach.phone}
consent: attach.ads
add: {url: https://ads.example/list, body: {people: "{{ items }}"}}
remove: {url: https://ads.example/list, body: {people: "{{ items }}"}}
refused: {path: refused}
"""


def audience(more: str = "", *, url: str = "https://ads.example", private: bool = False) -> Destination:
    """The destination of `LIST`."""
    return destination(LIST.replace("https://ads.example", url) + more, private=private)


def person(
    user: str, sequence: int, kind: ChangeKind = "entered", *, email: str | None = None, phone: str | None = None,
    ads: object = True, segment: str = "viewers",
) -> Change:  # fmt: skip
    """A change of somebody with addresses."""
    return change(user, sequence, kind, segment, email=email, phone=phone, ads=ads)


def hash_of(email: str) -> str:
    """The hash of a mail address as the service gets it."""
    found = identifier("email", email, Normal())
    assert found is not None
    return found.partition(":")[2]


@dataclass
class ListAtService:
    """Content of the list: identifiers, or people who are one whatever identifies them (`by_person`).

    bad: identifiers that are refused.
    """

    by_person: bool = False
    bad: frozenset[str] = frozenset()
    people: set[frozenset[str]] = field(default_factory=set)

    @property
    def identifiers(self) -> set[str]:
        """All that is there."""
        return {each for person in self.people for each in person}

    def take(self, method: str, body: bytes) -> dict[str, Any]:
        """Applies a request, and answers it."""
        refused = []
        for row in msgspec.json.decode(body)["people"]:
            values = frozenset(row.values())
            if values & self.bad:
                refused.append(min(values & self.bad))
            elif method == "POST":
                self.people |= {values} if self.by_person else {frozenset({each}) for each in values}
            else:
                self.people = {person for person in self.people if not person & values}
        return {"refused": refused}


class StoreInMemory:
    """States of one partition. `durable` outlives the process; `fail` may raise before and after a write."""

    def __init__(self, partition: int, durable: dict[str, bytes], fail: Callable[[], None] = lambda: None) -> None:
        self.partition = partition
        self._durable = durable
        self._fail = fail
        self._rows = dict(durable)

    @property
    def rows(self) -> Mapping[str, bytes]:
        return self._rows

    async def put(self, rows: Mapping[str, bytes | None]) -> None:
        self._fail()
        for found in (self._durable, self._rows):
            for user, value in rows.items():
                if value is None:
                    found.pop(user, None)
                else:
                    found[user] = value
            self._fail()


class Sender:
    """Delivers to one destination, with a state in memory."""

    def __init__(self, made: Destination, connection: AudienceConnection) -> None:
        self.made, self.connection = made, connection
        self.durable: dict[str, bytes] = {}
        self.store = StoreInMemory(0, self.durable)
        connection.opened(made, self.store)

    async def tell(self, *changes: Change) -> Sequence[Outcome]:
        items = [prepare(self.made, plain(each), each.encode()) for each in changes]
        return await self.connection.deliver_with(self.made, items, self.store)

    async def tell_more(self) -> None:
        """Sends what no change asks for, until there is nothing more."""
        while self.connection.more_in_s(self.made, self.store) == 0:
            assert await self.connection.deliver_with(self.made, [], self.store) == []

    def restart(self) -> None:
        """Goes on with the state that outlived the process."""
        self.store = StoreInMemory(0, self.durable)
        self.connection.opened(self.made, self.store)
