"""Compares the changes of the engine with those of the oracle."""

import json
import traceback
from collections import Counter
from collections.abc import Iterable
from typing import Any

from app.segments.definitions.catalog import CatalogError
from app.segments.definitions.definition import Catalog
from tests.model.messages import instant_ms
from tests.model.oracle import Answer
from tests.model.people import oracle_of
from tests.properties.playing import Player, Run, catalog_of
from tests.properties.scenario import Scenario
from tests.properties.smaller import smallest

LEFT_TO_THE_ENGINE = ("id", "version", "valid_until")


def difference(scenario: Scenario) -> str | None:
    """Returns the first difference between engine and oracle, or None. A crash of the engine is a difference."""
    catalog = catalog_of(scenario.files)
    answer = oracle_of(catalog, scenario.rules, look_ahead=True).run(scenario.steps, clock_ms=scenario.end_ms)
    if answer.is_open:
        return None
    try:
        run = Player(scenario).play()
    except CatalogError:
        raise
    except Exception:  # noqa: BLE001  (whatever it is, it is to be told with its scenario)
        return traceback.format_exc()
    if scenario.others:
        leave_others_out(catalog, answer, run)
    return first_difference(answer, run)


def leave_others_out(catalog: Catalog, answer: Answer, run: Run) -> None:
    """Drops changes of other definitions, whose changes take numbers of the sequence."""
    own = {segment.name for segment in catalog.segments}
    run.members = {name: count for name, count in run.members.items() if name in own}
    for user, changes in run.changes.items():
        run.changes[user] = [change for change in changes if change["segment"] in own]
        for change, number in zip(run.changes[user], numbers(answer, user), strict=False):
            change["sequence"] = number


def numbers(answer: Answer, user: str) -> list[int]:
    return [change["sequence"] for change in answer.changes.get(user, [])]


def report(scenario: Scenario) -> str | None:
    """A difference with the smallest scenario that shows one of its kind; None if there is none."""
    found = difference(scenario)
    if found is None:
        return None
    small = smallest(scenario, lambda smaller: kind_of_difference(smaller) == kind(found))
    return f"{difference(small)}\n\n{small}\n\n{small.to_json()}"


def kind_of_difference(scenario: Scenario) -> str | None:
    try:
        found = difference(scenario)
    except CatalogError:
        return None
    return None if found is None else kind(found)


def kind(found: str) -> str:
    """So that a crash stays a crash while its scenario is made smaller."""
    return found.rstrip().splitlines()[-1] if found.startswith("Traceback") else found.split(maxsplit=1)[0]


def first_difference(answer: Answer, run: Run) -> str | None:
    for user in sorted(answer.changes.keys() | run.changes.keys()):
        expected = answer.changes.get(user, [])
        got = [bare(change) for change in run.changes.get(user, [])]
        for index in range(max(len(expected), len(got))):
            one = expected[index] if index < len(expected) else None
            other = got[index] if index < len(got) else None
            if comparable(one) != comparable(other):
                return side_by_side(f"change {index} of {user}", one, other)
            wrong = wrong_bound(answer.turns[user, index], run.changes[user][index])
            if wrong is not None:
                return f"change {index} of {user}: {wrong}\n{json.dumps(run.changes[user][index], indent=1)}"
    outcomes = Counter(answer.outcomes.values())
    named = {offset: outcome for offset, outcome in answer.outcomes.items() if outcome.startswith(("dead", "late"))}
    facts: Iterable[tuple[str, Any, Any]] = (
        ("outcomes", named, run.outcomes),
        ("lateness", answer.late_ms, run.late_ms),
        ("accepted", outcomes["accepted"], run.counts["accepted"]),
        ("duplicates", outcomes["duplicate"], run.counts["duplicate"]),
        ("links", sorted(answer.links.items()), sorted(run.links.items())),
        ("census", answer.counts, _asked(answer, run)),
        ("clock", answer.clock_ms, run.clock_ms),
        ("users", len(answer.known), run.users),
        ("members", answer.members, {name: count for name, count in run.members.items() if count}),
        ("profiles", sorted(answer.known), sorted(remembered(run))),
    )
    for what, one, other in facts:
        if one != other:
            return side_by_side(what, one, other)
    return None


def _asked(answer: Answer, run: Run) -> dict[int, dict[str, Any]]:
    """Numbers out of the counts of the partition, as far as the definitions ask for them."""
    return {
        census: {name: found.get(name, "not counted") for name in answer.counts.get(census, found)}
        for census, found in sorted(run.counted.items())
    }


def remembered(run: Run) -> list[str]:
    """The users in the changelog; an entry that is no user's begins with a zero."""
    return [user for user, (profile, _) in run.changelog.items() if profile is not None and not user.startswith("\0")]


def bare(change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in change.items() if name not in LEFT_TO_THE_ENGINE}


def comparable(change: dict[str, Any] | None) -> str:
    """As text, in which 1, 1.0 and true are apart but for numbers that are equal; a missing `message_id` is null."""
    if change is None:
        return ""
    cause = {name: value for name, value in change["cause"].items() if value is not None}
    return json.dumps({**whole(change), "cause": cause}, sort_keys=True)


def whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [whole(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def wrong_bound(turn: str | None, change: dict[str, Any]) -> str | None:
    """`valid_until` is after the change, and not after the instant at which the segment changes without an event."""
    until = change["valid_until"]
    if until is None:
        return None if turn is None else f"valid_until is null, but by time alone it changes at {turn}"
    if change["cause"]["kind"] != "forgotten" and instant_ms(until) <= instant_ms(change["at"]):
        return f"valid_until {until} is not after the change"
    if turn is not None and instant_ms(until) > instant_ms(turn):
        return f"valid_until {until} is after {turn}, at which it changes by time alone"
    return None


def side_by_side(what: str, expected: Any, got: Any) -> str:
    return (
        f"{what}\nexpected: {json.dumps(expected, ensure_ascii=False)}\ngot:      {json.dumps(got, ensure_ascii=False)}"
    )
