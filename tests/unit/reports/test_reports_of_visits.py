"""Funnels, paths, attribution and cohorts: each against a slow computation in Python, on generated histories."""

import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from app.cli import main as cli
from app.events.instants import iso
from app.offline.intervals import wilson
from tests.unit.reports.test_reports import DAY_MS, GOAL, MINUTE_MS, run
from tests.warehouse.making import START_MS

SEEDS = range(12)
WINDOW_MS = 2 * DAY_MS
STEPS = ("Viewed", "Home", "Added", GOAL)
CAMPAIGNS: tuple[tuple[dict[str, Any], str | None], ...] = (
    ({}, None),
    ({"campaign": {"source": "(direct)", "medium": "(none)"}}, None),
    ({"campaign": {"source": "Google", "medium": "cpc"}}, "google / cpc"),
    ({"campaign": {"source": "news"}}, "news / (not set)"),
    ({"page": {"referrer": "https://Blog.example/a?b", "url": "https://shop.example/"}}, "blog.example / referral"),
    ({"page": {"referrer": "https://shop.example/x", "url": "https://shop.example/y"}}, None),
)


@dataclass(frozen=True)
class Event:
    """An event of the history. `channel`: None for one that says nothing of where it comes from."""

    user: str
    at_ms: int
    type: str
    name: str
    revenue: float
    channel: str | None


@dataclass
class Visit:
    """Events of a user without a long pause."""

    user: str
    events: list[Event]

    @property
    def channel(self) -> str:
        return next((each.channel for each in self.events if each.channel), "(direct)")


class Story:
    """A history that is drawn from a seed; `events` by user and time, those of one instant as in the file."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.events: list[Event] = []
        self._lines: list[str] = []
        for number in range(chance.randrange(1, 12)):
            at_ms = START_MS + chance.randrange(15 * DAY_MS)
            for _ in range(chance.randrange(1, 18)):
                self._add(f"u{number:02}", at_ms, chance)
                at_ms += chance.choice([0, 1, MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS - 1, DAY_MS, WINDOW_MS])
        self.first_ms = min(each.at_ms for each in self.events)
        self.until_ms = max(each.at_ms for each in self.events) + 1
        self.since_ms = self.first_ms + (seed % 3) * (self.until_ms - self.first_ms) // 4
        self.by_user: dict[str, list[Event]] = defaultdict(list)
        for each in sorted(self.events, key=lambda event: event.at_ms):
            self.by_user[each.user].append(each)

    def _add(self, user: str, at_ms: int, chance: random.Random) -> None:
        kind, name = chance.choice([("track", "Viewed"), ("page", "Home"), ("track", "Added"), ("track", GOAL)])
        context, channel = chance.choice(CAMPAIGNS)
        revenue = chance.randrange(10_000) / 100
        self.events.append(Event(user, at_ms, kind, name, revenue, channel))
        said = {"type": kind, "userId": user, "messageId": f"m{len(self.events)}", "timestamp": iso(at_ms)}
        said |= {"event" if kind == "track" else "name": name}
        self._lines.append(json.dumps(said | {"properties": {"revenue": revenue}, "context": context}))

    def report(self, words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
        """The rows of each table of a report."""
        (folder / "events.jsonl").write_text("\n".join([*self._lines, self._lines[0]]) + "\n")
        span = ["--since", iso(self.since_ms), "--until", iso(self.until_ms)]
        return run([*words, "--events", f"{folder}/events.jsonl", "--window", "2d", *span], capsys)

    def visits(self) -> list[Visit]:
        found: list[Visit] = []
        for user, events in self.by_user.items():
            for number, each in enumerate(events):
                if number == 0 or each.at_ms - events[number - 1].at_ms >= 30 * MINUTE_MS:
                    found.append(Visit(user, []))
                found[-1].events.append(each)
        return found


def taken(events: list[Event], start: int) -> list[int]:
    """Instants of the steps that somebody takes from an event on."""
    found = [events[start].at_ms]
    for each in events[start + 1 :]:
        if len(found) < len(STEPS) and each.name == STEPS[len(found)]:
            found.append(each.at_ms)
    return [at_ms for at_ms in found if at_ms <= found[0] + WINDOW_MS]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_funnel_is_what_a_slow_computation_finds(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(seed)
    found = story.report(["funnel", "--step", *STEPS], tmp_path, capsys)["funnel-2d"]
    best: list[list[int]] = []
    for events in story.by_user.values():
        attempts = [
            taken(events, number)
            for number, each in enumerate(events)
            if each.name == STEPS[0] and story.since_ms <= each.at_ms < story.until_ms - WINDOW_MS
        ]
        if attempts:
            best.append(max(attempts, key=lambda attempt: (len(attempt), -attempt[0])))
    for number, row in enumerate(found):
        reached = [each for each in best if len(each) > number]
        assert (row["step"], row["users"]) == (f"{number + 1}. {STEPS[number]}", len(reached))
        assert (row["low"], row["high"]) == wilson(len(reached), len(best))
        assert row["of the first"] == (pytest.approx(len(reached) / len(best), rel=1e-5) if best else None)
        before = [each for each in best if len(each) >= number]
        if number and before:
            assert row["of the previous"] == pytest.approx(len(reached) / len(before), rel=1e-5)
        if number and reached:
            spans = [each[number] - each[number - 1] for each in reached]
            assert row["median from the previous"] == pytest.approx(median(spans), abs=1)
            assert row["median from the first"] == pytest.approx(median(e[number] - e[0] for e in reached), abs=1)


@pytest.mark.parametrize("seed", SEEDS)
def test_paths_are_what_a_slow_computation_finds(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Story(seed)
    found = story.report(["paths", "--limit", "1000"], tmp_path, capsys)["paths"]
    paths: dict[str, list[Visit]] = defaultdict(list)
    for visit in story.visits():
        if visit.events[0].at_ms < story.since_ms:
            continue
        steps = [f"page {each.name}" if each.type == "page" else each.name for each in visit.events]
        steps = [steps[0], *(step for before, step in pairwise(steps) if step != before)]
        paths[" → ".join(steps[:5]) + (" → …" if len(steps) > 5 else "")].append(visit)
    assert [row["path"] for row in found] == sorted(paths, key=lambda path: (-len(paths[path]), path))
    for row in found:
        own = paths[row["path"]]
        won = sum(any(each.name == GOAL for each in visit.events) for visit in own)
        assert (row["visits"], row["converted"]) == (len(own), won)
        assert row["users"] == len({visit.user for visit in own})
        assert row["share"] == pytest.approx(len(own) / sum(map(len, paths.values())), rel=1e-5)


def touches_of(story: Story, visits: list[Visit]) -> list[tuple[Event, list[str]]]:
    """Conversions within the span, with the channels of the visits that count for them."""
    found = []
    for visit in visits:
        for goal in visit.events:
            if goal.name == GOAL and goal.at_ms >= story.since_ms:
                before = [
                    each.channel
                    for each in visits
                    if each.user == goal.user
                    and each.events[0].at_ms <= visit.events[0].at_ms
                    and (each is visit or each.events[0].at_ms >= goal.at_ms - WINDOW_MS)
                ]
                found.append((goal, before))
    return found


def lost_of(story: Story, visits: list[Visit]) -> list[list[str]]:
    """The channels of those who do not convert within the span, up to their last visits."""
    found = []
    for user, events in story.by_user.items():
        own = [visit for visit in visits if visit.user == user]
        last_ms = own[-1].events[0].at_ms
        won = any(each.name == GOAL and each.at_ms >= story.since_ms for each in events)
        if not won and last_ms >= story.since_ms:
            found.append([each.channel for each in own if each.events[0].at_ms >= last_ms - WINDOW_MS])
    return found


def weights(channels: list[str]) -> dict[str, list[float]]:
    """Each rule's weights of the visits of a path."""
    size = len(channels)
    last = size - 1
    known = max((number for number, each in enumerate(channels) if each != "(direct)"), default=last)
    middle = 0.2 / (size - 2) if size > 2 else 0
    ends = 0.4 if size > 2 else 1 / size
    return {
        "first": [float(number == 0) for number in range(size)],
        "last": [float(number == last) for number in range(size)],
        "last known": [float(number == known) for number in range(size)],
        "linear": [1 / size] * size,
        "position": [ends if number in {0, last} else middle for number in range(size)],
    }


def conversion_share(paths: list[tuple[list[str], bool]], removed: str | None) -> float:
    """The share of walks along the chain of moves that convert: step by step, until next to nobody is left."""
    moves: dict[str, Counter[str]] = defaultdict(Counter)
    for channels, won in paths:
        for come_from, goes_to in pairwise(["<start>", *channels, "<won>" if won else "<lost>"]):
            moves[come_from][goes_to] += 1
    at: dict[str, float] = {"<start>": 1.0}
    won_share = 0.0
    for _ in range(3_000):
        after: dict[str, float] = defaultdict(float)
        for state, share in at.items():
            for goes_to, number in moves[state].items():
                part = share * number / moves[state].total()
                won_share += part * (goes_to == "<won>")
                if goes_to not in {"<won>", "<lost>", removed}:
                    after[goes_to] += part
        at = after
    return won_share


@pytest.mark.parametrize("seed", SEEDS)
def test_attribution_is_what_a_slow_computation_finds(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(seed)
    made = story.report(["attribution"], tmp_path, capsys)
    visits = story.visits()
    touches, lost = touches_of(story, visits), lost_of(story, visits)
    paths = [(channels, True) for _, channels in touches] + [(channels, False) for channels in lost]
    channels = {visit.channel for visit in visits}
    effects = {}
    if touches:
        whole = conversion_share(paths, None)
        effects = {each: 1 - conversion_share(paths, each) / whole for each in channels}
    for name, amount in (("attribution", None), ("attribution-value", "revenue")):
        rows = {row["channel"]: row for row in made[f"{name}-2d"]}
        assert rows.keys() == channels
        total = sum(goal.revenue if amount else 1 for goal, _ in touches)
        for channel, row in rows.items():
            assert row["visits"] == sum(visit.channel == channel for visit in visits)
            for rule in ("first", "last", "last known", "linear", "position"):
                wanted = sum(
                    weight * (goal.revenue if amount else 1)
                    for goal, path in touches
                    for each, weight in zip(path, weights(path)[rule], strict=True)
                    if each == channel
                )
                assert row[rule] == pytest.approx(wanted, abs=1e-6), (seed, rule)
            share = effects[channel] / sum(effects.values()) if effects else 0
            assert row["markov"] == pytest.approx(share * total, abs=1e-6), seed


def test_rare_channels_are_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Story(5)
    whole = story.report(["attribution"], tmp_path, capsys)["attribution-2d"]
    found = story.report(["attribution", "--limit", "2"], tmp_path, capsys)["attribution-2d"]
    assert len(whole) > 3
    assert len(found) == 3
    assert {row["channel"] for row in found} > {"(others)"}
    assert sum(row["linear"] for row in found) == pytest.approx(sum(row["linear"] for row in whole))


@pytest.mark.parametrize("seed", SEEDS)
def test_cohorts_are_what_a_slow_computation_finds(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(seed)
    found = story.report(["cohorts"], tmp_path, capsys)["cohorts"]
    cohorts: dict[str, list[str]] = defaultdict(list)
    for user, events in story.by_user.items():
        if events[0].at_ms >= story.since_ms:
            cohorts[monday(events[0].at_ms)].append(user)
    wanted = []
    for cohort, users in sorted(cohorts.items()):
        week, so_far = 0, 0.0
        while monday_ms(cohort, week + 1) <= story.until_ms:
            own = [
                each
                for user in users
                for each in story.by_user[user]
                if monday_ms(cohort, week) <= each.at_ms < monday_ms(cohort, week + 1)
            ]
            goals = [each for each in own if each.name == GOAL]
            so_far += sum(each.revenue for each in goals)
            figures = (len(users), len({each.user for each in own}), len({each.user for each in goals}), len(goals))
            wanted.append((cohort, week, *figures, pytest.approx(so_far)))
            week += 1
    names = ("cohort", "week", "users", "active", "converted", "conversions", "value so far")
    assert [tuple(row[name] for name in names) for row in found] == wanted


def monday(at_ms: int) -> str:
    """The Monday before an instant, as a date."""
    day = datetime.fromtimestamp(at_ms / 1000, UTC)
    return (day - timedelta(days=day.weekday())).date().isoformat()


def monday_ms(cohort: str, week: int) -> int:
    """So many weeks after a Monday."""
    return int((datetime.fromisoformat(f"{cohort}T00:00:00+00:00") + timedelta(weeks=week)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["funnel"], "a funnel has 2 to 12 steps, not 0"),
        (["funnel", "--step", "Viewed"], "a funnel has 2 to 12 steps, not 1"),
    ],
)
def test_what_is_wrong_is_an_error(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "events.jsonl").write_text(
        json.dumps({"type": "track", "event": "A", "userId": "u", "timestamp": iso(START_MS)})
    )
    assert cli.main(["report", *words, "--events", f"{tmp_path}/events.jsonl"]) == 2
    assert said in capsys.readouterr().err
