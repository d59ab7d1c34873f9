"""Platform `http`: a list at any service, by two requests from templates. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.destinations.audiences.identifiers import IdentifierKind, Normal
from app.destinations.audiences.platform import Action, Member, Verdict, json_request, rows_of
from app.destinations.http.answers import judge
from app.destinations.http.http_connection import Reply
from app.destinations.http.http_request import HttpRequest
from app.destinations.http.http_target import Answer, OAuth
from app.destinations.json_path import value_at
from app.destinations.outcome import Fate
from app.destinations.template import Node, fill

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """One of the two requests. body: a JSON value with the placeholder `items`. item: None: that of the platform."""

    method: str
    url: str = field(repr=False)
    body: Node = field(repr=False)
    item: Node = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Place in an answer of those who were refused: a list at `path`, of values or of objects with `key`.

    A value is an identifier, the user, or the number of an item of the request. ok: the list has an object for each
    item of the request instead, in their order, where `true` at `ok` says that it was taken.
    """

    path: tuple[str, ...]
    key: tuple[str, ...] = ()
    ok: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPlatform:
    """The contract: `app.destinations.audiences.platform.Platform`. item: None: the identifiers by kind."""

    add: ListRequest
    remove: ListRequest
    item: Node = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    normal: Normal = field(default_factory=Normal)
    oauth: OAuth | None = None
    answer: Answer | None = None
    refused: Refused | None = None
    rows_max: int = 10_000
    name: str = "http"
    kinds: tuple[IdentifierKind, ...] = ("email", "phone", "user")

    def templates(self) -> Iterator[Node]:
        yield from ()

    def request(self, action: Action, members: Sequence[Member], *, request_id: str) -> HttpRequest:
        to = self.add if action == "add" else self.remove
        rows = [(members[place].user, row) for place, row in rows_of(action, members)]
        item = self.item if to.item is None else to.item
        items = [row if item is None else fill(item, {"user": user} | row) for user, row in rows]
        return json_request(
            to.method, to.url, fill(to.body, {"items": items}), request_id=request_id, headers=self.headers
        )

    def judge(self, action: Action, members: Sequence[Member], reply: Reply, *, now_s: float) -> Verdict:
        outcome = judge(reply.status, reply.headers, reply.body, self.answer, now_s=now_s)
        if self.refused is None or outcome.fate is Fate.AGAIN:
            return Verdict(outcome)
        named = _named(action, members, self.refused, reply.body)
        return Verdict(outcome, named, rest_again=bool(named) and outcome.fate is Fate.REFUSED)


def _named(action: Action, members: Sequence[Member], place: Refused, body: bytes) -> dict[int, str]:
    """The members that an answer names, with a detail."""
    try:
        said: Any = value_at(_decode(body), place.path)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    found = said if isinstance(said, list) else []
    rows = rows_of(action, members)
    if place.ok:
        wrong = [number for number, each in enumerate(found) if value_at(each, place.ok) is not True]
    else:
        values = [value_at(each, place.key) for each in found]
        texts = {each for each in values if isinstance(each, str)}
        wrong = [each for each in values if isinstance(each, int) and not isinstance(each, bool)]
        wrong += [number for number, (one, row) in enumerate(rows) if texts & {members[one].user, *row.values()}]
    return {rows[number][0]: "the service refused this one" for number in wrong if 0 <= number < len(rows)}
