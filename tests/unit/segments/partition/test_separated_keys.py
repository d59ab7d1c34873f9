"""Keys that an administrator joins or separates, in several partitions."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from app.events.control_record import Control, write_control
from app.events.instants import iso
from app.events.link_record import Link, write_link
from app.offline.backtest import FileRecord
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY
from tables.identity import DAY_MS, SPLIT
from tables.profile import Profile
from tests.support.separating import Written, merge_records, split_records
from tests.unit.segments.partition.test_linked_keys import RULES, START_MS, Shop

N = START_MS + 400 * DAY_MS
TOLD = Control(deed="replace", app="shoal", id="x", source="a", to="u", n=N, at_ms=START_MS)


class SplitShop(Shop):
    """A shop that keeps its logs, for an administrator."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.logs: dict[int, list[FileRecord]] = {}
        self.decided = 0

    def take(self, key: str, t_ms: int, value: bytes) -> None:
        """One record, which is kept."""
        number = self.partitions.index(self.of(key))
        log = self.logs.setdefault(number, [])
        log.append(FileRecord(len(log), t_ms, key.encode(), value))
        super().take(key, t_ms, value)

    def split(self, user: str, key: str) -> Written:
        """The records of the command, not written yet."""
        number = self.partitions.index(self.of(user))
        entries = [batch.profiles.get(CATALOG_KEY) for batch in self.batches]
        catalog = next(entry for entry in entries if entry is not None)
        self.decided += 1
        program, n = self.partitions[0].program, N + self.decided
        return split_records(
            user, key, self.logs[number], program=program, rules=RULES, catalog=catalog, n=n, at_ms=START_MS
        )

    def write(self, written: Written) -> None:
        """Writes records, and lets all read them."""
        for key, value in written:
            self.take(key, START_MS, value)
        self.deliver()

    def known(self, key: str) -> Profile:
        """All that is held of a key."""
        profile = self.of(key).held(key)
        assert profile is not None, f"nothing is held of {key}"
        return profile

    def state(self, user: str, key: str) -> str:
        """The state of a claim."""
        identity = self.known(user).identity
        assert identity is not None, f"{user} knows of no other key"
        return identity.claims[key].state

    def merge(self, key: str, user: str) -> None:
        """The other command."""
        self.decided += 1
        self.write(merge_records(key, user, rules=RULES, n=N + self.decided, at_ms=START_MS))


def wrongly_merged(definitions: dict[str, str] | None = None) -> SplitShop:
    """Two views of a visitor, and the login of somebody else."""
    shop = SplitShop(definitions=definitions)
    shop.send("View", 0)
    shop.send("View", 1)
    shop.send("Other", 2, user="u")
    shop.changes.clear()
    return shop


def test_a_split_gives_back_what_came_and_says_who_leaves_and_enters() -> None:
    shop = wrongly_merged()
    shop.write(shop.split("u", "a"))
    assert sorted(shop.said()) == [("a", "entered", "viewers", "split"), ("u", "exited", "viewers", "split")]
    causes = {change["user"]: change["cause"] for change in shop.changes}
    assert causes["a"]["link"] == causes["u"]["link"]
    assert (causes["a"]["from"], causes["u"]["into"]) == ("u", "a")
    assert shop.results == ["given", "split"]
    assert {change["user"]: change["times"] for change in shop.changes} == {"a": 1, "u": 1}


@pytest.mark.parametrize(("salt", "group"), [("z", "mail"), ("s1", "holdout")])
def test_a_user_keeps_the_group_that_the_key_has_brought_and_their_exit_tells_it(salt: str, group: str) -> None:
    """By `z` the user themselves would be in the holdout."""
    experiment = f"experiment: {{name: e, salt: {salt}, groups: {{holdout: 50, mail: 50}}}}\n"
    shop = SplitShop(definitions={"viewers.yaml": f"segment: viewers\nwhen: count('View') >= 2\n{experiment}"})
    shop.send("View", 0)
    shop.send("View", 1)
    shop.send("Other", 2, user="u")
    shop.write(shop.split("u", "a"))
    told = [(change["user"], change["change"], change["group"]) for change in shop.changes]
    assert [each for each in told if each[0] == "u"] == [("u", "entered", group), ("u", "exited", group)]
    assert [each for each in told if each[0] == "a"][-1] == ("a", "entered", group)
    shop.send("View", 3, user="u", anon=None)
    shop.send("View", 4, user="u", anon=None)
    assert [change["group"] for change in shop.changes if change["user"] == "u"] == [group] * 3


def test_the_user_enters_what_the_key_has_kept_them_out_of() -> None:
    shop = SplitShop(
        definitions={"n.yaml": "segment: n\nwhen: never('Order Completed' within 90d) and count('View') >= 1\n"}
    )
    shop.send("View", 0, user="u", anon=None)
    shop.send("Order Completed", 1)
    shop.send("Other", 2, user="u")
    shop.changes.clear()
    shop.write(shop.split("u", "a"))
    assert [(*each, change["times"]) for each, change in zip(shop.said(), shop.changes, strict=True)] == [
        ("u", "entered", "n", "split", 2)
    ]


def test_the_sequence_of_a_user_has_no_gap_where_their_profile_is_replaced() -> None:
    shop = SplitShop()
    shop.send("View", 0)
    shop.send("View", 1)
    shop.send("Other", 2, user="u")
    shop.write(shop.split("u", "a"))
    entered, exited = [change["sequence"] for change in shop.changes if change["user"] == "u"]
    assert exited == entered + 1


def test_the_user_does_not_claim_the_key_again_and_others_can() -> None:
    shop = wrongly_merged()
    shop.write(shop.split("u", "a"))
    asked = shop.steps().count("ask")
    for day in (1, 29, 31, 40, 100):
        shop.send("View", day * 86_400, user="u")
    assert shop.steps().count("ask") == asked
    shop.send("View", 101 * 86_400, user="w")
    assert shop.state("w", "a") == "given"
    assert shop.state("u", "a") == SPLIT


def test_an_event_that_was_on_its_way_to_the_user_goes_back() -> None:
    shop = wrongly_merged({"viewers.yaml": "segment: viewers\nwhen: count('View' within 90d) >= 9\n"})
    written = shop.split("u", "a")
    (key, back), (user, own) = written
    shop.send("View", 3, wait=True)  # the forward of this event comes to the user after the split
    shop.write([(user, own), (key, back)])
    views = {each: shop.of(each).profile(each) for each in ("a", "u")}
    counts = {each: sum(map(len, _instants(profile))) for each, profile in views.items()}
    assert counts == {"a": 3, "u": 0}
    shop.send("View", 3, message_id="m4")  # as above
    assert sum(map(len, _instants(shop.of("a").profile("a")))) == 3, "sent again, it is a repeat"


@pytest.mark.timeout(20)  # it went round for ever
@pytest.mark.parametrize("has_events", [True, False])
def test_a_key_that_has_forgotten_the_split_is_not_moved_again_by_a_claim_from_before_it(has_events: bool) -> None:
    shop = wrongly_merged({"viewers.yaml": "segment: viewers\nwhen: count('View' within 90d) >= 9\n"})
    shop.write(shop.split("u", "a"))
    views = 2
    if not has_events:  # then there is nothing to give
        shop.of("a").restore("a", None, offset=0)
        views = 0
    # The number of the claim is above all that the key remembers, as if it had forgotten the split.
    ask = Link(step="ask", app=RULES.app, id="x", source="a", to="u", n=N + 9, at_ms=START_MS + 3_000, why="seen")
    shop.take("a", START_MS + 3_000, write_link(ask))
    shop.deliver()
    shop.send("View", 4)
    assert shop.known("a").moved_to is None
    assert shop.state("u", "a") == SPLIT
    counts = {each: sum(map(len, _instants(shop.of(each).profile(each)))) for each in ("a", "u")}
    assert counts == {"a": views + 1, "u": 0}


def _instants(profile: Any) -> list[Any]:
    """The states of the count of views."""
    return [] if profile is None else [state for state in profile.aggregates.values() if isinstance(state, list)]


def test_what_belongs_to_another_by_now_goes_on_to_them() -> None:
    shop = wrongly_merged()
    shop.send("Other", 3, user="w")
    shop.changes.clear()
    shop.write(shop.split("u", "a"))
    assert sorted(shop.said()) == [("u", "exited", "viewers", "split"), ("w", "entered", "viewers", "merged")]
    assert shop.known("a").moved_to == "w"


def test_a_merge_by_force_moves_a_user_and_a_split_undoes_it() -> None:
    shop = SplitShop()
    for at_s, user in enumerate(("u", "v", "v")):
        shop.send("View", at_s, user=user, anon=None)
    shop.changes.clear()
    shop.merge("v", "u")
    assert shop.said() == [("v", "exited", "viewers", "merged"), ("u", "entered", "viewers", "merged")]
    shop.changes.clear()
    shop.write(shop.split("u", "v"))
    assert sorted(shop.said()) == [("u", "exited", "viewers", "split"), ("v", "entered", "viewers", "split")]
    assert shop.known("v").identified
    shop.merge("v", "u")
    shop.send("View", 9, user="v", anon=None)
    assert shop.inside("u") == ["viewers"]
    assert shop.known("v").moved_to == "u"


def test_who_moves_by_force_to_a_key_without_events_stays_a_visitor_or_a_user() -> None:
    shop = SplitShop()
    shop.send("View", 0)
    shop.send("View", 1, user="v", anon=None)
    shop.merge("a", "new-a")
    shop.merge("v", "new-v")
    assert [shop.known(key).identified for key in ("new-a", "new-v")] == [False, True]
    shop.send("View", 2, user="new-v", anon="new-a")
    assert shop.known("new-a").moved_to == "new-v", "a login takes the visitor in"
    assert shop.inside("new-v") == ["viewers"]


def test_an_event_in_a_circle_of_merges_counts_once() -> None:
    shop = SplitShop()
    for user in ("u1", "u2"):
        shop.send("Other", 0, user=user, anon=None)
    written = [*merge_records("u2", "u1", rules=RULES, n=N, at_ms=0)]
    written += merge_records("u1", "u2", rules=RULES, n=N + 1, at_ms=0)
    for key, value in written:
        shop.take(key, START_MS, value)
    shop.send("View", 5, user="u1", anon=None)  # goes round: u1 has moved to u2, and u2 to u1
    shop.send("View", 6, user="u2", anon=None)
    alive = [user for user in ("u1", "u2") if shop.of(user).profile(user) is not None]
    assert len(alive) == 1
    assert shop.inside(alive[0]) == ["viewers"], "both views are there"


def test_a_user_with_nothing_of_their_own_is_left_with_nothing() -> None:
    shop = SplitShop()
    for at_s in (0, 1):
        shop.send("View", at_s)
    shop.send("Other", 2, user="u", anon=None)
    for day in (1, 500):
        shop.pass_time(day * 86_400)  # by now both are forgotten
    shop.write([("u", write_control(TOLD)), ("a", write_control(TOLD))])
    assert shop.of("u").profile("u") is None
    assert shop.of("a").profile("a") is None
    assert shop.results == ["split"]


def test_a_user_who_is_due_to_be_forgotten_begins_anew_with_a_merge_wherever_a_batch_ends() -> None:
    program = SplitShop(partitions=2).partitions[0].program
    said = json.dumps({"type": "track", "event": "View", "userId": "u", "timestamp": iso(START_MS)}).encode()
    mark = json.dumps({"type": "watermark", "timestamp": iso(START_MS + 500 * DAY_MS)}).encode()
    control = merge_records("a", "u", rules=RULES, n=N, at_ms=START_MS)[1][1]
    records = [
        FileRecord(offset, -1, key, value)
        for offset, (key, value) in enumerate(((b"u", said), (None, mark), (b"u", control)))
    ]
    held = []
    for batches in ([records], [[each] for each in records]):
        partition = Partition(program, RULES)
        for batch in batches:
            partition.process(batch)
        held.append(partition.held("u"))
    assert held[0] == held[1]
    assert held[0] is not None


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("a", b'{"type":"control","deed":"replace"}', "invalid-control"),
        ("b", write_control(TOLD), "wrong-key"),
        ("u", write_control(TOLD), "moved"),
    ],
)
def test_a_control_record_that_cannot_be_used_is_a_dead_letter(key: str, value: bytes, reason: str) -> None:
    shop = SplitShop()
    shop.send("View", 0, user="u", anon=None)
    shop.merge("u", "w")
    shop.take(key, START_MS, value)
    assert [letter.reason for letter in shop.batches[-1].dead] == [reason]


def test_the_control_records_of_another_app_are_passed_over() -> None:
    shop = wrongly_merged()
    shop.take("u", START_MS, write_control(replace(TOLD, app="other")))
    assert shop.batches[-1].counted["link_foreign"] == 1
    assert shop.inside("u") == ["viewers"]
