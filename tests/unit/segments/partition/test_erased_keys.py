"""A person who is erased: nothing of them is left, and nothing that was on its way brings them back."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from app.events.control_record import Control, write_control
from app.events.instants import iso
from app.events.link_record import Link, write_link
from app.offline.backtest import FileRecord
from app.segments.partition.partition import Partition
from tables.identity import DAY_MS, ERASED, MOVED_KEPT_MS
from tests.support.separating import erase_records, merge_records
from tests.unit.segments.partition.test_linked_keys import RULES, START_MS
from tests.unit.segments.partition.test_separated_keys import N, SplitShop

TOLD = Control(deed="erase", app="shoal", id="x", source="u", to="u", n=0, at_ms=START_MS)


class ErasingShop(SplitShop):
    """A shop whose administrator erases people."""

    def erase(self, user: str, *keys: str, at_s: float, wait: bool = False) -> None:
        """The command."""
        for key, value in erase_records(user, keys, rules=RULES, at_ms=START_MS + int(at_s * 1000)):
            self.take(key, START_MS, value)
        if not wait:
            self.deliver()

    def counted(self) -> int:
        """Events and link records that were dropped."""
        return sum(batch.counted["erased_dropped"] for batch in self.batches)

    def is_forgotten(self, key: str) -> bool:
        """True if nothing is held of a key but the instant of its erasure."""
        known = self.of(key).held(key)
        if known is None:
            return True
        identity = known.identity
        assert identity is not None
        is_empty = not known.begun and known.waiting is None and not known.leaves and not known.message_ids
        knows_nobody = not identity.claims and set(identity.answered) <= {ERASED} and not identity.gives
        return is_empty and knows_nobody and identity.moved_to is None and identity.erased_ms >= 0


def person(**more: Any) -> ErasingShop:
    """Somebody with a login and two devices, who views."""
    shop = ErasingShop(**more)
    shop.send("View", 0)
    shop.send("View", 1, user="u")
    shop.send("View", 2, user="u", anon="b")
    assert shop.inside("u") == ["viewers"]
    shop.changes.clear()
    shop.results.clear()
    return shop


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("keys", [("a", "b"), ()], ids=["all keys named", "the others found by their claims"])
def test_a_person_who_is_erased_leaves_everything_and_nothing_is_left(partitions: int, keys: Iterable[str]) -> None:
    shop = person(partitions=partitions)
    shop.erase("u", *keys, at_s=3)
    assert shop.said() == [("u", "exited", "viewers", "erased")]
    assert all(shop.is_forgotten(key) for key in ("u", "a", "b"))
    assert sorted(shop.results) == ["ended", "ended"], "who reads where the devices have moved is told"
    assert sum(partition.moved for partition in shop.partitions) == 0
    assert sum(partition.members()["viewers"] for partition in shop.partitions) == 0


def test_a_later_event_begins_a_new_user_whose_numbers_go_on() -> None:
    shop = person()
    shop.erase("u", "a", "b", at_s=3)
    shop.send("View", 4, user="u", anon=None)
    assert shop.inside("u") == []
    shop.send("View", 5, user="u", anon=None)
    assert shop.said()[1:] == [("u", "entered", "viewers", "event")]
    assert [change["times"] for change in shop.changes] == [1, 1]
    exited, entered = (change["sequence"] for change in shop.changes)
    assert entered > exited


@pytest.mark.parametrize("partitions", [1, 3])
def test_events_from_before_the_erasure_do_not_bring_the_person_back(partitions: int) -> None:
    shop = person(partitions=partitions)
    shop.erase("u", "a", "b", at_s=3)
    shop.send("View", 2, user="u", message_id="m3", anon="b")  # a repeat
    shop.send("View", 2.5, user="u")  # a late one
    shop.send("View", 3, anon="b")
    assert shop.counted() == 3
    assert all(shop.is_forgotten(key) for key in ("u", "a", "b"))


def test_a_repeat_of_an_event_of_a_clock_ahead_does_not_bring_the_person_back() -> None:
    shop = person()
    shop.send("View", 60, user="u", message_id="ahead")
    shop.erase("u", "a", "b", at_s=30)
    shop.send("View", 60, user="u", message_id="ahead")
    assert shop.counted() == 1
    assert shop.is_forgotten("u")


def test_what_was_on_its_way_to_the_user_is_thrown_away() -> None:
    shop = ErasingShop()
    shop.send("View", 0)
    shop.send("View", 1, user="u", wait=True)  # the claim is on its way to the id
    ask = shop._waiting.popleft()
    shop.take(*ask)  # what the id remembers is on its way to the user
    shop.send("View", 2, wait=True)  # and so is this event
    shop.erase("u", "a", at_s=3)
    assert all(shop.is_forgotten(key) for key in ("u", "a"))
    assert shop.counted() == 2, "a give, a forward"
    assert shop.said() == []


def test_a_claim_from_before_the_erasure_moves_nothing() -> None:
    shop = ErasingShop()
    shop.send("View", 0)
    shop.send("View", 1, user="u", wait=True)  # the claim is on its way to the id
    shop.erase("u", "a", at_s=3)
    shop.send("View", 4)
    assert shop.known("a").moved_to is None
    assert shop.is_forgotten("u")
    shop.send("View", 5, user="u")
    assert shop.state("u", "a") == "given", "a new event with both ids claims the id anew"
    assert shop.inside("u") == ["viewers"]


def test_a_claim_of_somebody_else_that_is_dropped_can_be_made_again() -> None:
    shop = person()
    shop.erase("u", "a", "b", at_s=30)
    shop.send("Other", 20, user="w")
    assert shop.state("w", "a") == "lost"
    shop.send("Other", 40, user="w")
    assert shop.known("a").moved_to == "w"


def test_an_id_that_the_command_did_not_know_of_is_erased_too() -> None:
    shop = person()
    shop.send("View", 2.1, anon="c")
    shop.send("View", 2.2, user="u", anon="c", wait=True)
    shop.erase("u", "a", "b", at_s=3)
    assert all(shop.is_forgotten(key) for key in ("u", "a", "b", "c"))
    shop.send("View", 4, anon="c")
    assert shop.of("c").profile("c") is not None, "it lives again"


def test_an_id_that_belongs_to_somebody_else_by_now_is_left_to_them() -> None:
    shop = person()
    shop.send("Other", 3, user="w")
    assert shop.inside("u") == ["viewers"]
    shop.erase("u", "a", "b", at_s=4)
    assert shop.known("a").moved_to == "w"
    assert shop.is_forgotten("u")
    assert shop.is_forgotten("b")


def test_an_event_after_the_erasure_of_an_id_is_not_erased_by_what_comes_behind() -> None:
    shop = person()
    shop.erase("u", "a", at_s=3, wait=True)  # the link record to the id is on its way
    shop.send("View", 4, wait=True)
    shop.deliver()
    assert shop.of("a").profile("a") is not None
    shop.send("View", 5, user="u")
    assert shop.inside("u") == ["viewers"]


def test_users_who_were_joined_by_force_are_erased_together() -> None:
    shop = person()
    shop.send("View", 3, user="v", anon=None)
    shop.merge("v", "u")
    shop.erase("u", "v", "a", "b", at_s=4)
    assert all(shop.is_forgotten(key) for key in ("u", "v", "a", "b"))
    shop.send("View", 5, user="v", anon=None)
    shop.send("View", 6, user="v", anon=None)
    assert shop.inside("v") == ["viewers"]
    assert shop.is_forgotten("u")


def test_a_merge_by_force_after_the_erasure_counts_whatever_the_clock_of_its_command() -> None:
    shop = person()
    shop.erase("u", "a", "b", at_s=3_600)
    shop.send("View", 3_601, user="v", anon=None)
    shop.send("View", 3_602, user="v", anon=None)
    shop.merge("v", "u")  # by a clock that is an hour behind
    assert shop.inside("u") == ["viewers"]


def test_events_that_wait_for_their_turn_are_erased() -> None:
    files = {
        "catalog.yaml": "order: {wait: 1m}\n",
        "v.yaml": "segment: viewers\nwhen: count('View' within 90d) >= 2\n",
    }
    shop = ErasingShop(definitions=files)
    for at_s in (0, 1, 2):
        shop.send("View", at_s, user="u", anon=None)
    assert shop.of("u").waiting_of("u") == 3
    shop.erase("u", at_s=1)
    assert shop.is_forgotten("u")
    shop.send("View", 2, user="u", anon=None, message_id="m3")
    for at_s in (100, 200, 300):
        shop.send("Other", at_s, user="w", anon=None)
        shop.send("View", at_s + 1, user="u", anon=None)
    shop.pass_time(1_000)
    assert shop.counted() == 1, "a repeat of one that has waited"
    assert [change["times"] for change in shop.changes] == [1]
    assert shop.changes[0]["at"] == iso(START_MS + 201_000)


def test_an_erasure_is_remembered_as_long_as_a_record_from_before_it_can_come() -> None:
    shop = person()
    shop.erase("u", "a", "b", at_s=3)
    shop.pass_time((MOVED_KEPT_MS - DAY_MS) / 1000)
    assert shop.of("u").held("u") is not None
    shop.pass_time((MOVED_KEPT_MS + DAY_MS) / 1000)
    assert all(shop.of(key).held(key) is None for key in ("u", "a", "b"))


def test_a_key_of_whom_nothing_is_known_is_erased_for_what_is_on_its_way() -> None:
    shop = ErasingShop()
    shop.erase("u", at_s=3)
    shop.send("View", 2, user="u", anon=None)
    assert shop.is_forgotten("u")
    assert shop.counted() == 1


def test_an_erasure_erases_anew_who_has_come_back() -> None:
    shop = person()
    shop.erase("u", "a", "b", at_s=3)
    shop.send("View", 4, user="u", anon=None)
    shop.erase("u", at_s=5)
    shop.send("View", 4.5, user="u", anon=None)
    assert shop.is_forgotten("u")


def test_batches_make_no_difference_to_an_erasure() -> None:
    program = person().partitions[0].program
    rows: list[tuple[str, bytes]] = []
    for number, at_s in enumerate((0, 1, 9, 2, 10, 11)):
        said = {"type": "track", "event": "View", "userId": "u", "messageId": f"m{number}"}
        rows.append(("u", json.dumps(said | {"timestamp": iso(START_MS + at_s * 1_000)}).encode()))
    rows[2:2] = erase_records("u", (), rules=RULES, at_ms=START_MS + 5_000)
    late = {"type": "track", "event": "View", "userId": "u", "timestamp": iso(START_MS + 3_000)}
    mark = {"type": "watermark", "timestamp": iso(START_MS + 500 * DAY_MS)}
    rows += [("u", json.dumps(late).encode()), ("", json.dumps(mark).encode()), ("u", json.dumps(late).encode())]
    records = [FileRecord(offset, -1, key.encode() or None, value) for offset, (key, value) in enumerate(rows)]
    found = []
    for batches in ([records], [[each] for each in records]):
        for fast in (True, False):
            partition = Partition(program, RULES, fast=fast)
            done = [partition.process(batch) for batch in batches]
            said_all = [change.encode() for batch in done for change in batch.changes]
            dropped = sum(batch.counted["erased_dropped"] for batch in done)
            late_count = sum(len(batch.late) for batch in done)
            found.append((said_all, dropped, late_count, partition.held("u")))
    assert found[0][1:3] == (2, 1), "the last one comes when the erasure is forgotten"
    assert all(each == found[0] for each in found)


def test_the_fast_path_takes_what_follows_an_erasure_and_leaves_what_is_before_it() -> None:
    program = person().partitions[0].program
    partition = Partition(program, RULES)
    (erasure,) = erase_records("u", (), rules=RULES, at_ms=START_MS + 5_000)
    rows = [erasure]
    for at_s in (6, 4, 7, 8):
        said = {"type": "track", "event": "View", "userId": "u", "timestamp": iso(START_MS + at_s * 1_000)}
        rows.append(("u", json.dumps(said).encode()))
    batch = partition.process([FileRecord(n, -1, key.encode(), value) for n, (key, value) in enumerate(rows)])
    assert batch.counted["erased_dropped"] == 1
    assert batch.kinds["track"] == 3


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("a", write_control(TOLD), "wrong-key"),
        ("u", write_control(replace(TOLD, source="a")), "wrong-key"),
        ("u", write_control(replace(TOLD, deed="merge")), "invalid-control"),
    ],
)
def test_a_control_record_that_cannot_be_used_erases_nobody(key: str, value: bytes, reason: str) -> None:
    shop = person()
    shop.take(key, START_MS, value)
    assert [letter.reason for letter in shop.batches[-1].dead] == [reason]
    assert shop.inside("u") == ["viewers"]


def test_the_erasure_of_a_user_does_not_reach_an_id_that_is_its_own() -> None:
    shop = person()
    shop.send("Signed Out", 3, user="u")
    shop.send("View", 4)
    link = Link(step="erase", app=RULES.app, id="x", source="a", to="u", n=N, at_ms=START_MS + 5_000)
    shop.take("a", START_MS, write_link(link))
    assert shop.of("a").profile("a") is not None


@pytest.mark.parametrize("partitions", [1, 3])
def test_what_an_id_gave_before_a_logout_goes_with_the_user_and_what_it_did_since_with_the_id(partitions: int) -> None:
    shop = ErasingShop(partitions=partitions)
    shop.send("View", 0)
    shop.send("View", 1, user="u")
    shop.send("Signed Out", 3, user="u")
    shop.send("View", 4)
    shop.erase("a", at_s=5)
    assert shop.is_forgotten("a")
    assert shop.inside("u") == ["viewers"], "of two views, one of which was the id's"
    shop.send("View", 6)
    shop.erase("u", at_s=7)
    assert shop.is_forgotten("u")
    assert not shop.is_forgotten("a"), "its views since then are its own"


def test_a_merge_and_an_erasure_at_once_leave_nothing() -> None:
    shop = person()
    shop.send("View", 3, user="v", anon=None)
    for key, value in merge_records("v", "u", rules=RULES, n=N, at_ms=START_MS):
        shop.take(key, START_MS, value)
    shop.erase("u", "a", "b", at_s=4)  # what v gives is on its way, and the command did not know of v
    assert all(shop.is_forgotten(key) for key in ("u", "v", "a", "b"))


def test_a_split_after_an_erasure_gives_back_what_came_since() -> None:
    shop = person()
    shop.write(shop.split("u", "a"))
    shop.erase("u", "a", "b", at_s=3)
    for at_s in (4, 5):
        shop.send("View", at_s)
    shop.send("Other", 6, user="u")
    assert shop.inside("u") == ["viewers"]
    shop.write(shop.split("u", "a"))
    assert shop.inside("u") == []
    assert shop.inside("a") == ["viewers"]
    assert shop.changes[-1]["times"] == 1
    views = shop.known("a").aggregates.values()
    assert sum(len(state) for state in views if isinstance(state, list)) == 2, "nothing from before the erasure"


def test_an_old_event_on_its_way_does_not_reach_the_user_that_an_erased_one_is_merged_into() -> None:
    shop = person()
    shop.send("View", 2.5, wait=True)  # on its way from the id to the user
    (forward,) = shop._waiting
    shop._waiting.clear()
    shop.erase("u", "a", "b", at_s=3)
    shop.send("View", 4, user="w", anon=None)
    shop.merge("u", "w")
    shop.take(*forward)
    shop.deliver()
    assert shop.inside("w") == [], "one view, and none from before the erasure"
    assert shop.counted() == 1


def test_no_number_of_a_change_is_used_again_by_who_comes_back_within_a_millisecond() -> None:
    files = {f"{name}.yaml": f"segment: {name}\nwhen: exists('View' within 90d)\n" for name in ("x", "y", "z")}
    shop = ErasingShop(definitions=files)
    shop.send("View", 0, user="u", anon=None)
    shop.erase("u", at_s=0)
    shop.send("View", 0.001, user="u", anon=None)
    numbers = [change["sequence"] for change in shop.changes]
    assert numbers == list(range(START_MS, START_MS + 9))


class SuppressingShop(ErasingShop):
    """A shop whose administrator drops all events of some people."""

    def suppress(self, user: str, *, at_s: float) -> None:
        """The command that erases, with suppression."""
        self._control(replace(TOLD, suppress=True), user, at_s)

    def unsuppress(self, user: str, *, at_s: float) -> None:
        """The command that ends it."""
        self._control(replace(TOLD, deed="unsuppress"), user, at_s)

    def _control(self, told: Control, user: str, at_s: float) -> None:
        at_ms = START_MS + int(at_s * 1000)
        self.take(user, START_MS, write_control(replace(told, source=user, to=user, at_ms=at_ms)))
        self.deliver()

    def is_suppressed(self, user: str) -> bool:
        """True if the user's key says so."""
        identity = self.known(user).identity
        return identity is not None and identity.is_suppressed


def suppressed() -> SuppressingShop:
    """Somebody who viewed on two devices, and wants no more of it."""
    shop = SuppressingShop()
    shop.send("View", 0)
    shop.send("View", 1, user="u")
    shop.send("View", 2, user="u", anon="b")
    shop.changes.clear()
    shop.suppress("u", at_s=3)
    assert shop.said() == [("u", "exited", "viewers", "erased")]
    shop.changes.clear()
    return shop


@pytest.mark.parametrize("user", ["u", "never-seen"])
def test_of_who_is_suppressed_every_later_event_is_dropped_until_that_ends(user: str) -> None:
    shop = suppressed()
    shop.suppress(user, at_s=3)
    for second in (10, 11, 12):
        shop.send("View", second, user=user, anon="c")
    assert shop.is_suppressed(user)
    assert shop.said() == []
    assert shop.counted() == 3
    shop.unsuppress(user, at_s=20)
    for second in (19, 21):
        shop.send("View", second, user=user, anon="")
    assert shop.inside(user) == []
    shop.send("View", 22, user=user, anon="")
    assert shop.inside(user) == ["viewers"], "two views since then"
    assert shop.counted() == 4


def test_a_suppression_outlives_everything_but_its_end() -> None:
    shop = suppressed()
    shop.erase("u", at_s=5)
    shop.pass_time(2 * MOVED_KEPT_MS // 1000)
    assert shop.is_suppressed("u")
    shop.send("View", 2 * MOVED_KEPT_MS // 1000, user="u")
    assert shop.said() == []


def test_the_end_of_a_suppression_that_there_is_not_changes_nothing() -> None:
    shop = SuppressingShop()
    shop.unsuppress("u", at_s=3)
    assert shop.of("u").held("u") is None
    shop.erase("u", at_s=4)
    shop.unsuppress("u", at_s=50)
    shop.send("View", 10, user="u", anon="")
    assert shop.counted() == 0
