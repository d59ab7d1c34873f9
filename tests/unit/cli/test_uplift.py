"""`shoal uplift`: its files, its output, its errors."""

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.cli import main as cli
from tests.unit.cli.test_hostile_text import EVIL, acted_on


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two groups of 400 users; 40 of the one convert, and 160 of the other."""
    monkeypatch.chdir(tmp_path)
    exposures = [
        {"user": f"{group}-{number}", "group": group, "exposed_at": "2026-01-01T00:00:00Z", "experiment": "cart"}
        for group in ("holdout", "mail")
        for number in range(400)
    ]
    outcomes = [
        {"user": f"{group}-{number}", "t": 1_767_225_601_000, "value": 20, "id": f"o-{number}", "experiment": "cart"}
        for group, count in (("holdout", 40), ("mail", 160))
        for number in range(count)
    ]
    (tmp_path / "exposures.jsonl").write_text("\n".join(map(json.dumps, exposures)))
    (tmp_path / "outcomes.jsonl").write_text("\n".join(map(json.dumps, outcomes)))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert cli.main(["uplift", *words, "--within", "7d", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_lift_is_shown_with_its_interval(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["uplift", "exposures.jsonl", "outcomes.jsonl", "--within", "7d", "--share", "holdout=50", "mail=50"]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "+30.00%" in said
    assert "+300.0%" in said
    assert "better" in said
    assert "probability of these sizes of the groups: 1" in said


def test_parquet_and_gzip_say_the_same_as_lines(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = told(capsys, "exposures.jsonl", "outcomes.jsonl", "--at", "2026-02-01T00:00:00Z")
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT * REPLACE (exposed_at::TIMESTAMP AS exposed_at) FROM read_json('exposures.jsonl')) "
            "TO 'exposures.parquet' (FORMAT parquet)"
        )
    (files / "outcomes.jsonl.gz").write_bytes(gzip.compress((files / "outcomes.jsonl").read_bytes()))
    assert told(capsys, "exposures.parquet", "outcomes.jsonl.gz", "--at", "2026-02-01T00:00:00Z") == plain


def test_groups_of_the_wrong_sizes_end_with_1(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["uplift", "exposures.jsonl", "outcomes.jsonl", "--within", "7d", "--share", "holdout=10", "mail=90"]
    assert cli.main(words) == 1
    assert "no verdict" in capsys.readouterr().out


def test_names_of_groups_cannot_alter_the_terminal(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (files / "exposures.jsonl").open("a") as lines:
        lines.write("\n" + json.dumps({"user": "u", "group": f"[red]{EVIL}", "exposed_at": 0}))
    assert cli.main(["uplift", "exposures.jsonl", "outcomes.jsonl", "--within", "7d"]) == 0
    said = capsys.readouterr().out
    assert "[red]" in said
    assert not acted_on(said)


@pytest.mark.parametrize(
    ("line", "words", "said"),
    [
        ('{"user": "u"}', [], "exposures.jsonl, line 801: Object missing required field `group`"),
        ("no JSON", [], "exposures.jsonl, line 801"),
        ('{"user": "u", "group": "mail", "exposed_at": "soon"}', [], "exposed_at is 'soon'"),
        ('{"user": "u", "group": "mail", "exposed_at": 1, "covariate": 1e999}', [], "covariate"),
        ('{"user": "u", "group": "mail", "exposed_at": 1, "experiment": "other"}', [], "a second experiment, 'other'"),
        ("", ["--experiment", "none"], "nobody is in the group holdout"),
        ("", ["--share", "mail"], "--share mail is no share"),
        ("", ["--share", "mail=-1"], "--share mail=-1 is no share"),
        ("", ["--alpha", "2"], "--alpha is 2"),
        ("", ["--planned", "0"], "--planned is 0"),
        ("", ["--at", "soon"], "--at is 'soon'"),
    ],
)
def test_what_is_wrong_is_an_error_that_says_where(
    line: str, words: list[str], said: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (files / "exposures.jsonl").open("a") as lines:
        lines.write("\n" + line)
    assert cli.main(["uplift", "exposures.jsonl", "outcomes.jsonl", "--within", "7d", *words]) == cli.EXIT_USER_ERROR
    assert said in capsys.readouterr().err
    assert cli.main(["uplift", "none.jsonl", "outcomes.jsonl", "--within", "7d"]) == cli.EXIT_USER_ERROR


def test_one_experiment_of_several_is_chosen_by_its_name(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (files / "exposures.jsonl").open("a") as lines:
        lines.write("\n" + json.dumps({"user": "u", "group": "mail", "exposed_at": 0, "experiment": "other"}))
    found = told(capsys, "exposures.jsonl", "outcomes.jsonl", "--experiment", "cart", "--metric", "value")
    assert [each["users"] for each in found["groups"]] == [400, 400]
    assert [each["mean"] for each in found["groups"]] == [2, 8]
