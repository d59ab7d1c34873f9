"""Contract of an ad service that keeps a list. Pure: requests are made and answers are read, nothing is sent here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import msgspec

from app.destinations.audiences.identifiers import IdentifierKind, Normal
from app.destinations.http.http_connection import Reply
from app.destinations.http.http_request import USER_AGENT, HttpRequest
from app.destinations.http.http_target import OAuth
from app.destinations.outcome import Outcome
from app.destinations.template import Node

Action = Literal["add", "remove"]
ACTIONS: Final[tuple[Action, ...]] = ("add", "remove")
encode_body: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Member:
    """One user in a request, with identifiers as `identifiers.identifier` makes them."""

    user: str
    identifiers: Sequence[str] = field(repr=False)

    def rows(self, action: Action) -> list[dict[str, str]]:
        """The identifiers by kind, as rows of a request: those to add together, at most one of each kind in a row, and
        each to remove alone, so that one that is refused keeps no other at the service.

        >>> Member("ann", ["email:a1", "email:b2", "phone:c3"]).rows("add")
        [{'email': 'a1', 'phone': 'c3'}, {'email': 'b2'}]
        """
        pairs = [(kind, value) for kind, _, value in (each.partition(":") for each in self.identifiers)]
        if action == "remove":
            return [{kind: value} for kind, value in pairs]
        rows: list[dict[str, str]] = []
        for kind, value in pairs:
            row = next((row for row in rows if kind not in row), None)
            if row is None:
                rows.append(row := {})
            row[kind] = value
        return rows


def rows_of(action: Action, members: Sequence[Member]) -> list[tuple[int, dict[str, str]]]:
    """All rows of a request, each with the place of its member."""
    return [(place, row) for place, member in enumerate(members) for row in member.rows(action)]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Meaning of an answer. `outcome`: of all members but those in `refused`, which has a detail for each by its
    place in the request. `rest_again`: the request was refused because of these, and may be sent without them."""

    outcome: Outcome
    refused: Mapping[int, str] = field(default_factory=dict)
    rest_again: bool = False


class Platform(Protocol):
    """An ad service. Frozen; secrets stay out of `repr`.

    rows_max: rows of members in a request at most. kinds: kinds of identifiers that it takes.
    """

    @property
    def name(self) -> str: ...

    @property
    def rows_max(self) -> int: ...

    @property
    def kinds(self) -> tuple[IdentifierKind, ...]: ...

    @property
    def normal(self) -> Normal: ...

    @property
    def oauth(self) -> OAuth | None: ...

    def templates(self) -> Iterator[Node]:
        """Yields texts with placeholders for values of a change."""

    def request(self, action: Action, members: Sequence[Member], *, request_id: str) -> HttpRequest:
        """The request that adds or removes members."""

    def judge(self, action: Action, members: Sequence[Member], reply: Reply, *, now_s: float) -> Verdict:
        """The meaning of an answer."""


def json_request(method: str, url: str, body: Any, *, request_id: str, headers: Mapping[str, str]) -> HttpRequest:
    """A request with a JSON body."""
    # No Idempotency-Key: a batch that is tried again may have grown, and a repeat is harmless.
    sent = {"Content-Type": "application/json", "User-Agent": USER_AGENT} | dict(headers)
    return HttpRequest(id=request_id, method=method, url=url, headers=sent, body=encode_body(body))
