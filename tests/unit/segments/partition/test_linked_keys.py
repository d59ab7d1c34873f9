"""Keys of one person claim, give, move, refuse and follow, in one partition and in several."""

import json
from collections import deque
from typing import Any

import pytest

from app.events.instants import iso
from app.events.link_record import LINK_BYTES_MAX, Link, read_link, write_link
from app.offline.backtest import FileRecord
from app.runtime.kafka.partitioner import partition_of
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tables.identity import CLAIM_MS, DAY_MS, MOVED_KEPT_MS

RULES = TimeRules()
START_MS = 1_767_571_200_000
DEFINITIONS = {
    "viewers.yaml": "segment: viewers\nwhen: count('View' within 90d) >= 2\n",
    "carts.yaml": "segment: carts\nwhen: cart.items > 0 and cart.idle >= 5m and cart.idle < 3h\n",
}


class Shop:
    """Partitions with their logs: link records are appended to the log of their key, and read in its order."""

    def __init__(
        self, identity: str | None = "", *, partitions: int = 3, definitions: dict[str, str] | None = None
    ) -> None:
        files = dict(definitions or DEFINITIONS)
        if identity is not None:
            files["identity.yaml"] = identity
        program = compile_catalog(load_catalog(files), RULES)
        self.partitions = [Partition(program, RULES, alone=partitions == 1) for _ in range(partitions)]
        self.links: list[Link] = []
        self.results: list[str] = []
        self.changes: list[dict[str, Any]] = []
        self.batches: list[Batch] = []
        self._offsets = [0] * partitions
        self._waiting: deque[tuple[str, int, bytes]] = deque()
        self._sent = 0

    def of(self, key: str) -> Partition:
        """The partition of a key."""
        return self.partitions[partition_of(key.encode(), len(self.partitions))]

    def send(
        self,
        event: str,
        at_s: float,
        *,
        user: str | None = None,
        anon: str | None = "a",
        wait: bool = False,
        **more: Any,
    ) -> None:
        """One event `at_s` seconds after the start; `wait`: the links that it makes are not read yet."""
        self._sent += 1
        t_ms = START_MS + int(at_s * 1000)
        message: dict[str, Any] = {
            "type": more.pop("type", "track"),
            "event": event,
            "messageId": more.pop("message_id", f"m{self._sent}"),
            "timestamp": iso(t_ms),
            "properties": more,
        }
        ids = {"userId": user, "anonymousId": anon, "previousId": more.pop("previous", None)}
        message |= {name: value for name, value in ids.items() if value is not None}
        self.take(str(user or anon), t_ms, json.dumps(message).encode())
        if not wait:
            self.deliver()

    def deliver(self) -> None:
        """Reads all link records that wait in the logs."""
        while self._waiting:
            self.take(*self._waiting.popleft())

    def take(self, key: str, t_ms: int, value: bytes) -> None:
        """One record."""
        number = partition_of(key.encode(), len(self.partitions))
        record = FileRecord(self._offsets[number], t_ms, key.encode(), value)
        self._offsets[number] += 1
        self._note(self.partitions[number].process([record]), t_ms)

    def pass_time(self, to_s: float) -> None:
        """Moves the clocks of all partitions."""
        for partition in self.partitions:
            self._note(partition.advance(START_MS + int(to_s * 1000)), START_MS)
        self.deliver()

    def _note(self, batch: Batch, t_ms: int) -> None:
        self.batches.append(batch)
        self.changes += [json.loads(change.encode()) for change in batch.changes]
        self.results += [each.result for each in batch.linked]
        for link in batch.links:
            self.links.append(read_link(link.value))
            self._waiting.append((link.key, t_ms, link.value))

    def said(self) -> list[tuple[str, str, str, str]]:
        """The changes in short: user, change, segment, kind of the cause."""
        return [(each["user"], each["change"], each["segment"], each["cause"]["kind"]) for each in self.changes]

    def inside(self, user: str) -> list[str]:
        """The segments that a user is in."""
        profile = self.of(user).profile(user)
        names = {segment.id: segment.name for segment in self.partitions[0].program.segments}
        return [] if profile is None else sorted(names[own] for own, member in profile.members.items() if member[0])

    def steps(self) -> list[str]:
        """The link records that were sent, by their kinds."""
        return [link.step for link in self.links]


BOTH = pytest.mark.parametrize("partitions", [1, 3])


@BOTH
def test_what_a_visitor_did_before_the_login_is_theirs_after_it(partitions: int) -> None:
    shop = Shop(partitions=partitions)
    shop.send("Product Added", 0, product_id="p1")
    shop.send("Order Completed", 60, user="u")
    shop.pass_time(3_600)
    assert shop.said() == [], "neither key gets a reminder"
    assert shop.results == ["given"]


@BOTH
def test_without_the_order_exactly_one_reminder_comes_under_the_user(partitions: int) -> None:
    shop = Shop(partitions=partitions)
    shop.send("Product Added", 0, product_id="p1")
    shop.send("View", 60, user="u")
    shop.pass_time(3_600)
    assert shop.said() == [("u", "entered", "carts", "time")]


@BOTH
def test_who_moves_leaves_everything_and_the_user_enters_with_the_same_link(partitions: int) -> None:
    shop = Shop(partitions=partitions)
    shop.send("View", 0)
    shop.send("View", 1)
    shop.send("Other", 2, user="u")
    assert shop.said() == [
        ("a", "entered", "viewers", "event"),
        ("a", "exited", "viewers", "merged"),
        ("u", "entered", "viewers", "merged"),
    ]
    exited, entered = shop.changes[1:]
    assert exited["cause"]["into"] == "u"
    assert entered["cause"]["from"] == "a"
    assert exited["cause"]["link"] == entered["cause"]["link"]
    assert exited["evidence"] == []
    assert exited["valid_until"] is None
    assert [each["sequence"] for each in shop.changes if each["user"] == "a"] == [
        shop.changes[0]["sequence"],
        shop.changes[0]["sequence"] + 1,
    ]
    assert sum(partition.moved for partition in shop.partitions) == 1


@BOTH
def test_an_event_of_a_moved_id_is_the_users(partitions: int) -> None:
    shop = Shop(partitions=partitions)
    shop.send("View", 0, user="u")
    shop.send("View", 5)
    assert shop.inside("u") == ["viewers"]
    assert shop.of("a").profile("a") is None
    if partitions > 1:
        assert shop.steps() == ["ask", "forward"]


def test_a_repeat_at_a_moved_id_is_dropped_there_whether_it_was_seen_before_the_move_or_after() -> None:
    shop = Shop()
    shop.send("View", 0, message_id="before")
    shop.send("Other", 1, user="u")
    shop.send("View", 2, message_id="after")
    for message_id in ("before", "after"):
        shop.send("View", 3, message_id=message_id)
    assert shop.steps().count("forward") == 1
    assert sum(batch.duplicates for batch in shop.batches) == 2
    profile = shop.of("u").profile("u")
    assert profile is not None
    assert profile.members[next(iter(profile.members))][0] == 1, "two views in all"


def test_events_after_the_last_claim_begin_a_new_life_where_the_policy_says_so() -> None:
    shop = Shop("follow: before\n")
    shop.send("Other", 10, user="u")
    shop.send("View", 5)
    shop.send("View", 20)
    assert shop.steps() == ["ask", "forward"]
    assert shop.of("a").profile("a") is not None


@pytest.mark.parametrize("end", ["becomes a user", "begins anew", "is forgotten"])
def test_the_identity_topic_says_when_an_id_is_its_own_again_without_a_logout(end: str) -> None:
    shop = Shop("follow: before\n" if end == "begins anew" else "")
    shop.send("View", 0, user="u")
    if end == "is forgotten":
        shop.pass_time(MOVED_KEPT_MS / 1000 + 1)
    else:
        shop.send("View", 10, user="a" if end == "becomes a user" else None, anon="a")
    assert shop.results == ["empty", "ended"]
    told = [each for batch in shop.batches for each in batch.linked]
    assert [(each.source, each.to, each.id) for each in told] == [("a", "u", told[0].id)] * 2


def test_two_users_never_become_one_by_a_device() -> None:
    shop = Shop()
    for number in range(4):
        shop.send("View", number * 10, user=f"u{number % 2}")
    assert shop.results.count("lost") == 3
    for user in ("u0", "u1"):
        profile = shop.of(user).profile(user)
        assert profile is not None
        (member,) = profile.members.values()
        assert member[2] == 1


def test_a_device_that_changes_hands_too_often_is_shared_and_its_events_are_its_own() -> None:
    shop = Shop("switches_max: 2\n")
    for number in range(4):
        shop.send("Other", number * 10, user=f"u{number}")
    assert shop.results[-1] == "refused:shared"
    shop.send("View", 50)
    shop.send("View", 51)
    assert shop.inside("a") == ["viewers"]
    shop.send("Other", 60, user="u9")
    assert shop.results[-1] == "refused:shared"
    assert shop.inside("a") == ["viewers"], "nobody takes it"
    count = len(shop.links)
    shop.send("Other", 70, user="u9")
    assert len(shop.links) == count, "who was refused does not ask again for 30 days"


def test_an_id_that_is_a_users_is_refused() -> None:
    shop = Shop()
    shop.send("View", 0, user="a", anon=None)
    shop.send("View", 10, user="u", anon="a")
    assert shop.results == ["refused:identified"]
    assert shop.of("a").profile("a") is not None


def test_a_moved_id_that_turns_out_to_be_a_user_lives_again() -> None:
    shop = Shop()
    shop.send("View", 0, user="u")
    shop.send("View", 10, user="a", anon=None)
    profile = shop.of("a").profile("a")
    assert profile is not None
    assert profile.identified


@pytest.mark.parametrize("anon", ["null", "undefined", "00000000-0000", "  ", "[object Object]", "u"])
def test_an_id_that_names_nobody_is_not_claimed(anon: str) -> None:
    shop = Shop()
    shop.send("View", 0, user="u", anon=anon)
    assert shop.links == []


def test_the_ids_of_the_policy_are_not_claimed() -> None:
    shop = Shop("blocked: [Kiosk-1]\n")
    shop.send("View", 0, user="u", anon="kiosk-1")
    shop.send("View", 1, user="u", anon="kiosk-2")
    assert [link.source for link in shop.links if link.step == "ask"] == ["kiosk-2"]


def test_a_user_claims_so_many_ids_within_thirty_days_and_no_more() -> None:
    shop = Shop("devices_max: 3\n")
    for number in range(5):
        shop.send("View", number, user="u", anon=f"a{number}")
    assert [link.source for link in shop.links] == ["a0", "a1", "a2"]
    assert sum(batch.counted["link_limited"] for batch in shop.batches) == 2
    shop.send("View", CLAIM_MS / 1000 + 10, user="u", anon="a4")
    assert shop.links[-1].source == "a4"


def test_a_claim_holds_for_thirty_days_and_is_then_made_anew() -> None:
    shop = Shop()
    shop.send("View", 0, user="u")
    shop.send("View", CLAIM_MS / 1000 - 1, user="u")
    assert shop.steps() == ["ask"]
    shop.send("View", CLAIM_MS / 1000, user="u")
    assert shop.steps() == ["ask", "ask"]
    assert shop.links[0].n < shop.links[1].n


def test_a_late_or_repeated_event_claims_nothing() -> None:
    shop = Shop()
    shop.send("View", 200_000, user="u", anon=None, message_id="one")
    shop.send("View", 200_000, user="u", message_id="one")
    shop.send("View", 0, user="u")
    assert shop.links == []


@pytest.mark.parametrize(("policy", "claims"), [("", ["old"]), ("trust_alias: false\n", [])])
def test_an_alias_claims_its_former_id(policy: str, claims: list[str]) -> None:
    shop = Shop(policy)
    shop.send("", 0, type="alias", user="u", anon=None, previous="old")
    assert [link.source for link in shop.links] == claims


def test_without_identity_each_key_is_a_user_of_its_own() -> None:
    shop = Shop(None)
    shop.send("View", 0)
    shop.send("View", 1, user="u")
    assert shop.links == []
    assert shop.inside("u") == []


def test_a_moved_key_is_forgotten_when_no_record_about_it_can_still_come() -> None:
    shop = Shop()
    shop.send("View", 0, user="u")
    shop.pass_time((MOVED_KEPT_MS - 1) / 1000)
    assert sum(partition.moved for partition in shop.partitions) == 1
    shop.pass_time(MOVED_KEPT_MS / 1000)
    assert sum(partition.moved for partition in shop.partitions) == 0
    shop.send("View", MOVED_KEPT_MS / 1000 + 1)
    assert shop.of("a").profile("a") is not None


def test_a_restored_partition_knows_how_many_keys_have_moved() -> None:
    shop = Shop()
    shop.send("View", 0, anon="a-1")
    shop.send("View", 1, user="u", anon="a-1")
    shop.send("Signed In", 2, user="u", anon="a-2")
    shop.send("Signed In", 3, user="v", anon="a-3")
    shop.send("Signed Out", 4, user="v", anon="a-3")
    shop.pass_time(MOVED_KEPT_MS / 1000 - 1)
    shop.send("View", MOVED_KEPT_MS / 1000 - 1, anon="a-1")  # a-1 stays, a-2 is forgotten
    counts = [sum(partition.moved for partition in shop.partitions)]
    shop.pass_time(MOVED_KEPT_MS / 1000 + 4)
    counts.append(sum(partition.moved for partition in shop.partitions))
    assert counts == [2, 1]
    restored = Partition(shop.partitions[0].program, RULES)
    found = []
    for batch in shop.batches:
        for key, encoded in batch.profiles.items():
            restored.restore(key, encoded, offset=0)
        found.append(restored.moved)
    assert max(found) == 3
    assert found[-1] == 1


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(("user", "results"), [("u", ["empty", "ended", "empty"]), (None, ["empty", "ended"])])
def test_a_moved_key_is_forgotten_at_the_same_event_wherever_a_batch_ends(
    user: str | None, results: list[str], *, at_once: bool
) -> None:
    shop = Shop(partitions=1)
    shop.send("View", 0, user="u")
    (partition,) = shop.partitions
    messages = [
        {"type": "track", "event": "View", "userId": "w", "timestamp": iso(START_MS + MOVED_KEPT_MS + 10_000)},
        {"type": "track", "event": "View", "anonymousId": "a", "timestamp": iso(START_MS + MOVED_KEPT_MS + 10_000)},
    ]
    if user is not None:
        messages[1]["userId"] = user
    records = [
        FileRecord(number, -1, str(said.get("userId", "a")).encode(), json.dumps(said).encode())
        for number, said in enumerate(messages, 1)
    ]
    batches = [records] if at_once else [[record] for record in records]
    found = [each.result for batch in batches for each in partition.process(batch).linked]
    assert shop.results + found == results
    assert (partition.profile("a") is not None) == (user is None), "the event of the key alone is its own again"


def test_every_link_record_counts_once_however_often_it_is_read() -> None:
    shop = Shop()
    shop.send("Product Added", 0, product_id="p1")
    shop.send("View", 1)
    shop.send("View", 60, user="u")
    shop.send("View", 61, message_id="later")
    before = [partition.profile(user) for partition in shop.partitions for user in ("a", "u")]
    changes = list(shop.changes)
    for link in list(shop.links):
        shop.take(link.key, START_MS + 62_000, write_link(link))
        shop.deliver()
    assert [partition.profile(user) for partition in shop.partitions for user in ("a", "u")] == before
    assert shop.changes == changes


def test_the_links_of_another_app_are_passed_over() -> None:
    shop = Shop()
    shop.send("View", 0)
    foreign = Link(step="ask", app="other", id="x", source="a", to="u", n=1, at_ms=START_MS)
    shop.take("a", START_MS, write_link(foreign))
    assert shop.batches[-1].counted["link_foreign"] == 1
    assert shop.of("a").profile("a") is not None


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("a", b'{"type":"link","step":"ask"}', "invalid-link"),
        ("a", b'{"type":"link","step":"steal","app":"shoal","id":"x","from":"a","to":"u"}', "invalid-link"),
        ("b", write_link(Link(step="ask", app="shoal", id="x", source="a", to="u")), "wrong-key"),
        ("u", b'{"type":"link"' + b" " * LINK_BYTES_MAX + b"}", "too-large"),
    ],
)
def test_a_link_record_that_cannot_be_one_is_a_dead_letter(key: str, value: bytes, reason: str) -> None:
    shop = Shop()
    shop.take(key, START_MS, value)
    assert [letter.reason for letter in shop.batches[-1].dead] == [reason]


def test_forced_moves_in_a_circle_end_at_one_key_that_lives() -> None:
    shop = Shop()
    for user in ("u1", "u2", "u3"):
        shop.send("View", 0, user=user, anon=None)
    for number, (source, to) in enumerate((("u1", "u2"), ("u2", "u3"), ("u3", "u1")), 1):
        force = Link(step="ask", app="shoal", id=f"f{number}", source=source, to=to, n=number, at_ms=0, why="force")
        shop.take(source, START_MS, write_link(force))
    shop.deliver()
    alive = [user for user in ("u1", "u2", "u3") if shop.of(user).profile(user) is not None]
    assert len(alive) == 1
    assert shop.inside(alive[0]) == ["viewers"], "all three views are there"


def test_days_are_milliseconds() -> None:
    assert DAY_MS == 24 * 60 * 60 * 1000
    assert CLAIM_MS == 30 * DAY_MS
    assert MOVED_KEPT_MS == 37 * DAY_MS
