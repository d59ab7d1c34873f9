"""`shoal recommend`: from events to a file, its measure, and errors."""

import json
import random
from pathlib import Path

import pytest

from app.cli import main as cli
from app.recommendations.model import read_recommendations


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """300 visitors with one of three tastes each, over ten days."""
    chance = random.Random(2)
    lines = []
    for number in range(300):
        taste = chance.choice("abc")
        day = 1 + number // 30
        for minute, place in enumerate(chance.sample(range(12), 4)):
            at = f"2026-01-{day:02d}T10:{minute:02d}:00Z"
            properties = {"product_id": f"{taste}{place}"}
            event = {"type": "track", "event": "Product Viewed", "anonymousId": f"v{number}", "timestamp": at}
            lines.append(json.dumps(event | {"properties": properties}))
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_train_writes_a_file_that_show_reads(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = events.parent / "recommendations.json"
    assert cli.main(["recommend", "train", str(events), "--output", str(output)]) == 0
    assert "neighbours of 36 items of 300 users" in capsys.readouterr().err
    assert read_recommendations(output.read_bytes()).users == 300
    assert cli.main(["recommend", "show", str(output), "--items", "a1", "a2", "--n", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["item"][0] for each in found} == {"a"}
    assert {each["because"] for each in found} <= {"a1", "a2"}
    assert cli.main(["recommend", "show", str(output), "--n", "2"]) == 0
    assert capsys.readouterr().out.count("(popular)") == 2


def test_evaluate_compares_with_popular_items(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["recommend", "evaluate", str(events)]) == 0
    told = capsys.readouterr().out
    assert "neighbours are better than popular items" in told
    assert cli.main(["recommend", "evaluate", str(events), "--json", "--split", "2026-01-09T00:00:00Z"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["cases"], found["users"]) == (180, 60)
    assert [way["name"] for way in found["ways"]] == ["popular", "neighbours"]


def test_segments_of_a_backtest_have_their_own_popular_items(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, changes = events.parent / "segments", events.parent / "changes.jsonl"
    folder.mkdir()
    (folder / "twice.yaml").write_text("segment: twice\nwhen: count('Product Viewed' within 1d) >= 2\n")
    backtest = ["backtest", str(events), "--segments", str(folder), "--output", str(changes)]
    assert cli.main(backtest) == 0
    output = events.parent / "recommendations.json"
    train = ["recommend", "train", str(events), "--output", str(output), "--changes", str(changes)]
    assert cli.main(train) == 0
    assert "popular items of segments: twice (300)" in capsys.readouterr().err
    assert cli.main(["recommend", "evaluate", str(events), "--changes", str(changes)]) == 0
    assert "neighbours, filled by segment" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["train", "EVENTS"], "train needs --output"),
        (["train"], "train needs a file"),
        (["train", "EVENTS", "--output", "EVENTS"], "is one of the files to read"),
        (
            ["train", "EVENTS", "--output", "NEW", "--events", "Nothing"],
            "no event Nothing with the property product_id",
        ),
        (["train", "EVENTS", "--output", "NEW", "--changes", "EVENTS"], "is no change"),
        (["evaluate", "EVENTS", "--events", "Nothing"], "no event with an item"),
        (["evaluate", "EVENTS", "--split", "soon"], "--split is 'soon'"),
        (["evaluate", "EVENTS", "--n", "0"], "--n is 0"),
        (["show", "EVENTS"], "holds no recommendations"),
        (["show", "NEW"], "cannot read"),
        (["show", "NEW", "NEW"], "show takes one file, not 2"),
        (["withdraw"], "no Redis is set"),
    ],
)
def test_what_cannot_be_done_is_said(
    events: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    new = events.parent / "new.json"
    given = [str({"EVENTS": events, "NEW": new}.get(each, each)) for each in options]
    assert cli.main(["recommend", *given]) == 2
    assert message in capsys.readouterr().err
    assert not new.exists()
