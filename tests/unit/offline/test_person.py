"""A person is found by each of their keys, with what became of every claim."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from app.events.instants import iso
from app.offline.backtest import FileRecord
from app.offline.person import Person, find_person
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tables import profile as profiles
from tables.identity import Identity, new_identity
from tables.profile import Profile, waiting_profile

START_MS = 1_767_571_200_000
RULES = TimeRules()
FILES = {
    "identity.yaml": "switches_max: 1\n",
    "viewers.yaml": "segment: viewers\nwhen: count('View' within 90d) >= 2\n",
}


class Stored:
    """Profiles as a worker has stored them, of one partition, after some events."""

    def __init__(self, *events: dict[str, Any]) -> None:
        partition = Partition(compile_catalog(load_catalog(FILES), RULES), RULES, alone=True)
        self.found: dict[str, Profile] = {}
        self.asked: list[str] = []
        for number, event in enumerate(events):
            t = iso(START_MS + 1_000 * number)
            message = {"type": "track", "event": "View", "timestamp": t, "messageId": f"m{number}"} | event
            key = str(message.get("userId") or message["anonymousId"]).encode()
            batch = partition.process([FileRecord(number, START_MS, key, json.dumps(message).encode())])
            for user, encoded in batch.profiles.items():
                if encoded is not None and not user.startswith("\0"):
                    self.found[user] = profiles.decode(encoded)

    async def read(self, keys: Collection[str]) -> Mapping[str, Profile]:
        self.asked += keys
        return {key: self.found[key] for key in keys if key in self.found}

    async def person(self, key: str) -> Person:
        person = await find_person(key, self.read)
        assert person is not None
        return person


def view(user: str | None, anonymous_id: str | None, **more: Any) -> dict[str, Any]:
    ids = {"userId": user, "anonymousId": anonymous_id}
    return {name: value for name, value in ids.items() if value is not None} | more


def states(person: Person) -> dict[str, tuple[str, str]]:
    return {key.id: (key.state, key.why) for key in person.keys}


async def test_a_user_shows_each_claim_with_its_reason_and_what_became_of_it() -> None:
    stored = Stored(
        view(None, "a-1"),
        view("ann", "a-1", type="identify"),
        view("ann", "a-2"),
        view("ben", None),
        view("ann", "ben"),
        view("ann", "a-3"),
        view("ann", "a-3", event="Signed Out"),
        view("ann", "a-4"),
        view("ben", "a-4"),
        view("ann", None, type="alias", previousId="a-5"),
    )
    ann = await stored.person("ann")
    assert states(ann) == {
        "a-1": ("given", "identify"),
        "a-2": ("moved", "seen"),
        "ben": ("refused", "seen"),
        "a-3": ("released", "seen"),
        "a-4": ("lost", "seen"),
        "a-5": ("moved", "alias"),
    }
    assert [key.id for key in ann.keys] == ["a-5", "a-4", "a-3", "ben", "a-2", "a-1"], "the latest claim first"
    assert (ann.identified, ann.first_seen, ann.last_seen) == (True, iso(START_MS), iso(START_MS + 9_000))
    assert ann.keys[-1].at == iso(START_MS + 1_000)


async def test_a_moved_key_shows_where_it_has_moved_and_that_user() -> None:
    stored = Stored(view(None, "a-1"), view("ann", "a-1"))
    person = await stored.person("a-1")
    assert (person.asked, person.user, states(person)) == ("a-1", "ann", {"a-1": ("given", "seen")})
    assert [(move.source, move.to, move.at) for move in person.moves] == [("a-1", "ann", iso(START_MS + 1_000))]


async def test_an_id_that_is_shared_says_until_when() -> None:
    stored = Stored(*(view(user, "a-1") for user in ("ann", "ben", "cem")))
    person = await stored.person("a-1")
    assert (person.user, person.moves, person.identified) == ("a-1", [], False)
    assert person.shared_until is not None
    assert states(await stored.person("cem")) == {"a-1": ("refused", "seen")}


async def test_nobody_is_found_under_a_key_that_is_not_there() -> None:
    assert await find_person("nobody", Stored(view("ann", "a-1")).read) is None


async def test_a_claim_without_an_answer_is_asked_and_names_another_owner() -> None:
    stored = Stored(view("ann", "a-1"))
    stored.found["a-1"].identity = _moved_to("ben")
    (key,) = (await stored.person("ann")).keys
    assert (key.state, key.owner) == ("asked", "ben")
    del stored.found["a-1"]
    (key,) = (await stored.person("ann")).keys
    assert (key.state, key.owner) == ("asked", None)


async def test_keys_that_have_moved_in_a_circle_end() -> None:
    stored = Stored()
    for key, other in (("a-1", "a-2"), ("a-2", "a-1")):
        stored.found[key] = waiting_profile(None)
        stored.found[key].know(_moved_to(other))
    person = await stored.person("a-1")
    assert [(move.source, move.to) for move in person.moves] == [("a-1", "a-2"), ("a-2", "a-1")]


def _moved_to(user: str) -> Identity:
    identity = new_identity()
    identity.moved_to = user
    return identity
