"""`shoal audit`: a sample as a file, the judgement of a person, and errors."""

import csv
import json
from pathlib import Path

import pytest

from app.catalogs.definitions_folder import load_segments
from app.cli import main as cli

KEEN = "segment: keen\nwhen: count('Viewed' within 7d) >= 3\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with events of 20 users, the number of a user being that of the views, and a definition."""
    lines = []
    for user in range(1, 21):
        for view in range(user):
            at = f"2026-01-05T10:{view:02d}:{user:02d}Z"
            lines.append({"type": "track", "event": "Viewed", "userId": f"{user:03d}", "timestamp": at})
    lines.sort(key=lambda each: each["timestamp"])
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "keen.yaml").write_text(KEEN)
    return tmp_path


def sample(shop: Path, *more: str) -> int:
    given = ["--segments", f"{shop}/segments", "--segment", "keen", "--output", f"{shop}/keen.csv"]
    return cli.main(["audit", "sample", f"{shop}/events.jsonl", *given, *more])


def test_a_judgement_is_counted_and_wrong_cases_become_tests(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sample(shop, "--members", "10", "--near", "5") == 0
    assert "10 of 18 members, and of 2 users whom one part of the condition keeps out" in capsys.readouterr().out
    file = shop / "keen.csv"
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 12
    for row in rows[:11]:
        row["right"] = "no" if row["user"] in ("'002", rows[0]["user"]) else "yes"
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    events = ["--events", f"{shop}/events.jsonl", "--segments", f"{shop}/segments", "--tests", f"{shop}/tests.yaml"]
    assert cli.main(["audit", "result", str(file), *events]) == 0
    told = capsys.readouterr().out
    assert "not judged: 1 case" in told
    wrong = sum(row["right"] == "no" for row in rows)
    assert f"{wrong} test{'s' if wrong > 1 else ''} in {shop}/tests.yaml" in told
    definition = shop / "segments" / "keen.yaml"
    definition.write_text(KEEN + (shop / "tests.yaml").read_text())
    assert len(load_segments(shop / "segments").segment("keen").tests) == wrong
    assert cli.main(["test", f"{shop}/segments"]) == 1
    assert f"{wrong} failed, 0 passed" in capsys.readouterr().out


def test_markdown_is_another_way(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--segments", f"{shop}/segments", "--segment", "keen", "--output", f"{shop}/keen.md"]
    assert cli.main(["audit", "sample", f"{shop}/events.jsonl", *given]) == 0
    file = shop / "keen.md"
    file.write_text(file.read_text().replace("|  |  |", "| yes | fine |"))
    assert cli.main(["audit", "result", str(file)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "members 18 0 0.0 % 0.0 to 17.6 % 18" in told
    assert "near-members 2 0 0.0 % 0.0 to 65.8 % 2" in told


def test_definitions_that_have_changed_since_are_said(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sample(shop) == 0
    (shop / "segments" / "keen.yaml").write_text(KEEN.replace(">= 3", ">= 4"))
    events = ["--events", f"{shop}/events.jsonl", "--segments", f"{shop}/segments", "--tests", f"{shop}/tests.yaml"]
    assert cli.main(["audit", "result", f"{shop}/keen.csv", *events]) == 0
    told = capsys.readouterr().out
    assert "the definitions have changed since the audit" in told
    assert "there is no test to write" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["sample", "EVENTS"], "sample needs --segments, --segment and --output"),
        (["sample", "EVENTS", "SEGMENT", "--output", "NEW.txt"], "has no known ending"),
        (["sample", "EVENTS", "SEGMENT", "--output", "NEW.csv", "--members", "-1"], "--members is -1"),
        (["sample", "EVENTS", "SEGMENT", "--output", "NEW.csv", "--near", "2000"], "--near is 2000"),
        (["sample", "EVENTS", "--segments", "FOLDER", "--segment", "kee", "--output", "NEW.csv"], "no segment kee"),
        (["result", "EVENTS", "EVENTS"], "result takes one file, not 2"),
        (["result", "NEW.csv"], "cannot read"),
    ],
)
def test_what_cannot_be_done_is_said(
    shop: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"EVENTS": [f"{shop}/events.jsonl"], "SEGMENT": ["--segments", f"{shop}/segments", "--segment", "keen"]}
    named |= {"FOLDER": [f"{shop}/segments"]} | {f"NEW.{end}": [f"{shop}/new.{end}"] for end in ("txt", "csv")}
    given = [word for each in options for word in named.get(each, [each])]
    assert cli.main(["audit", *given]) == 2
    assert message in capsys.readouterr().err
