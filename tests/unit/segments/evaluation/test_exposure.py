"""Exposure to experiments: who is in which group, and what changes tell of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.offline.backtest import FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import IDENTITY_FILE, SETTINGS_FILE
from app.segments.definitions.experiment import Experiment
from app.segments.evaluation.change import Cause
from app.segments.evaluation.exposure import ExperimentCode
from app.segments.evaluation.settlement import Settlement
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tables.profile import TOLD, decode, inside_of, new_profile

GROUPS = json.loads(Path(__file__).with_name("groups.json").read_text(encoding="utf-8"))["cases"]
RULES = TimeRules()
VIEWERS = "segment: viewers\nwhen: exists('View' within 1m)\n"
HALVES = "groups: {holdout: 50, mail: 50}"


def partition(*files: str, settings: str = "", people: bool = False, fast: bool = True) -> Partition:
    texts = {f"{number}.yaml": text for number, text in enumerate(files)}
    texts |= ({SETTINGS_FILE: settings} if settings else {}) | ({IDENTITY_FILE: "follow: always\n"} if people else {})
    return Partition(compile_catalog(load_catalog(texts), RULES), RULES, alone=people, fast=fast)


def view(offset: int, minute: int, user: str, *, event: str = "View", **more: str) -> FileRecord:
    at = {"timestamp": f"2026-01-05T00:{minute:02d}:00.000Z", "messageId": f"m{offset}"}
    ids = more or {"userId": user}
    said = {"type": "track", "event": event, **ids, **at}
    return FileRecord(offset, -1, user.encode(), json.dumps(said).encode())


def told(found: Any) -> list[tuple[str, str, str, str | None]]:
    said = [json.loads(change.encode()) for change in found]
    return [(each["user"], each["segment"], each["change"], each["group"]) for each in said]


@pytest.mark.parametrize("fast", [True, False])
def test_the_group_is_fixed_at_the_first_entry_whatever_the_shares_are_later(*, fast: bool) -> None:
    """`u-1` has the bucket 55.91 of `spring`, `u-2` 17.99."""
    running = partition(f"{VIEWERS}experiment: {{name: e, salt: spring, {HALVES}}}\n", fast=fast)
    found = running.process([view(0, 0, "u-1"), view(1, 0, "u-2"), view(2, 10, "u-1")]).changes
    assert told(found) == [
        ("u-1", "viewers", "entered", "mail"),
        ("u-2", "viewers", "entered", "holdout"),
        ("u-1", "viewers", "exited", "mail"),
        ("u-1", "viewers", "entered", "mail"),
        ("u-2", "viewers", "exited", "holdout"),
    ]
    assert json.loads(found[3].encode())["experiments"] == [
        {"experiment": "e", "group": "mail", "exposed_at": "2026-01-05T00:00:00.000Z"}
    ]
    other = partition(f"{VIEWERS}experiment: {{name: e, salt: spring, groups: {{holdout: 90, mail: 10}}}}\n", fast=fast)
    running.adopt(other.program, clock_ms=running.clock_ms)
    running.sweep(10)
    found = running.process([view(3, 20, "u-1"), view(4, 20, "u-4")]).changes
    assert [each for each in told(found) if each[2] == "entered"] == [
        ("u-1", "viewers", "entered", "mail"),
        ("u-4", "viewers", "entered", "holdout"),
    ]


def test_a_profile_forgets_the_group_when_no_definition_has_the_experiment() -> None:
    running = partition(f"{VIEWERS}experiment: {{name: e, salt: spring, {HALVES}}}\n")
    running.process([view(0, 0, "u-1")])
    running.adopt(partition(VIEWERS).program, clock_ms=running.clock_ms)
    running.sweep(10)
    kept = running.profile("u-1")
    assert kept is not None
    assert set(kept.aggregates) == set(running.program.remembered)


def test_who_is_in_when_an_experiment_begins_is_in_no_group_until_they_enter_again() -> None:
    start = "start: 2026-01-05T00:05:00Z"
    running = partition(f"{VIEWERS}experiment: {{name: e, salt: spring, {HALVES}, {start}}}\n")
    found = running.process([view(0, 4, "u-1"), view(1, 7, "u-1")]).changes
    assert [(each[2], each[3]) for each in told(found)] == [("entered", None), ("exited", None), ("entered", "mail")]


def test_the_holdout_of_the_catalog_comes_before_all_others() -> None:
    held = "holdout: {share: 20, salt: spring}\n"
    running = partition(f"{VIEWERS}experiment: {{name: e, groups: {{mail: 100}}}}\n", settings=held)
    found = running.process([view(0, 0, "u-1"), view(1, 0, "u-2")]).changes
    said = [json.loads(change.encode()) for change in found]
    assert [(each["group"], [one["experiment"] for one in each["experiments"]]) for each in said] == [
        ("mail", ["holdout", "e"]),
        ("holdout", ["holdout"]),
    ]


def test_segments_without_an_experiment_tell_the_holdout_and_no_group_for_others() -> None:
    running = partition(VIEWERS, settings="holdout: {share: 20, salt: spring}\n")
    found = running.process([view(0, 0, "u-1"), view(1, 0, "u-2")]).changes
    assert [each[3] for each in told(found)] == [None, "holdout"]


def test_changes_without_an_experiment_have_the_fields_that_they_always_had() -> None:
    (change,) = partition(VIEWERS).process([view(0, 0, "u-1")]).changes
    assert json.loads(change.encode())["group"] is None
    assert "experiments" not in json.loads(change.encode())


def test_a_user_keeps_their_group_when_an_id_with_another_group_becomes_theirs_and_has_crossed() -> None:
    """`u-2` is in the holdout, `u-1` not."""
    running = partition(f"{VIEWERS}experiment: {{name: e, salt: spring, {HALVES}}}\n", people=True)
    records = [
        view(0, 0, "u-1", anonymousId="u-1"),
        view(1, 0, "u-2"),
        view(2, 1, "u-2", event="Login", userId="u-2", anonymousId="u-1"),
        view(3, 10, "u-2"),
    ]
    found = [json.loads(change.encode()) for change in running.process(records).changes]
    (last,) = [each for each in found if each["user"] == "u-2"][-1:]
    assert last["experiments"] == [
        {"experiment": "e", "group": "holdout", "exposed_at": "2026-01-05T00:00:00.000Z", "crossed": True}
    ]


def test_all_changes_of_a_membership_tell_the_group_that_it_began_with() -> None:
    """`u-1` takes no part, and enters; then the group of a visitor becomes theirs."""
    running = partition(f"{VIEWERS}experiment: {{name: e, salt: spring, groups: {{holdout: 50}}}}\n", people=True)
    records = [
        view(0, 0, "u-2", anonymousId="u-2"),
        view(1, 1, "u-1"),
        view(2, 2, "u-1", event="Login", userId="u-1", anonymousId="u-2"),
        view(3, 9, "u-1"),
    ]
    found = [each for each in told(running.process(records).changes) if each[0] == "u-1"]
    assert [(each[2], each[3]) for each in found] == [("entered", None), ("exited", None), ("entered", "holdout")]


SPRING = f"experiment: {{name: e, salt: spring, {HALVES}}}\n"
OTHER = "experiment: {name: f, groups: {a: 100}}\n"


@pytest.mark.parametrize(
    ("later", "group_later"),
    [
        ([VIEWERS], None),
        ([f"{VIEWERS}{OTHER}"], "a"),
        ([f"{VIEWERS}experiment: {{name: e, salt: spring, groups: {{mail: 100}}}}\n"], "holdout"),
        (["segment: others\nwhen: exists('Other')\n"], None),
    ],
    ids=["removed", "replaced", "other shares", "segment removed"],
)
@pytest.mark.parametrize("fast", [True, False])
def test_a_membership_tells_its_groups_to_the_end_whatever_the_definitions_are_by_then(
    later: list[str], group_later: str | None, *, fast: bool
) -> None:
    """`u-2` is in the holdout of `spring`."""
    running = partition(f"{VIEWERS}{SPRING}", fast=fast)
    (entry,) = running.process([view(0, 0, "u-2")]).changes
    running.adopt(partition(*later).program, clock_ms=running.clock_ms)
    found = [*running.sweep(10).changes, *running.process([view(1, 10, "u-2")]).changes]
    assert told(found)[0] == ("u-2", "viewers", "exited", "holdout")
    assert json.loads(found[0].encode())["experiments"] == json.loads(entry.encode())["experiments"]
    assert [each[3] for each in told(found[1:])] == ([group_later] if "viewers" in later[0] else [])


def test_updates_tell_the_groups_of_the_entry() -> None:
    """`u-1` gets mail; then another experiment takes the place of the first."""
    counted = f"{VIEWERS}attach: {{n: count('View')}}\nupdates: [n]\n"
    running = partition(f"{counted}{SPRING}")
    running.process([view(0, 0, "u-1")])
    running.adopt(partition(f"{counted}{OTHER}").program, clock_ms=running.clock_ms)
    running.sweep(10)
    found = running.process([view(1, 0, "u-1"), view(2, 10, "u-1")]).changes
    assert [each[2:] for each in told(found)] == [("updated", "mail"), ("exited", "mail"), ("entered", "a")]


def test_an_experiment_that_comes_again_exposes_anew_and_who_is_in_tells_the_first_group() -> None:
    """`u-2` was in the holdout, and would get mail by the shares of later."""
    later = f"{VIEWERS}experiment: {{name: e, salt: spring, groups: {{mail: 100}}}}\n"
    running = partition(f"{VIEWERS}{SPRING}")
    running.process([view(0, 0, "u-2")])
    for text in (VIEWERS, later):
        running.adopt(partition(text).program, clock_ms=running.clock_ms)
        running.sweep(10)
    found = running.process([view(1, 10, "u-2")]).changes
    assert [each[2:] for each in told(found)] == [("exited", "holdout"), ("entered", "mail")]


def test_the_next_membership_without_an_experiment_tells_no_group() -> None:
    running = partition(f"{VIEWERS}{SPRING}")
    running.process([view(0, 0, "u-2"), view(1, 10, "u-2", event="Other")])
    running.adopt(partition(VIEWERS).program, clock_ms=running.clock_ms)
    running.sweep(10)
    found = running.process([view(2, 20, "u-2"), view(3, 30, "u-2", event="Other")]).changes
    assert [each[2:] for each in told(found)] == [("entered", None), ("exited", None)]
    kept = running.profile("u-2")
    assert kept is not None
    assert [len(member) for member in kept.members.values()] == [TOLD]


def test_only_who_is_in_and_in_a_group_has_one_element_more_in_their_membership() -> None:
    """`u-1` takes no part."""
    running = partition(f"{VIEWERS}experiment: {{name: e, salt: spring, groups: {{holdout: 50}}}}\n")
    batch = running.process([view(0, 0, "u-1"), view(1, 0, "u-2")])
    lengths = {}
    for user in ("u-1", "u-2"):
        encoded = batch.profiles[user]
        assert encoded is not None
        assert len(inside_of(encoded)) == 1
        lengths[user] = [len(member) for member in decode(encoded).members.values()]
    assert lengths == {"u-1": [TOLD], "u-2": [TOLD + 1]}


def test_a_profile_that_takes_the_place_of_another_tells_the_groups_that_were_told() -> None:
    """As after a split and a backfill. `held` is told, `later` is entered now."""
    texts = [f"segment: {name}\nwhen: never('Nothing')\n{SPRING}" for name in ("held", "later")]
    program = partition(*texts).program
    held, later = (segment.id for segment in program.segments)
    settlement = Settlement(program.segments, RULES.retention_ms)
    settlement.user = "u-2"
    before, profile = new_profile(0, 0), new_profile(0, 0)
    settlement.settle(before, 1, 0)
    before.aggregates[program.segments[0].experiments[0].id] = ["mail", 5, 0]
    profile.members = {held: [1, 3, 1, None, None, None], later: [1, 3, 1, None, None, None]}
    profile.aggregates = dict(before.aggregates)
    settlement.become(profile, before, 9)
    settlement.leave_everything(profile, 10)
    found = [(each.segment, each.change, each.group) for each in settlement.changes]
    assert found == [
        ("held", "entered", "holdout"),
        ("later", "entered", "mail"),
        ("held", "exited", "holdout"),
        ("later", "exited", "mail"),
    ]


def test_a_profile_that_takes_the_place_of_another_leaves_with_the_group_of_the_entry() -> None:
    program = partition(f"segment: held\nwhen: never('Nothing')\n{SPRING}").program
    settlement = Settlement(program.segments, RULES.retention_ms)
    settlement.user = "u-2"
    before, profile = new_profile(0, 0), new_profile(0, 0)
    settlement.settle(before, 1, 0)
    settlement.become(profile, before, 9)
    assert [(each.change, each.group) for each in settlement.changes] == [("entered", "holdout"), ("exited", "holdout")]
    assert [len(member) for member in profile.members.values()] == [TOLD]


def test_an_entry_that_a_backfill_computes_exposes_nobody() -> None:
    text = f"segment: all\nwhen: never('Nothing')\nexperiment: {{name: e, {HALVES}}}\n"
    program = partition(text).program
    for cause, exposed in ((Cause("backfill"), 0), (Cause("merged"), 1)):
        settlement = Settlement(program.segments, RULES.retention_ms)
        settlement.user = "u-1"
        settlement.name(cause)
        profile = new_profile(0, 0)
        settlement.settle(profile, 1, 0)
        assert [each.change for each in settlement.changes] == ["entered"]
        assert len(profile.aggregates) == exposed


def test_the_group_is_that_of_each_shared_case() -> None:
    found = []
    for case in GROUPS:
        groups = tuple((name, share) for name, share in case["groups"])
        experiment = Experiment(name="e", groups=groups, salt=case["salt"], from_step=case["from"])
        found.append(ExperimentCode(1, experiment).group_of(case["user"]))
    assert found == [case["group"] for case in GROUPS]
