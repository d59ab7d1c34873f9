"""`shoal cluster`: from rows to definitions that load, and errors."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.catalogs.definitions_folder import load_segments
from app.cli import main as cli
from app.offline.feature_rows import Row
from app.offline.row_files import columns_of, metadata_of, write_parquet
from app.segments.definitions.features_file import read_features_file

FEATURES = """\
features: visitors
moments: exists('Viewed')
values: {views: count('Viewed' within 7d), plan: traits.plan, adds: count('Added' within 7d), known: exists('Known')}
labels: {bought: exists('Bought' within next 2h)}
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Two kinds of users, each with two rows, of which the last counts."""
    features = read_features_file("f.yaml", FEATURES).features
    assert features is not None
    chance = random.Random(1)
    made = []
    for turn in (1, 2):
        for user in range(600):
            buyer = (user % 3 == 0) == (turn == 2)
            values = (chance.randrange(3, 6), "gold", chance.randrange(5, 9) if buyer else 0, buyer)
            made.append(Row(f"u{user}", turn * 1_000, values, (buyer,)))
    path = tmp_path / "rows.parquet"
    columns = columns_of(features, made)
    write_parquet(path, columns, metadata_of(features, columns))
    return path


def test_the_clusters_of_rows_become_definitions(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = rows.parent / "made"
    assert cli.main(["cluster", str(rows), "--output", str(output), "--prefix", "kind", "--clusters", "2"]) == 0
    told = capsys.readouterr().out
    assert "left out, since texts or the same for all: plan" in told
    assert "100.0 % of the users right" in told
    catalog = load_segments(output)
    assert sorted(segment.name for segment in catalog.segments) == ["kind-high-known", "kind-rest"]
    assert {segment.status for segment in catalog.segments} == {"draft"}
    personas = {segment.name: segment.persona for segment in catalog.segments}
    rest, known = personas["kind-rest"], personas["kind-high-known"]
    assert rest is not None
    assert known is not None
    assert (rest.name, known.name) == ("Rest", "High known")
    assert known.traits[0] == "known: more than others (1; all users: 0)"


def test_json_has_the_same(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["cluster", str(rows), "--json", "--clusters", "2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["users"]) for each in told["clusters"]] == [("rest", 400), ("high-known", 200)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clusters", "1"], "--clusters is 1"),
        (["--output", "."], "--output . exists already"),
        (["--prefix", "My Kind", "--output", "made", "--clusters", "2"], "My Kind-rest cannot be a name"),
    ],
)
def test_wrong_options_are_told(
    rows: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(rows.parent)
    assert cli.main(["cluster", str(rows), *options]) == 2
    assert message in capsys.readouterr().err
    assert not Path("made").exists()


def test_files_that_are_no_rows_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.parquet"
    assert cli.main(["cluster", str(file)]) == 2
    assert "cannot read" in capsys.readouterr().err
    file.write_text("user,at\n")
    assert cli.main(["cluster", str(file)]) == 2
    assert "cannot read" in capsys.readouterr().err
    pq.write_table(pa.table({"user": ["u"]}), file)
    assert cli.main(["cluster", str(file)]) == 2
    assert "was not written by shoal rows" in capsys.readouterr().err
