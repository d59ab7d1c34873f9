"""`shoal recluster`: what has not moved is left alone, what has is told and written as drafts, and errors."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.catalogs.definitions_folder import load_segments
from app.cli import main as cli
from app.offline.feature_rows import Row
from app.offline.row_files import columns_of, metadata_of, write_parquet
from app.segments.definitions.features_file import read_features_file

FEATURES = """\
features: visitors
moments: exists('Viewed')
values: {adds: count('Added' within 7d), plan: traits.plan}
"""
USERS = 900
HIGH, REST = "kind-high-adds", "kind-rest"


def rows_file(path: Path, *, looking: int = 0, features: str = FEATURES, great: int = 0) -> str:
    """A third of the users adds many products, the others none or one; `looking` of those add two by now.

    great: users who add ten thousand.
    """
    read = read_features_file("f.yaml", features).features
    assert read is not None
    chance = random.Random(3)
    made = []
    for user in range(USERS):
        adds = chance.randrange(6, 10) if user % 3 == 0 else chance.randrange(2)
        if user % 3 == 1 and user // 3 < looking:
            adds = 2
        if user < great:
            adds = 10_000
        made.append(Row(f"u{user}", 1_000, (adds, "gold"), ()))
    columns = columns_of(read, made)
    write_parquet(path, columns, metadata_of(read, columns))
    return str(path)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published clusters, one of which a marketer has edited."""
    path = tmp_path_factory.mktemp("shop")
    rows = rows_file(path / "rows.parquet")
    folder = path / "segments"
    assert cli.main(["cluster", rows, "--output", str(folder), "--clusters", "2", "--prefix", "kind"]) == 0
    edited = folder / f"{HIGH}.yaml"
    text = edited.read_text().replace("title: High adds\n", "title: The fillers\n").replace("status: draft\n", "")
    edited.write_text("# who fills a cart\n" + text + "hold: 1d  # patience\n")
    (folder / "other.yaml").write_text(f"segment: other\nwhen: segment('{HIGH}')\n")
    return path


@pytest.fixture
def shop(published: Path, tmp_path: Path) -> Path:
    """A copy of them for one test."""
    return Path(shutil.copytree(published, tmp_path / "shop"))


def recluster(shop: Path, rows: str, *options: str) -> int:
    return cli.main(["recluster", rows, "--segments", str(shop / "segments"), "--prefix", "kind", *options])


def told(shop: Path, rows: str, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    code = recluster(shop, rows, "--json", *options)
    return code, json.loads(capsys.readouterr().out)


def sizes(found: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {each["segment"]: (each["before"], each["after"]) for each in found["clusters"]}


def test_rows_of_the_same_kinds_move_nobody(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = told(shop, str(shop / "rows.parquet"), capsys)
    assert (code, found["moved"], found["agreement"], found["outside"], found["several"]) == (0, 0, 1, 0, 0)
    assert sizes(found) == {HIGH: (300, 300), REST: (600, 600)}
    assert recluster(shop, str(shop / "rows.parquet"), "--threshold", "0") == 0
    assert "0.0 % of the users would be in another cluster: not more than the threshold" in capsys.readouterr().out


def test_a_drift_is_told_with_who_would_move_and_the_exit_code_says_so(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_file(shop / "newer.parquet", looking=200)
    code, found = told(shop, rows, capsys)
    assert (code, found["moved"]) == (1, 200)
    assert found["flows"] == [[HIGH, REST, 200]]
    assert sizes(found) == {HIGH: (500, 300), REST: (400, 600)}
    assert found["share_moved"] == pytest.approx(200 / USERS)
    assert 0 < found["agreement"] < 0.7
    (shift,) = next(each["shifts"] for each in found["clusters"] if each["segment"] == HIGH)
    assert (shift["column"], shift["before"] < shift["after"], shift["distance"] > 0.3) == ("adds", True, True)
    assert recluster(shop, rows, "--threshold", "0.25") == 0
    assert "200 users from kind-high-adds to kind-rest" in capsys.readouterr().out


def test_drafts_are_the_published_files_with_another_condition(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_file(shop / "newer.parquet", looking=200)
    published = {path.name: path.read_text() for path in (shop / "segments").iterdir()}
    assert recluster(shop, rows) == 1
    assert not (shop / "drafts").exists()
    assert recluster(shop, rows, "--output", str(shop / "drafts")) == 1
    assert "2 drafts in" in capsys.readouterr().out
    assert {path.name: path.read_text() for path in (shop / "segments").iterdir()} == published
    drafts = {segment.name: segment for segment in load_segments(shop / "drafts").segments}
    assert {name: segment.status for name, segment in drafts.items()} == {HIGH: "draft", REST: "draft"}
    assert drafts[HIGH].title == "The fillers"
    assert drafts[HIGH].hold_ms == 86_400_000
    text = (shop / "drafts" / f"{HIGH}.yaml").read_text()
    assert text.startswith("# who fills a cart\n")
    assert "hold: 1d  # patience" in text
    assert "count('Added' within 7d) > 2" in text
    assert "33.3 % of 900 users" in text
    (shop / "segments" / f"{HIGH}.yaml").write_text(text)
    (shop / "segments" / f"{REST}.yaml").write_text((shop / "drafts" / f"{REST}.yaml").read_text())
    (shop / "segments" / "other.yaml").unlink()
    assert recluster(shop, rows, "--threshold", "0") == 0, "once they are published nobody would move"


def test_drafts_have_the_paths_of_the_published_files(shop: Path) -> None:
    for name in (HIGH, REST):
        (shop / "segments" / name).mkdir()
        (shop / "segments" / f"{name}.yaml").rename(shop / "segments" / name / "definition.yaml")
    rows = rows_file(shop / "newer.parquet", looking=200)
    assert recluster(shop, rows, "--output", str(shop / "drafts")) == 1
    drafts = sorted(str(path.relative_to(shop / "drafts")) for path in (shop / "drafts").rglob("*.yaml"))
    assert drafts == [f"{HIGH}/definition.yaml", f"{REST}/definition.yaml"]


def test_drafts_are_not_written_among_the_published_files(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = shop / "segments" / "newer"
    assert recluster(shop, str(shop / "rows.parquet"), "--output", str(output)) == 2
    assert "each definition would be there twice" in capsys.readouterr().err
    assert not output.exists()


def test_a_cluster_that_is_too_small_goes_to_the_nearest_one(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_file(shop / "great.parquet", great=30)
    code, found = told(shop, rows, capsys, "--clusters", "3")
    assert [each["users"] for each in found["merged"]] == [30]
    assert found["merged"][0]["into"] == HIGH
    assert code == 0
    assert len(found["clusters"]) == 2


def test_users_whom_no_condition_or_several_let_in_are_told(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited = shop / "segments" / f"{REST}.yaml"
    edited.write_text(edited.read_text().replace("count('Added' within 7d) <= 1", "count('Added' within 7d) = 0"))
    code, found = told(shop, str(shop / "rows.parquet"), capsys)
    outside = found["outside"]
    assert 200 < outside < 400
    assert (code, found["moved"], found["flows"]) == (1, outside, [["none", REST, outside]])
    edited.write_text(edited.read_text().replace("count('Added' within 7d) = 0", "count('Added' within 7d) >= 0"))
    code, found = told(shop, str(shop / "rows.parquet"), capsys)
    assert (code, found["several"], found["outside"], found["moved"]) == (0, 300, 0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "10"], "--threshold is 10"),
        (["--clusters", "1"], "--clusters is 1"),
        (["--output", "."], "--output . exists already"),
        (["--prefix", "nothing"], "has 0 segments whose name begins with nothing-"),
    ],
)
def test_wrong_options_are_told(
    shop: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    rows, segments = str(shop / "rows.parquet"), str(shop / "segments")
    prefix = [] if "--prefix" in options else ["--prefix", "kind"]
    assert cli.main(["recluster", rows, "--segments", segments, *prefix, *options]) == 2
    assert message in capsys.readouterr().err


def test_a_condition_about_what_is_no_column_is_told(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = rows_file(shop / "other.parquet", features=FEATURES.replace("'Added' within 7d", "'Added' within 8d"))
    assert recluster(shop, other) == 2
    assert f"{HIGH} asks for count('Added' within 7d), which is no column of numbers" in capsys.readouterr().err
    edited = shop / "segments" / f"{REST}.yaml"
    edited.write_text(edited.read_text().split("when:")[0] + "enter: exists('A')\nexit: exists('B')\n")
    assert recluster(shop, str(shop / "rows.parquet")) == 2
    assert f"{REST} has enter and exit" in capsys.readouterr().err
