"""`shoal tracking`: a plan from files, and what is wrong with others."""

import json
from pathlib import Path

import pytest

from app.cli import main as cli


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    event = {"type": "track", "event": "Viewed", "userId": "u", "properties": {"sku": "a", "price": 5}}
    lines = [json.dumps(event | {"timestamp": f"2026-01-05T10:{n:02}:00Z", "messageId": f"m{n}"}) for n in range(30)]
    (tmp_path / "events.jsonl").write_text("\n".join(lines) + "\n")
    wrong = event | {"event": "Veiwed\x1b[31m"}, event | {"properties": {"price": "5 EUR"}}
    (tmp_path / "wrong.jsonl").write_text("".join(json.dumps(each) + "\n" for each in wrong) + "{\n")
    return tmp_path


def tracking(action: str, file: Path, *options: str) -> int:
    return cli.main(["tracking", action, str(file), "--plan", str(file.parent / "plan.json"), *options])


def test_what_was_learnt_holds_for_the_same_events(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tracking("learn", shop / "events.jsonl") == 0
    assert "1 event in" in capsys.readouterr().out
    assert tracking("check", shop / "events.jsonl") == 0
    assert capsys.readouterr().out == "30 messages read\nall as in the plan\n"


def test_what_is_wrong_is_shown_and_ends_with_one(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tracking("learn", shop / "events.jsonl") == 0
    capsys.readouterr()
    assert tracking("check", shop / "wrong.jsonl") == 1
    said = capsys.readouterr().out
    assert "2 messages read; 1 line that hold none" in said
    assert "\x1b" not in said
    assert "string in place of integer" in said
    assert tracking("check", shop / "wrong.jsonl", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["messages"], document["unreadable"]) == (2, 1)
    (price,) = [each for each in document["findings"] if each["property"] == "price"]
    assert price == {
        "event": "Viewed",
        "property": "price",
        "problem": "string in place of integer",
        "events": 1,
        "of": 1,
        "example": '"5 EUR"',
        "first": "line 2",
    }


def test_a_plan_can_go_to_standard_output(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tracking", "learn", str(shop / "events.jsonl"), "--plan", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["track"]["Viewed"]["required"] == ["price", "sku"]


def test_what_cannot_be_learnt_or_read_says_what_to_do(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "none.jsonl").write_text("{}\n")
    assert tracking("learn", shop / "none.jsonl") == 2
    assert tracking("check", shop / "events.jsonl") == 2
    said = capsys.readouterr().err
    assert "no event in" in said
    assert "shoal tracking learn writes a plan" in said
