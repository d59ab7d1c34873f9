"""Commands over files, under a catalog whose events wait for those before them."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli

TURNED = "segment: turned\nwhen: count(sequence('A' then 'B' within 10s) within 1h) >= 1\n"
SEEN = "segment: seen\nwhen: exists(any('A', 'B') within 1h)\n"


def event(name: str, at: str, *, received: str = "", user: str = "ann") -> dict[str, Any]:
    said = {"type": "track", "event": name, "userId": user, "timestamp": f"2026-01-05T{at}Z"}
    return said | ({"receivedAt": f"2026-01-05T{received}Z"} if received else {})


OVERTAKEN = [event("B", "10:00:03"), event("A", "10:00:01"), event("A", "10:00:20", user="bert")]
AHEAD = [event("A", "10:00:00", user="bert"), event("B", "10:02:00", received="10:00:04")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    segments = tmp_path / "segments"
    segments.mkdir()
    (segments / "turned.yaml").write_text(TURNED)
    (segments / "seen.yaml").write_text(SEEN)
    (segments / "catalog.yaml").write_text("order: {wait: 5s}\n")
    return tmp_path


def printed(folder: Path, capsys: pytest.CaptureFixture[str], messages: list[Any], *words: str) -> str:
    (folder / "events.jsonl").write_text("".join(json.dumps(message) + "\n" for message in messages))
    assert cli.main([words[0], str(folder / "events.jsonl"), "--segments", str(folder / "segments"), *words[1:]]) == 0
    return capsys.readouterr().out


def test_a_backtest_takes_events_in_the_order_of_their_times(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(folder, capsys, OVERTAKEN, "backtest", "--output", str(folder / "changes.jsonl"))
    changes = [json.loads(line) for line in (folder / "changes.jsonl").read_text().splitlines()]
    told = [(change["segment"], change["at"][11:19]) for change in changes if change["user"] == "ann"]
    assert told == [("seen", "10:00:01"), ("turned", "10:00:03")]


def test_a_backtest_counts_what_still_waits_at_its_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = printed(folder, capsys, AHEAD, "backtest")
    assert "2 messages, 1 event of 2 users" in told
    assert "left out: 1 whose turn would come later (order)" in told
    assert "order" not in printed(folder, capsys, OVERTAKEN, "backtest")


def test_a_difference_by_the_order_alone_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = folder / "before"
    before.mkdir()
    (before / "turned.yaml").write_text(TURNED)
    (before / "seen.yaml").write_text(SEEN)
    file = folder / "events.jsonl"
    file.write_text("".join(json.dumps(message) + "\n" for message in OVERTAKEN))
    assert cli.main(["backtest", str(file), "--diff", str(before), str(folder / "segments")]) == 0
    told = capsys.readouterr().out
    assert "turned" in told
    assert "ann" in told


def test_an_explanation_knows_who_overtook_whom(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("explain", "--user", "ann", "--segment", "turned")
    assert printed(folder, capsys, OVERTAKEN, *asked).startswith("ann is in turned")
    (folder / "segments" / "catalog.yaml").unlink()
    assert printed(folder, capsys, OVERTAKEN, *asked).startswith("ann is not in turned")


def test_an_explanation_names_the_event_that_waits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = printed(folder, capsys, AHEAD, "explain", "--user", "ann", "--segment", "seen")
    assert told.startswith("ann is not in seen")
    assert "1 event waits for its turn (order) and changed nothing yet" in told
    known = [event("A", "09:00:00"), *AHEAD, event("B", "10:03:00", received="10:00:05")]
    told = printed(folder, capsys, known, "explain", "--user", "ann", "--segment", "seen")
    assert "2 events wait for their turn" in told
    assert "enters at 2026-01-05 10:02:00" in told, "what waits comes without another event"


def test_the_plan_shows_the_setting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", str(folder / "segments")]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "order: each event waits for 5s; those of a user are taken in the order of their own times"
    (folder / "segments" / "catalog.yaml").unlink()
    assert cli.main(["plan", str(folder / "segments")]) == 0
    assert "order:" not in capsys.readouterr().out
