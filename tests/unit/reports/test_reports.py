"""Figures of reports: each against a slow computation in Python, on generated histories."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from app.cli import main as cli
from app.events.instants import iso
from app.offline.intervals import wilson
from tests.warehouse.making import START_MS

MINUTE_MS, DAY_MS = 60_000, 86_400_000
SEEDS = range(12)
WINDOW_MS = 2 * DAY_MS
GOAL = "Order Completed"


@dataclass
class Story:
    """Events (user, instant, name, order, revenue) and entries of users, drawn from a seed."""

    seed: int
    events: list[tuple[str, int, str, str | None, float]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        for number in range(chance.randrange(1, 12)):
            user = f"u{number}"
            at_ms = START_MS + chance.randrange(5 * DAY_MS)
            for _ in range(chance.randrange(1, 15)):
                name = chance.choice(["Viewed", "Added", GOAL])
                order = chance.choice([None, "o1", "o2"]) if name == GOAL else None
                self.events.append((user, at_ms, name, order, chance.randrange(0, 10_000) / 100))
                at_ms += chance.choice([0, 1, MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS - 1, DAY_MS, WINDOW_MS])
            self._enter(user, chance)
        self.events.sort(key=lambda event: event[1])
        chance.shuffle(self.changes)

    def _enter(self, user: str, chance: random.Random) -> None:
        own = [event[1] for event in self.events if event[0] == user]
        times: dict[str, int] = {}
        moments = sorted(chance.choice(own) for _ in range(chance.randrange(6)))
        for sequence, at_ms in enumerate(moments, 1):
            segment = chance.choice(["a", "b", "c"])
            times[segment] = times.get(segment, 0) + 1
            group = {"experiment": "e", "group": chance.choice(["x", "y"]), "exposed_at": iso(at_ms)}
            self.changes.append(
                {
                    "id": f"{user}-{sequence}",
                    "user": user,
                    "segment": segment,
                    "change": "entered",
                    "times": times[segment],
                    "at": iso(at_ms),
                    "at_ms": at_ms,
                    "sequence": sequence,
                    "cause": {"kind": chance.choice(["event", "event", "merged"])},
                    "experiments": [group] if chance.random() < 0.4 else [],
                }
            )

    def write(self, folder: Path) -> list[str]:
        """The files, with an event sent twice. Returns the options that name them."""
        lines = []
        for number, (user, at_ms, name, order, revenue) in enumerate(self.events):
            properties = {"revenue": revenue, **({} if order is None else {"order_id": order})}
            said = {"type": "track", "event": name, "userId": user, "messageId": f"m{number}", "timestamp": iso(at_ms)}
            lines.append(json.dumps(said | {"properties": properties}))
        (folder / "events.jsonl").write_text("\n".join([*lines, lines[0]]) + "\n")
        (folder / "changes.jsonl").write_text("".join(json.dumps(change) + "\n" for change in self.changes * 2))
        return ["--events", f"{folder}/events.jsonl", "--changes", f"{folder}/changes.jsonl"]


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table, by its name."""
    assert cli.main(["report", *words, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    return {table["name"]: table["rows"] for report in made["reports"] for table in report["tables"]}


def expected_row(story: Story, anchors: dict[str, int], window_ms: int | None, until_ms: int) -> dict[str, Any] | None:
    """The figures of a group, user by user and event by event."""
    users = converted = conversions = events = visits = 0
    cents = 0
    for user, from_ms in anchors.items():
        if window_ms is not None and from_ms + window_ms >= until_ms:
            continue
        users += 1
        last_ms, orders, own = None, set(), 0
        for who, at_ms, name, order, revenue in story.events:
            if who != user or at_ms >= until_ms:
                continue
            counts = from_ms < at_ms and (window_ms is None or at_ms <= from_ms + window_ms)
            events += counts
            visits += counts and last_ms is not None and at_ms - last_ms >= 30 * MINUTE_MS
            last_ms = at_ms
            if name == GOAL and (order is None or order not in orders):
                orders.add(order)
                own += counts
                cents += round(revenue * 100) if counts else 0
        conversions += own
        converted += own > 0
    if not users:
        return None
    return {
        "users": users,
        "converted": converted,
        "conversion": pytest.approx(converted / users, rel=1e-5),
        "conversions": conversions,
        "events a user": pytest.approx(events / users, rel=1e-5),
        "visits a user": pytest.approx(visits / users, rel=1e-5),
        "value": pytest.approx(cents / 100),
        "value a user": pytest.approx(cents / 100 / users, rel=1e-5),
    }


def first_instants(pairs: list[tuple[str, str, int]], since_ms: int, until_ms: int) -> dict[str, dict[str, int]]:
    """The first instant in the span of each user in each group."""
    found: dict[str, dict[str, int]] = {}
    for group, user, at_ms in pairs:
        if since_ms <= at_ms < until_ms:
            own = found.setdefault(group, {})
            own[user] = min(at_ms, own.get(user, at_ms))
    return found


def check_tables(story: Story, found: Any, anchors: dict[str, dict[str, int]], until_ms: int, title: str) -> None:
    for window_ms, rows in ((WINDOW_MS, found[f"{title}s-2d"]), (None, found[f"{title}s-lifetime"])):
        wanted = {
            group: row
            for group, users in anchors.items()
            if (row := expected_row(story, users, window_ms, until_ms)) is not None
        }
        assert {row[title] for row in rows} == set(wanted)
        for row in rows:
            assert {name: row[name] for name in wanted[row[title]]} == wanted[row[title]], (story.seed, row[title])
            assert (row["low"], row["high"]) == wilson(row["converted"], row["users"])


@pytest.mark.parametrize("seed", SEEDS)
def test_conversion_is_what_a_slow_computation_finds(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(seed)
    first_ms, last_ms = story.events[0][1], story.events[-1][1]
    since_ms, until_ms = first_ms + (seed % 3) * DAY_MS // 2, last_ms + 1 - (seed % 2) * MINUTE_MS
    if not any(since_ms <= event[1] for event in story.events) or since_ms >= until_ms:
        since_ms, until_ms = first_ms, last_ms + 1
    span = ["--since", iso(since_ms), "--until", iso(until_ms)]
    words = [*story.write(tmp_path), "--window", "2d", "--once", "order_id", *span]
    found = run(["conversion", *words], capsys)
    entries = [(each["segment"], each["user"], each["at_ms"]) for each in story.changes]
    entries += [("(all users)", user, at_ms) for user, at_ms, *_ in story.events]
    check_tables(story, found, first_instants(entries, since_ms, until_ms), until_ms, "segment")


@pytest.mark.parametrize("seed", SEEDS)
def test_groups_are_what_a_slow_computation_finds(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(seed)
    until_ms = story.events[-1][1] + 1
    found = run(["experiments", *story.write(tmp_path), "--window", "2d", "--once", "order_id"], capsys)
    exposures = [
        (f"e: {each['experiments'][0]['group']}", each["user"], each["at_ms"])
        for each in story.changes
        if each["experiments"]
    ]
    groups: dict[str, set[str]] = {}
    for group, user, _ in exposures:
        groups.setdefault(user, set()).add(group)
    pure = [each for each in exposures if len(groups[each[1]]) == 1]
    check_tables(story, found, first_instants(pure, 0, until_ms), until_ms, "group")


@pytest.mark.parametrize("seed", SEEDS)
def test_flows_are_what_a_slow_computation_finds(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Story(seed)
    since_ms = story.events[len(story.events) // 2][1]
    found = run(["flows", *story.write(tmp_path), "--since", iso(since_ms)], capsys)["flows"]
    moves: dict[tuple[str, str], list[tuple[str, int | None]]] = {}
    last: dict[str, tuple[str, int]] = {}
    for each in sorted(story.changes, key=lambda change: (change["user"], change["sequence"])):
        if each["cause"]["kind"] == "merged":
            continue
        segment, at_ms = last.get(each["user"], ("(first)", None))
        if each["at_ms"] >= since_ms:
            between_ms = None if at_ms is None else each["at_ms"] - at_ms
            moves.setdefault((segment, each["segment"]), []).append((each["user"], between_ms))
        last[each["user"]] = (each["segment"], each["at_ms"])
    assert {(row["from"], row["to"]) for row in found} == set(moves)
    for row in found:
        own = moves[row["from"], row["to"]]
        assert (row["entries"], row["users"]) == (len(own), len({user for user, _ in own}))
        known = [between for _, between in own if between is not None]
        assert row["median time between"] == (pytest.approx(median(known), abs=1) if known else None)
    assert [row["entries"] for row in found] == sorted((row["entries"] for row in found), reverse=True)


def test_files_are_whole_and_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Story(3)
    evil = "=<script>alert(1)</script>|`\x1b[31m"
    for change in story.changes:
        change["segment"] = evil
    words = story.write(tmp_path)
    files = ["--csv", f"{tmp_path}/csv", "--html", f"{tmp_path}/r.html", "--markdown", f"{tmp_path}/r.md"]
    assert cli.main(["report", "conversion", "flows", *words, *files]) == 0
    capsys.readouterr()
    page = (tmp_path / "r.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<svg" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    marked = (tmp_path / "r.md").read_text()
    assert "<script" not in marked
    assert "\x1b" not in page + marked
    heads = (tmp_path / "csv" / "flows.csv").read_text().splitlines()
    assert heads[0] == "from,to,entries,users,median time between"
    assert all(not line.split(",")[1].startswith("=") for line in heads[1:])
    assert any("'=<script>" in line for line in heads[1:])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--events", "events.jsonl"], "conversion needs --changes"),
        ([], "one of --warehouse and --events is needed"),
        (["--warehouse", "."], "has no files of the table events"),
        (["--warehouse", ".", "--changes", "changes.jsonl"], "--changes goes with --events"),
        (["--events", "empty.jsonl", "--changes", "changes.jsonl"], "there is no event to report about"),
        (["--events", "events.jsonl", "--changes", "events.jsonl"], "events.jsonl:1 is no change"),
        (["--since", "2026-05-01", "--until", "2026-04-01"], "is empty"),
        (["--since", "2027-05-01", "--until", "2027-06-01"], "no event is from"),
        (["--since", "yesterday"], "--since is 'yesterday'"),
        (["--limit", "0"], "--limit is 0"),
        (["--html", "."], "--html . is a folder"),
    ],
)
def test_what_is_wrong_is_an_error(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = Story(1).write(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    monkeypatch.chdir(tmp_path)
    needs_files = bool(words) and words[0] in {"--since", "--limit", "--html"}
    assert cli.main(["report", "conversion", *(given if needs_files else []), *words]) == 2
    assert said in capsys.readouterr().err
