"""Scores of models in a partition: when they come, how long they stay, and what another model changes."""

from typing import Any

import msgspec

from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.model_forecast import logistic, softmax
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord
from tables import profile as profiles
from tables.profile import SENT
from tests.support.merging_partition import MergingPartition
from tests.support.models import classes_text, model_text

RULES = TimeRules()
START_MS = 1_767_600_000_000
SECOND_MS = 1_000
MINUTE_MS = 60_000
TOLD = "segment: told\nwhen: never('Nothing')\nattach: {p: model('likely')}\nupdates: [p]\n"
HOT = "segment: hot\nwhen: model('likely') >= 0.7\n"
LOW, HIGH, GOLD = logistic(-3.0), logistic(1.0), logistic(1.5)


def program(*definitions: str, model: str = "") -> Program:
    named = {f"{n}.yaml": text for n, text in enumerate(definitions)}
    models = {"m.model.json": model} if model else {}
    return compile_catalog(load_catalog(named | models), RULES)


def record(offset: int, at_ms: int, event: str = "Product Viewed", **said: Any) -> PipedRecord:
    message = {"type": "track", "event": event, "userId": "ann"} | said
    return PipedRecord(offset, at_ms, str(message["userId"]).encode(), msgspec.json.encode(message))


def values(changes: list[Change]) -> list[tuple[int, Any]]:
    """The probabilities that `told` tells, with the second since the start."""
    told = (change for change in changes if change.segment == "told")
    return [(_second(change.at), change.attach["p"]) for change in told]


def _second(at: str) -> int:
    hours, minutes, seconds = at[11:-1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(float(seconds)) - 8 * 3600


def score_of(partition: Partition) -> dict[str, Any]:
    profile = partition.profile("ann")
    assert profile is not None
    (code,) = (code for code in partition.program.segments if code.hidden)
    found: dict[str, Any] = profile.members[code.id][SENT]
    return found


def test_a_score_comes_at_a_moment_stays_between_them_and_comes_anew_at_the_next() -> None:
    partition = Partition(program(TOLD, HOT, model=model_text()), RULES)
    changes = partition.process([record(0, START_MS, "Page Liked"), record(1, START_MS + 5 * SECOND_MS)]).changes
    assert values(changes) == [(0, None), (5, LOW)]
    changes = partition.process([record(2, START_MS + 6 * SECOND_MS)]).changes
    assert changes == [], "a second view within the minute is no moment"
    changes = partition.advance(START_MS + 10 * MINUTE_MS).changes
    assert changes == [], "the end of the moment's condition changes no score"
    changes = partition.process([record(3, START_MS + 11 * MINUTE_MS)]).changes
    assert [(change.segment, change.change) for change in changes] == [("hot", "entered"), ("told", "updated")]
    assert values(changes) == [(660, HIGH)]
    assert changes[0].evidence[0].value == HIGH
    assert changes[0].evidence[0].because == {"views": 2.0, "plan": -0.125}
    assert partition.advance(START_MS + 300 * MINUTE_MS).changes == []


def test_texts_are_categories() -> None:
    partition = Partition(program(TOLD, model=model_text()), RULES)
    traits = record(0, START_MS, type="identify", traits={"plan": "gold"})
    changes = partition.process([traits, record(1, START_MS), record(2, START_MS + 1)]).changes
    changes += partition.process([record(3, START_MS + 5 * MINUTE_MS)]).changes
    assert values(changes)[-1] == (300, GOLD)


def test_nobody_sees_the_moments_themselves() -> None:
    partition = Partition(program(TOLD, model=model_text()), RULES)
    batch = partition.process([record(0, START_MS)])
    assert {change.segment for change in batch.changes} == {"told"}
    assert partition.members() == {"told": 1}
    assert [change.sequence for change in batch.changes] == [START_MS]


def test_a_profile_keeps_the_score_over_a_restart() -> None:
    first = Partition(program(TOLD, model=model_text()), RULES)
    batch = first.process([record(0, START_MS)])
    second = Partition(program(TOLD, model=model_text()), RULES)
    second.restore_position(first.position())
    for user, encoded in batch.profiles.items():
        second.restore(user, encoded, offset=0)
    assert score_of(second) == score_of(first)
    assert score_of(second)["value"] == LOW


def test_another_model_scores_at_the_next_moment_and_not_before() -> None:
    partition = Partition(program(TOLD, HOT, model=model_text()), RULES)
    partition.process([record(0, START_MS), record(1, START_MS + SECOND_MS)])
    old = score_of(partition)
    partition.adopt(program(TOLD, HOT, model=model_text(leaf=-4.0)), clock_ms=partition.clock_ms)
    assert partition.sweep(100).changes == []
    assert score_of(partition) == old
    changes = partition.process([record(2, START_MS + 5 * MINUTE_MS)]).changes
    assert values(changes) == [(300, logistic(-5.0))]
    assert score_of(partition)["version"] != old["version"]


def test_columns_are_told_of_scores_of_the_present_model_only() -> None:
    seen = "segment: seen\nwhen: model('likely') >= 0 and exists('Page Liked' within 1m)\n"
    partition = Partition(program(seen, model=model_text()), RULES)
    partition.process([record(0, START_MS)])
    partition.adopt(program(seen, model=model_text(leaf=-4.0)), clock_ms=partition.clock_ms)
    (change,) = partition.process([record(1, START_MS + MINUTE_MS, "Page Liked")]).changes
    assert change.evidence[0].value == LOW
    assert b"because" not in change.encode()
    partition.advance(START_MS + 5 * MINUTE_MS)
    at_ms = START_MS + 6 * MINUTE_MS
    changes = partition.process([record(2, at_ms), record(3, at_ms + 1, "Page Liked")]).changes
    assert changes[-1].evidence[0].because == {"views": -4.0, "plan": -0.125}


def test_a_new_model_scores_those_at_whose_moment_it_comes() -> None:
    partition = Partition(program(HOT.replace("model('likely') >= 0.7", "exists('Product Viewed')")), RULES)
    partition.process([record(0, START_MS), record(1, START_MS + 20 * MINUTE_MS)])
    partition.adopt(program(TOLD, model=model_text()), clock_ms=partition.clock_ms)
    partition.sweep(100)
    assert partition.process([record(2, START_MS + 21 * MINUTE_MS)]).changes[-1].attach == {"p": LOW}


def test_without_the_model_the_score_is_gone() -> None:
    partition = Partition(program(TOLD, HOT, model=model_text(base=3.0)), RULES)
    partition.process([record(0, START_MS), record(1, START_MS + 2 * MINUTE_MS)])
    assert partition.members()["hot"] == 1
    partition.adopt(program(VIEWED), clock_ms=partition.clock_ms)
    changes = partition.sweep(100).changes
    assert [(change.segment, change.change) for change in changes if change.change == "exited"] == [
        ("hot", "exited"),
        ("told", "exited"),
    ]
    profile = partition.profile("ann")
    assert profile is not None
    assert all(member[SENT] is None or "version" not in member[SENT] for member in profile.members.values())


HUNTERS = "model('next')['bargain-hunters']"
SOON = f"segment: soon\nwhen: model('next').buyers > 0.5\nattach: {{p: model('next').buyers, q: \"{HUNTERS}\"}}\n"
FEW, MANY = softmax([-3.0, -0.5, 0.5]), softmax([1.0, -0.5, 0.5])


def test_a_change_tells_the_class_its_probability_and_the_columns_that_did_most_to_it() -> None:
    partition = Partition(program(SOON, model=classes_text()), RULES)
    assert partition.process([record(0, START_MS), record(1, START_MS + 1)]).changes == []
    assert list(score_of(partition)["classes"].values()) == FEW
    (change,) = partition.process([record(2, START_MS + 5 * MINUTE_MS)]).changes
    assert change.attach == {"p": MANY[0], "q": MANY[1]}
    (atom,) = change.evidence
    assert (atom.expression, atom.value) == ("model('next').buyers > 0.5", MANY[0])
    assert atom.because == {"views": 2.0, "plan": -0.25}


def test_a_score_of_a_model_with_other_classes_has_none_of_the_new_ones() -> None:
    plain = "segment: known\nwhen: model('next') is known\n"
    partition = Partition(program(plain, model=model_text(name="next")), RULES)
    partition.process([record(0, START_MS)])
    assert partition.members() == {"known": 1}
    partition.adopt(program(plain.replace(" is", ".none is"), model=classes_text()), clock_ms=partition.clock_ms)
    partition.sweep(100)
    assert partition.members() == {"known": 0}
    partition.process([record(1, START_MS + 5 * MINUTE_MS)])
    assert partition.members() == {"known": 1}
    partition.adopt(program(plain, model=model_text(name="next")), clock_ms=partition.clock_ms)
    partition.sweep(100)
    assert partition.members() == {"known": 0}


def test_beside_each_a_model_speaks_of_the_user() -> None:
    text = "segment: hot\neach: product_id\nwhen: count('Product Viewed') >= 2 and model('likely') >= 0.7\n"
    partition = Partition(program(text, model=model_text()), RULES)
    seen = [record(n, START_MS + n, properties={"product_id": each}) for n, each in enumerate("aab")]
    assert partition.process(seen).changes == []
    changes = partition.process([record(3, START_MS + 5 * MINUTE_MS, properties={"product_id": "b"})]).changes
    assert [(change.value, change.evidence[-1].value) for change in changes] == [("a", HIGH), ("b", HIGH)]


VIEWED = "segment: viewed\nwhen: exists('Product Viewed')\n"


def test_a_model_that_waits_scores_nobody_before_its_windows_are_full() -> None:
    partition = Partition(program(TOLD, model=model_text(warmup="wait")), RULES)
    changes = partition.process([record(0, START_MS), record(1, START_MS + 30 * MINUTE_MS)]).changes
    assert values(changes) == [(0, None)]
    changes = partition.process([record(2, START_MS + 62 * MINUTE_MS)]).changes
    assert [value for _, value in values(changes)] == [HIGH]


def test_of_two_users_who_are_one_the_later_score_counts() -> None:
    def seen(partition: MergingPartition) -> None:
        partition.process(
            [record(0, START_MS), record(1, START_MS + 1, userId="d"), record(2, START_MS + 2, userId="d")]
        )
        partition.process([record(3, START_MS + 5 * MINUTE_MS, userId="d")])
        partition.advance(START_MS + 8 * MINUTE_MS)

    partition = MergingPartition(program(TOLD, model=model_text()), RULES)
    seen(partition)
    assert [change.attach["p"] for change in partition.merge("ann", "d").changes if change.user == "ann"] == [HIGH]
    assert score_of(partition)["value"] == HIGH
    partition = MergingPartition(program(TOLD, model=model_text()), RULES)
    seen(partition)
    partition.process([record(4, START_MS + 100 * MINUTE_MS)])
    partition.advance(START_MS + 110 * MINUTE_MS)
    partition.merge("ann", "d")
    assert score_of(partition)["value"] == LOW, "the user's own is later"


def test_a_catalog_without_models_encodes_as_before() -> None:
    """The bytes of a profile, as the version before models wrote them."""
    partition = Partition(program(VIEWED), RULES)
    batch = partition.process([record(0, START_MS, messageId="m1")])
    encoded = batch.profiles["ann"]
    assert encoded is not None
    assert profiles.encode(profiles.decode(encoded), profiles.timer_of(encoded), 1) == encoded
    assert encoded.hex() == ENCODED


ENCODED = (
    "000001a3991b4c00000000019f02cf0000019b8d2b8c00cf0000019b8d2b8c00cf0000019b8d2b8c01cf0000019b8d2b8c00c381cec84972f2cf"
    "0000019b8d2b8c0081ce685a41039601cf0000019b8d2b8c0001c0c0c080c0c080c40ef4edaab5e5c1529d019b8d2b8c0000c0"
)
