"""The kind `audience`: its file, what is sent for changes, and what becomes of refusals."""

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace as replace_struct

from app.destinations.against_catalog import needed_values
from app.destinations.audiences.audience_connection import AudienceConnection
from app.destinations.audiences.identifiers import Normal, identifier
from app.destinations.audiences.member_states import decode
from app.destinations.audiences.repetition import Repetition
from app.destinations.changes import is_wanted, prepare
from app.destinations.destination import Batch
from app.destinations.outcome import Fate
from app.destinations.sample import sample
from app.destinations.unusable import UnusableError
from app.segments.evaluation.change import Cause
from tests.destinations.lists import LIST, ListAtService, Sender, audience, hash_of, person
from tests.destinations.making import change, destination, plain, problems
from tests.destinations.receiver import Receiver, receiver
from tools.docs_pages import ROOT

ANN, BEN, CAT = "ann@x.example", "ben@x.example", "cat@x.example"


@asynccontextmanager
async def sending(there: Receiver, more: str = "") -> Any:
    """A sender to a receiver."""
    async with AudienceConnection(private=True) as connection:
        yield Sender(audience(more, url=there.url, private=True), connection)


def sent(there: Receiver) -> list[tuple[str, list[dict[str, str]]]]:
    """Method and people of each request."""
    return [(request.method, json.loads(body)["people"]) for request, body in there.got]


def answering(service: ListAtService) -> Any:
    return lambda request, body: web.json_response(service.take(request.method, body))


# ---- identifiers


@pytest.mark.parametrize(
    ("kind", "value", "normal", "expected"),
    [
        ("email", "  Ann.B@X.example\n", Normal(hashed=False), "ann.b@x.example"),
        ("email", "Ann.B+ads@gmail.com", Normal(hashed=False), "ann.b+ads@gmail.com"),
        ("email", "Ann.B+ads@googlemail.com", Normal(hashed=False, gmail=True), "annb@googlemail.com"),
        ("email", "ann.b+c@x.example", Normal(hashed=False, gmail=True), "ann.b+c@x.example"),
        ("email", "ann", Normal(), None),
        ("email", "ann@x@y.example", Normal(), None),
        ("email", "+x@gmail.com", Normal(gmail=True), None),
        ("email", ["ann@x.example"], Normal(), None),
        ("phone", "+49 (170) 555-0100", Normal(hashed=False), "491705550100"),
        ("phone", "0049 170 5550100", Normal(hashed=False, plus=True), "+491705550100"),
        ("phone", "0170 5550100", Normal(hashed=False, country="49"), "491705550100"),
        ("phone", "(800) 555-0100", Normal(hashed=False, plus=True, country="1"), "+18005550100"),
        ("phone", "0170 5550100", Normal(), None),
        ("phone", "+49 call me", Normal(), None),
        ("phone", "+4917", Normal(), None),
        ("phone", True, Normal(), None),
        ("phone", "+٤٩١٧٠٥٥٥٠١٠٠", Normal(), None),
        ("user", "u-1", Normal(), "u-1"),
    ],
)
def test_the_normal_form_of_an_identifier(kind: Any, value: Any, normal: Normal, expected: str | None) -> None:
    assert identifier(kind, value, normal) == (None if expected is None else f"{kind}:{expected}")


def test_an_identifier_is_the_sha256_of_its_normal_form() -> None:
    # printf 'ann@x.example' | sha256sum
    assert hash_of(" ANN@x.example") == "ff8cae1e494318afd37e2e532eff01ed9564cc43cbe2d898b2568ec104b2b527"


# ---- the file


def test_an_audience_gets_all_changes_of_its_segment_from_the_beginning() -> None:
    made = audience()
    assert (made.start, made.at_once, made.keeps_state) == ("beginning", 1, True)
    for cause in ("backfill", "merged", "erased", "event"):
        one = replace_struct(person("ann", 1, email=ANN), cause=Cause(cause))
        assert is_wanted(made, plain(one)), cause
    held = replace_struct(person("ann", 1, email=ANN), group="holdout")
    assert is_wanted(made, plain(held)), "it may be in the list from before"
    assert not is_wanted(made, plain(person("ann", 1, email=ANN, segment="others")))
    by_value = replace_struct(person("ann", 1, email=ANN), value="A1")
    assert not is_wanted(made, plain(by_value)), "they may be in by another value"
    assert needed_values(made) == {"email", "phone", "ads"}


@pytest.mark.parametrize(
    ("change_of_text", "problem"),
    [
        (("platform: http", "platform: htpt"), "4:11 there is no platform htpt"),
        (("platform: http\n", ""), "2:1 the platform is missing"),
        (("segment: viewers\n", ""), "2:1 the segment is missing"),
        (("segment: viewers", "segments: [viewers]"), "5:1 unknown key segments"),
        (("consent: attach.ads", "consent: user"), "7:10 user is no place of this value"),
        (("email: attach.email, phone", "mail: attach.email, phone"), "6:12 unknown key mail"),
        (("{email: attach.email, phone: attach.phone}", "{email: email}"), "6:19 email is no place of this value"),
        (("{email: attach.email, phone: attach.phone}", "{}"), "6:11 there is no identifier"),
        (("add: {url: https://ads.example/list, ", "add: {"), "8:6 url is missing"),
        (("{people: \"{{ items }}\"}}\nremove", "{people: 1}}\nremove"), "8:44 the body of add names nobody"),
        (("refused: {path: refused}", "hash: md5"), "10:7 hash is md5, but must be sha256 or none"),
        (("refused: {path: refused}", "reconcile: 1m"), "10:12 reconcile is out of bounds"),
        (("refused: {path: refused}", "minimum_members: 1"), "10:18 minimum_members is 1"),
        (("refused: {path: refused}", "minimum_members: 2.5"), "10:18 minimum_members is 2.5, no whole number"),
        (("refused: {path: refused}", "minimum_members: many"), "10:18 minimum_members must be a number"),
        (("refused: {path: refused}", "country: de"), "10:10 de is no country code"),
        (("refused: {path: refused}", "max_age: 1h"), "10:1 unknown key max_age"),
        (("refused: {path: refused}", "changes: [entered]"), "10:1 unknown key changes"),
        (("refused: {path: refused}", "item: {a: \"{{ name }}\"}"), "10:12 there is no name here"),
        (("refused: {path: refused}", "headers: {X-User: \"{{ user }}\"}"), "10:10 X-User depends on a change"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file(change_of_text: tuple[str, str], problem: str) -> None:
    assert change_of_text[0] in LIST
    found = problems(LIST.replace(*change_of_text))
    assert problem in found, found


def test_the_example_of_the_docs_is_right() -> None:
    text = (ROOT / "docs" / "destinations.md").read_text(encoding="utf-8")
    example = text[text.index("destination: hot-leads-list") :].split("```", 1)[0]
    made = destination(example, environ={"LISTS_API_KEY": "secret"})
    assert made.batch == Batch(changes_max=10_000, wait_ms=300_000)
    assert "lists.example.com/v1/lists/7/remove" in sample(made)


def test_a_sample_shows_hashes_by_the_place_of_their_value() -> None:
    shown = sample(audience())
    assert "POST https://ads.example/list" in shown
    assert "DELETE https://ads.example/list" in shown
    assert '"email":"<sha256 of attach.email>"' in shown


def test_a_segment_that_attaches_no_address_is_a_mistake_and_an_exit_needs_none() -> None:
    made = audience()
    one = change("ann", 1, email=ANN)
    with pytest.raises(UnusableError, match=r"attach\.phone") as error:
        prepare(made, plain(one), one.encode())
    assert error.value.mistaken
    gone = change("ann", 2, "exited")
    assert prepare(made, plain(gone), gone.encode()).identifiers == ()


# ---- what is sent


async def test_entries_are_added_and_exits_removed_as_hashes_without_a_plain_address() -> None:
    async with receiver() as there, sending(there) as sender:
        await sender.tell(
            person("ann", 1, email=" ANN@x.example", phone="+49 170 5550100"), person("ben", 1, email=BEN)
        )
        await sender.tell(person("ann", 2, "exited", email=ANN))
    (add, people), (remove, gone) = sent(there)
    assert (add, remove) == ("POST", "DELETE")
    assert people == [{"email": hash_of(ANN), "phone": people[0]["phone"]}, {"email": hash_of(BEN)}]
    assert gone == [{"email": hash_of(ANN)}, {"phone": people[0]["phone"]}]
    everything = b"".join(body for _, body in there.got) + b"".join(sender.durable.values())
    assert b"@" not in everything
    assert b"5550100" not in everything
    assert list(sender.durable) == ["ben"]


async def test_of_several_changes_of_a_user_in_a_batch_the_last_counts() -> None:
    async with receiver() as there, sending(there) as sender:
        outcomes = await sender.tell(person("ann", 1, email=ANN), person("ann", 2, "exited", email=ANN))
        assert [each.fate for each in outcomes] == [Fate.DELIVERED] * 2
        assert there.got == []
        await sender.tell(person("ann", 3, email=ANN))
        await sender.tell(person("ann", 3, email=ANN))
    assert len(there.got) == 1, "what is there already is not sent again"


async def test_another_address_removes_the_one_before() -> None:
    async with receiver() as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN))
        await sender.tell(person("ann", 2, "updated", email=BEN))
    assert sent(there)[1:] == [("DELETE", [{"email": hash_of(ANN)}]), ("POST", [{"email": hash_of(BEN)}])]


@pytest.mark.parametrize("ads", [False, None, "denied", 0])
async def test_who_takes_their_consent_back_is_removed(ads: object) -> None:
    async with receiver() as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN), person("ben", 1, email=BEN, ads=ads))
        await sender.tell(person("ann", 2, "updated", email=ANN, ads=ads))
    assert sent(there) == [("POST", [{"email": hash_of(ANN)}]), ("DELETE", [{"email": hash_of(ANN)}])]
    assert sender.durable == {}


async def test_who_is_held_out_is_not_in_the_list() -> None:
    async with receiver() as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN))
        await sender.tell(replace_struct(person("ann", 2, "updated", email=ANN), group="holdout"))
    assert [method for method, _ in sent(there)] == ["POST", "DELETE"]


def test_each_turn_sends_everybody_once_and_who_could_not_be_sent_again() -> None:
    turns = Repetition(60.0)
    assert turns.due(0, ["ann", "ben"], now_s=5.0, most=10) == []
    assert turns.due(0, ["ann", "ben"], now_s=64.9, most=10) == []
    assert turns.due(0, ["ann", "ben", "cat"], now_s=65.0, most=2) == ["ann", "ben"]
    turns.put_back(0, ["ann"])
    assert turns.due(0, ["ann", "ben", "cat"], now_s=66.0, most=10) == ["cat", "ann"]
    assert turns.due(0, ["ann", "ben", "cat"], now_s=124.9, most=10) == []
    assert turns.due(0, ["ann"], now_s=125.0, most=10) == ["ann"]
    turns.forget(0)
    assert turns.due(0, ["ann"], now_s=500.0, most=10) == []
    assert Repetition(None).due(0, ["ann"], now_s=1e9, most=10) == []


async def test_all_of_a_list_is_sent_again_when_its_time_has_come() -> None:
    async with receiver() as there, sending(there, "reconcile: 24h\n") as sender:
        await sender.tell(person("ann", 1, email=ANN), person("ben", 1, email=BEN))
        await sender.tell(person("ben", 2, "exited", email=BEN))
        await sender.tell(person("cat", 1, email=CAT))
        assert len(there.got) == 3, "its time has not come"
        sender.connection._repetitions["ads"]._next_s[0] = 0.0
        states = dict(sender.durable)
        await sender.tell(person("cat", 2, "exited", email=CAT))
        await sender.tell(person("cat", 3, email=CAT))
    assert sent(there)[3:] == [
        ("DELETE", [{"email": hash_of(CAT)}]),
        ("POST", [{"email": hash_of(ANN)}]),
        ("POST", [{"email": hash_of(CAT)}]),
    ]
    assert sender.durable == states


async def test_an_address_stays_while_another_user_has_it() -> None:
    async with receiver() as there, sending(there) as sender:
        await sender.tell(person("visitor", 1, email=ANN))
        await sender.tell(person("ann", 1, email=ANN))
        await sender.tell(person("visitor", 2, "exited", email=ANN))
        assert [method for method, _ in sent(there)] == ["POST", "POST"]
        await sender.tell(person("ann", 2, "exited", email=ANN))
    assert sent(there)[2:] == [("DELETE", [{"email": hash_of(ANN)}])]
    assert sender.durable == {}


async def test_an_erasure_removes_everything_that_may_be_there_and_leaves_a_tombstone() -> None:
    failing = [web.Response(status=200), web.Response(status=500), web.Response(status=200)]
    async with receiver(lambda *_: failing.pop(0)) as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN))
        (outcome,) = await sender.tell(person("ann", 2, "updated", email=BEN))
        assert outcome.fate is Fate.AGAIN
        assert len(decode(sender.durable["ann"]).there) == 2, "both may be there"
        await sender.tell(replace_struct(person("ann", 3, "exited", email=BEN), cause=Cause("erased")))
    method, people = sent(there)[-1]
    assert method == "DELETE"
    assert {each["email"] for each in people} == {hash_of(ANN), hash_of(BEN)}
    assert sender.durable == {}


# ---- refusals


async def test_who_is_refused_is_refused_alone() -> None:
    service = ListAtService(bad=frozenset({hash_of(BEN)}))
    async with receiver(answering(service)) as there, sending(there) as sender:
        outcomes = await sender.tell(*(person(f"u-{email}", 1, email=email) for email in (ANN, BEN, CAT)))
    assert [each.fate for each in outcomes] == [Fate.DELIVERED, Fate.REFUSED, Fate.DELIVERED]
    assert service.identifiers == {hash_of(ANN), hash_of(CAT)}


async def test_of_several_changes_of_a_user_only_the_last_can_be_refused() -> None:
    service = ListAtService(bad=frozenset({hash_of(BEN)}))
    async with receiver(answering(service)) as there, sending(there) as sender:
        outcomes = await sender.tell(person("ann", 1, email=ANN), person("ann", 2, "updated", email=BEN))
    assert [(each.fate, each.asked) for each in outcomes] == [(Fate.DELIVERED, False), (Fate.REFUSED, True)]


async def test_a_removal_that_was_refused_is_tried_again_beside_others() -> None:
    service = ListAtService()
    async with receiver(answering(service)) as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN))
        service.bad = frozenset({hash_of(ANN)})
        (outcome,) = await sender.tell(person("ann", 2, "exited"))
        assert outcome.fate is Fate.REFUSED
        service.bad = frozenset()
        await sender.tell(person("ben", 1, email=BEN))
        assert service.identifiers == {hash_of(ANN), hash_of(BEN)}, "not at once"
        sender.connection._states["ads"].owed[0]["ann"] = 0.0  # an hour has passed
        outcomes = await sender.tell(person("cat", 1, email=CAT))
        assert [each.fate for each in outcomes] == [Fate.DELIVERED]
    assert service.identifiers == {hash_of(BEN), hash_of(CAT)}
    assert set(sender.durable) == {"ben", "cat"}


async def test_a_partition_that_comes_back_before_it_was_let_go_keeps_its_state() -> None:
    service = ListAtService()
    async with receiver(answering(service)) as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN))
        before = sender.store
        sender.restart()
        sender.connection.closed(sender.made, before)
        await sender.tell(person("ben", 1, email=ANN))
        await sender.tell(person("ann", 2, "exited"))
        assert service.identifiers == {hash_of(ANN)}, "ben has this address, too"
        sender.connection.closed(sender.made, sender.store)
        assert not sender.connection._states["ads"].parts


async def test_a_removal_that_is_owed_is_tried_at_the_next_start() -> None:
    service = ListAtService()
    async with receiver(answering(service)) as there, sending(there) as sender:
        await sender.tell(person("ann", 1, email=ANN))
        service.bad = frozenset({hash_of(ANN)})
        await sender.tell(person("ann", 2, "exited"))
        service.bad = frozenset()
        sender.restart()
        await sender.tell(person("ben", 1, email=BEN))
    assert service.identifiers == {hash_of(BEN)}
    assert set(sender.durable) == {"ben"}


async def test_a_request_that_is_refused_because_of_one_is_sent_again_without_them() -> None:
    def answer(_: web.Request, body: bytes) -> web.Response:
        bad = [row["email"] for row in json.loads(body)["people"] if row["email"] == hash_of(BEN)]
        return web.json_response({"refused": bad}, status=422 if bad else 200)

    async with receiver(answer) as there, sending(there) as sender:
        outcomes = await sender.tell(*(person(f"u-{email}", 1, email=email) for email in (ANN, BEN, CAT)))
    assert [each.fate for each in outcomes] == [Fate.DELIVERED, Fate.REFUSED, Fate.DELIVERED]
    assert [len(people) for _, people in sent(there)] == [3, 2]


async def test_a_limit_with_the_end_of_its_window_is_kept() -> None:
    limited = web.Response(status=429, headers={"X-RateLimit-Reset": "30"})
    async with receiver(lambda *_: limited) as there, sending(there) as sender:
        (outcome,) = await sender.tell(person("ann", 1, email=ANN))
    assert (outcome.fate, outcome.retry_after_s) == (Fate.AGAIN, 30.0)


async def test_a_request_has_no_more_people_than_the_service_takes() -> None:
    async with receiver() as there, sending(there) as sender:
        target = sender.made.target
        sender.made = replace(sender.made, target=replace(target, platform=replace(target.platform, rows_max=2)))
        await sender.tell(*(person(f"u-{number}", 1, email=f"p{number}@x.example") for number in range(5)))
    assert [len(people) for _, people in sent(there)] == [2, 2, 1]


async def test_without_a_state_nothing_is_sent() -> None:
    made = audience()
    async with AudienceConnection(private=True) as connection:
        one = person("ann", 1, email=ANN)
        (outcome,) = await connection.deliver(made, [prepare(made, plain(one), one.encode())])
    assert (outcome.fate, outcome.status) == (Fate.AGAIN, "no-state")


async def test_items_may_have_a_form_of_their_own_and_plain_values() -> None:
    more = 'item: {external_id: "{{ user }}", mail: "{{ email | optional }}"}\nhash: none\nheaders: {X-Key: "1"}\n'
    async with receiver() as there, sending(there, more) as sender:
        await sender.tell(person("ann", 1, email=" ANN@x.example"), person("ben", 1, phone="+49 170 5550100"))
    assert sent(there) == [("POST", [{"external_id": "ann", "mail": ANN}, {"external_id": "ben"}])]
    assert there.got[0][0].headers["X-Key"] == "1"
