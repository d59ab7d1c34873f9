"""Commands that play events clean their values by `cleaning.yaml` alike, and say how many they have changed."""

import json
from pathlib import Path

import pytest

from app.cli import main as cli

SHIRTS = """\
segment: shirts
when: count('Viewed' where category = 't-shirt') >= 2
tests:
  - name: however it is written
    events:
      - {at: 0m, event: Viewed, properties: {category: " T-Shirt"}}
      - {at: 1m, event: Viewed, properties: {category: tees}}
    expect:
      - {at: 0m, in: false}
      - {at: 1m, in: true}
"""
CLEANING = "rules:\n  - {event: Viewed, property: category, do: [trim, lower], map: {tees: t-shirt}}\n"
FEATURES = """\
features: visitors
moments: count('Viewed') >= 2
values: {category: last(category of 'Viewed')}
labels: {again: exists('Viewed' where category = 't-shirt' within next 1h)}
"""
CATEGORIES = (" T-Shirt", "tees", "t-shirt ")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "shirts.yaml").write_text(SHIRTS)
    (tmp_path / "segments" / "cleaning.yaml").write_text(CLEANING)
    (tmp_path / "features.yaml").write_text(FEATURES)
    events = [
        {"type": "track", "event": "Viewed", "userId": "ann", "timestamp": f"2026-01-05T10:0{minute}:00Z"}
        | {"messageId": f"m{minute}", "properties": {"category": category}}
        for minute, category in enumerate(CATEGORIES)
    ]
    (tmp_path / "events.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in events))
    return tmp_path


def test_the_tests_of_a_definition_see_cleaned_values(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", str(shop / "segments")]) == 0
    assert "1 test of 1 segment: all passed" in capsys.readouterr().out
    (shop / "segments" / "cleaning.yaml").unlink()
    assert cli.main(["test", str(shop / "segments")]) == 1


def test_a_backtest_cleans_and_says_how_many_values(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = shop / "changes.jsonl"
    given = [str(shop / "events.jsonl"), "--segments", str(shop / "segments"), "--output", str(output)]
    assert cli.main(["backtest", *given]) == 0
    assert "cleaned values (cleaning.yaml): Viewed: category 3" in capsys.readouterr().out
    (change,) = (json.loads(line) for line in output.read_text().splitlines())
    assert (change["segment"], change["cause"]["message_id"]) == ("shirts", "m1")


def test_rows_and_their_labels_are_made_of_cleaned_values(shop: Path) -> None:
    output = shop / "rows.jsonl"
    given = ["--features", str(shop / "features.yaml"), "--segments", str(shop / "segments")]
    until = ["--until", "2026-01-06T00:00:00Z"]
    assert cli.main(["rows", str(shop / "events.jsonl"), *given, *until, "--output", str(output)]) == 0
    (row,) = (json.loads(line) for line in output.read_text().splitlines())
    assert (row["category"], row["again"]) == ("t-shirt", True)


def test_a_validation_and_a_plan_know_the_file(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", str(shop / "segments")]) == 0
    assert cli.main(["plan", str(shop / "segments"), "--source", "shirts"]) == 0
    assert "q = F_" in capsys.readouterr().out
