"""Histories of people who are erased: of all kinds in one partition, and with several keys in several partitions."""

import json
from dataclasses import replace
from typing import Any

from tables.identity import ERASED
from tables.profile import Profile
from tests.model.messages import Merge, Record, Unreadable, instant_ms, read
from tests.model.story import START_MS
from tests.properties.scenario import Pause, Scenario, people_scenario_of, scenario_of
from tests.properties.spread import PROBES, RULES, VIEWERS, Spread, events, play, unlike_one_key
from tests.support.choices import Choices
from tests.support.separating import erase_records

Moments = list[tuple[Any, Pause]]


def erasing_scenario_of(choices: Choices) -> Scenario:
    """A scenario of any kind in which an administrator erases keys, now and then as those of another user."""
    scenario = people_scenario_of(choices) if choices.chance(60) else scenario_of(choices)
    moments: Moments = [(step, pause) for step, pause in scenario.moments if not isinstance(step, Merge)]
    for _ in range(choices.one_of(1, 1, 2, 4)):
        at = choices.whole(1, len(moments))
        erasure = _erasure(choices, moments[:at], scenario.rules.skew_max_ms)
        if erasure is not None:
            moments.insert(at, (erasure, choices.one_of("", "", "batch", "restart", "crash")))
    offset, numbered = 0, []
    for step, pause in moments:
        if isinstance(step, Record):
            numbered.append((replace(step, offset=offset), pause))
            offset += 1
        else:
            numbered.append((step, pause))
    return replace(scenario, moments=tuple(numbered))


def _erasure(choices: Choices, before: Moments, skew_max_ms: int) -> Record | None:
    """The control record of an erasure of one of the users that there are, with suppression or without, or of the end
    of one; None where there is no user."""
    known = []
    for step, _ in before:
        if isinstance(step, Record):
            try:
                known.append(read(step, skew_max_ms))
            except Unreadable:
                continue
    users = sorted({message.user for message in known if message.user})
    if not users:
        return None
    key = choices.one_of(*users)
    owner = choices.one_of(key, key, *users)
    newest_ms = max(message.t for message in known)
    at_ms = choices.one_of(newest_ms, newest_ms + 1, newest_ms - 1_000, choices.one_of(*known).t, newest_ms + 5_000)
    app = choices.one_of(*["shoal"] * 19, "other")
    deed = choices.one_of("erase", "erase", "erase", "unsuppress")
    said = {"type": "control", "deed": deed, "app": app, "id": "x", "from": key, "to": owner, "n": 0}
    value = json.dumps(
        {**said, "at_ms": max(at_ms, 0), "suppress": choices.chance(40)}, separators=(",", ":"), ensure_ascii=False
    ).encode()
    return Record(0, -1, key.encode(), value)


def misbegun(choices: Choices) -> str | None:
    """Says how a person who was erased, with all their ids, differs from one who begins after it; None if they do not.

    What is on its way at the erasure, and what somebody else does, plays no part.
    """
    said = events(choices, shared=False)
    owner = {each["anonymousId"]: each["userId"] for each in said if each["type"] == "identify"}
    erased = {"u1", *(device for device, user in owner.items() if user == "u1")}
    spread, at_ms = _play_with_erasure(choices, said, erased)
    left = [each for each in said if _user(each, owner) != "u1" or _time_ms(each) > at_ms]
    return unlike_one_key(choices, spread, left, owner)


def unerased(choices: Choices) -> str | None:
    """Says what is left of a person who was erased, by a command that did not know of all their ids; None if nothing
    is, but of ids that nobody has claimed."""
    said = [each for each in events(choices, shared=False) if each["type"] != "identify"]
    said = said[: choices.whole(1, len(said))]
    claimed = {each["anonymousId"] for each in said if each.get("userId") == "u1"}
    known = set(choices.shuffled(sorted(claimed))[: choices.whole(0, len(claimed))])
    spread = play(choices, said, PROBES, VIEWERS, read_all=False)
    _erase(spread, {"u1", *known}, _time_ms(said[-1]))
    for message in said:
        if choices.chance(30) and (message.get("userId") == "u1" or message["anonymousId"] in claimed):
            spread.write(str(message.get("userId") or message["anonymousId"]), -1, json.dumps(message).encode())
            spread.read(choices.below(len(spread.partitions)), choices.one_of(1, 2))
    spread.read_all()
    if not any(each.get("userId") == "u1" for each in said):
        return None
    found = [key for key in ("u1", *sorted(claimed)) if _is_left(spread.held(key))]
    counts = {each: times for each, times in spread.entered.items() if times and each[0] in {"u1", *claimed}}
    return f"left of u1: {found} {counts}: {json.dumps(said, indent=1)}" if found or counts else None


def _play_with_erasure(choices: Choices, said: list[dict[str, Any]], keys: set[str]) -> tuple[Spread, int]:
    """The history, with an erasure of all these keys between two of its events, and the instant of that."""
    after = choices.whole(1, len(said) - 1)
    at_ms = max(_time_ms(each) for each in said[:after])
    count = 0

    def decide(spread: Spread) -> None:
        nonlocal count
        count += 1
        if count == after:
            _erase(spread, keys, at_ms)

    return play(choices, said, PROBES, VIEWERS, decide=decide), at_ms


def _erase(spread: Spread, keys: set[str], at_ms: int) -> None:
    """The command, in one step."""
    for key, value in erase_records("u1", sorted(keys - {"u1"}), rules=RULES, at_ms=at_ms):
        spread.write(key, START_MS, value)


def _is_left(profile: Profile | None) -> bool:
    """True if more is held of a key than that it was erased."""
    if profile is None or profile.identity is None:
        return profile is not None
    identity = profile.identity
    others = identity.moved_to or identity.claims or identity.answered.keys() - {ERASED}
    return bool(profile.begun or profile.message_ids or others)


def _user(message: dict[str, Any], owner: dict[str, str]) -> str:
    return str(message.get("userId") or owner[message["anonymousId"]])


def _time_ms(message: dict[str, Any]) -> int:
    return instant_ms(message["timestamp"])
