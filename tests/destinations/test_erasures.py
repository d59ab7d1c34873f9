"""A person who is erased: destinations are told, and the shipped ones delete them where the service can."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace as replace_struct

from app.destinations.changes import is_stale, is_wanted, prepare
from app.destinations.destination import Destination
from app.destinations.http.http_request import HttpRequest
from app.destinations.outcome import Fate
from app.destinations.sample import sample
from app.segments.evaluation.change import Cause, Change
from tests.destinations.making import change, destination, plain, problems
from tests.destinations.receiver import receiver
from tests.destinations.test_recipes import tell

TEXT = """
destination: hook
url: https://hooks.example/in
changes: [entered]
max_age: 1h
on:
  erased: {method: DELETE, url: "https://hooks.example/people/{{ attach.email }}", body: {}}
"""


def erased(segment: str = "viewers") -> Change:
    """The exit of a person who was erased."""
    one = change("ann", 2, "exited", segment, email="ann@x.example")
    return replace_struct(one, cause=Cause("erased"), evidence=[])


def request_for(made: Destination, one: Change) -> HttpRequest:
    found: Any = prepare(made, plain(one), one.encode())
    assert isinstance(found, HttpRequest)
    return found


def test_an_erasure_has_a_request_of_its_own_whatever_changes_are_wanted() -> None:
    made = destination(TEXT)
    assert is_wanted(made, plain(erased()))
    assert not is_wanted(made, plain(change("ann", 3, "exited")))
    request = request_for(made, erased())
    assert (request.method, request.url) == ("DELETE", "https://hooks.example/people/ann%40x.example")
    assert request.is_erasure
    assert not request_for(made, change("ann", 1)).is_erasure


def test_a_destination_for_erasures_alone_is_told_of_nothing_else() -> None:
    made = destination(TEXT.replace("changes: [entered]\n", ""))
    assert list(made.target.changes) == ["erased"]
    assert [is_wanted(made, plain(each)) for each in (change("ann", 1), erased())] == [False, True]
    assert "hook, erased:" in sample(made)


def test_without_a_request_of_its_own_an_erasure_is_an_exit() -> None:
    made = destination()
    assert is_wanted(made, plain(erased()))
    assert json.loads(request_for(made, erased()).body)["cause"] == {"kind": "erased"}
    assert not request_for(made, erased()).is_erasure


def test_no_erasure_is_too_old_to_be_told() -> None:
    made, later_ms = destination(TEXT), 2_000_000_000_000
    assert is_stale(made, plain(change("ann", 1)), now_ms=later_ms)
    assert not is_stale(made, plain(erased()), now_ms=later_ms)
    only_exits = replace(destination(), max_age_ms=3_600_000)
    assert is_stale(only_exits, plain(erased()), now_ms=later_ms), "it tells exits, and this one is an old one"


def test_an_occasion_that_does_not_exist_is_refused() -> None:
    (said,) = problems(TEXT.replace("erased:", "forgotten:"))
    assert "forgotten" in said


HUBSPOT: tuple[str, Any, int] = (
    "/crm/v3/objects/contacts/gdpr-delete",
    {"idProperty": "email", "objectId": "ann@x.example"},
    204,
)
MAILCHIMP: tuple[str, Any, int] = (
    "/3.0/lists/abc1/members/ee5a9a976aa9e63ba2911c03ad3978b2/actions/delete-permanent",
    {},
    204,
)
SENDGRID: tuple[str, Any, int] = ("/v3/recipients/erasejob", {"email_addresses": ["ann@x.example"]}, 202)


def service(path: str, body: Any, status: int) -> Callable[[web.Request, bytes], web.Response]:
    """Answers as the service documents it: one deletes, the second time nobody is there."""

    def answer(request: web.Request, sent: bytes) -> web.Response:
        if (request.method, request.path, json.loads(sent)) != ("POST", path, body):
            return web.Response(status=400, text=f"{request.method} {request.path} {sent!r}")
        deleted.append(path)
        return web.Response(status=status if len(deleted) == 1 else 404)

    deleted: list[str] = []
    return answer


@pytest.mark.parametrize(
    ("name", "segment", "wanted"),
    [
        ("hubspot", "high-value", HUBSPOT),
        ("mailchimp", "churn-risk", MAILCHIMP),
        ("sendgrid", "cart-abandoned", SENDGRID),
    ],
    ids=["hubspot", "mailchimp", "sendgrid"],
)
async def test_the_shipped_destination_deletes_the_person_at_the_service(
    name: str, segment: str, wanted: tuple[str, Any, int]
) -> None:
    async with receiver(service(*wanted)) as there:
        first, again = await tell(name, there, erased(segment), erased(segment))
    assert first.fate is Fate.DELIVERED, first.detail
    assert again.fate is Fate.DELIVERED, "who is not there any more is deleted"


def test_an_erasure_is_told_whatever_the_group() -> None:
    made = destination(TEXT)
    one = erased()
    one.group = "holdout"
    assert is_wanted(made, plain(one))
