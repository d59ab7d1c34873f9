"""The commands over past events and tests say which values the definitions could not use."""

import json
from pathlib import Path

import pytest

from app.cli import main as cli

SEGMENT = """segment: rich
when: sum(revenue of 'Order Completed') > 10
tests:
  - name: an amount with a sign is no number
    events:
      - {at: 0m, event: Order Completed, properties: {revenue: $20}}
    expect:
      - {at: 0m, in: false}
"""
FOUND = "revenue of 'Order Completed': 2 texts that are no numbers, first \"$19.99\" in line 3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "segments"
    folder.mkdir()
    (folder / "rich.yaml").write_text(SEGMENT)
    return folder


@pytest.fixture
def events(tmp_path: Path) -> Path:
    amounts = [("ann", "19.99"), ("bob", "x\x1b[31m"), ("ann", "$19.99"), ("ann", "4,245.42")]
    lines = [
        {
            "type": "track",
            "event": "Order Completed",
            "userId": user,
            "timestamp": f"2026-01-05T00:0{minute}:00Z",
            "properties": {"revenue": revenue},
        }
        for minute, (user, revenue) in enumerate(amounts)
    ]
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_a_backtest_names_them(folder: Path, events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backtest", str(events), "--segments", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "warning: rich: revenue of 'Order Completed': 3 texts that are no numbers, first " in printed
    assert "in line 2" in printed
    assert "\x1b[31m" not in printed


def test_a_backtest_of_two_folders_names_them_too(
    folder: Path, events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backtest", str(events), "--diff", str(folder), str(folder)]) == 0
    assert "3 texts that are no numbers" in capsys.readouterr().out


def test_an_explanation_names_those_of_its_user(folder: Path, events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["explain", str(events), "--user", "ann", "--segment", "rich", "--segments", str(folder)]
    assert cli.main(command) == 0
    assert FOUND in capsys.readouterr().out


def test_the_tests_of_definitions_name_them_at_the_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", str(folder)]) == 0
    *_, note, outcome = capsys.readouterr().out.splitlines()
    assert note.endswith("rich.yaml:4: revenue of 'Order Completed': 1 text that is no number, \"$20\" in event 1")
    assert outcome == "1 test of 1 segment: all passed"
