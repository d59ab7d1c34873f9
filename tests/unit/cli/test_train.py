"""`shoal train` and `shoal predict`: from rows to a list of users, and errors."""

import csv
import json
import random
from pathlib import Path

import pytest

from app.cli import main as cli
from app.offline.feature_rows import Row
from app.offline.row_files import columns_of, metadata_of, write_parquet
from app.segments.definitions.features_file import read_features_file

FEATURES = """\
features: visitors
moments: exists('Viewed')
values: {views: count('Viewed' within 7d), plan: traits.plan, known: exists('Known')}
labels: {bought: exists('Bought' within next 2h), spent: sum(revenue of 'Bought' within next 2h)}
"""


def rows_file(path: Path, text: str = FEATURES, *, rows: int = 1_200) -> Path:
    features = read_features_file("f.yaml", text).features
    assert features is not None
    chance = random.Random(1)
    made = []
    for number in range(rows):
        views, plan = chance.randrange(10), chance.choice(("gold", "free", None))
        bought = chance.random() < (0.6 if plan == "gold" and views > 4 else 0.1)
        values = (views, plan, chance.random() < 0.5)
        made.append(Row(f"u{number % 900}", number * 3_600_000, values, (bought, 20.5 if bought else 0)))
    columns = columns_of(features, made)
    write_parquet(path, columns, metadata_of(features, columns))
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    rows = str(rows_file(folder / "rows.parquet"))
    given = ["--label", "bought", "--output", str(folder / "m.json"), "--report", str(folder / "r.md")]
    assert cli.main(["train", rows, *given]) == 0
    return folder


def test_a_model_has_a_report(shop: Path) -> None:
    report = (shop / "r.md").read_text()
    assert "orders better than" in report
    assert "| boosted |" in report
    assert json.loads((shop / "m.json").read_text())["features"] == "visitors"


def test_forecasts_can_be_imported_as_a_list(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(shop / "rows.parquet"), "--model", str(shop / "m.json")]
    assert cli.main(["predict", *given, "--output", str(shop / "all.csv")]) == 0
    assert cli.main(["predict", *given, "--output", str(shop / "likely.csv"), "--above", "0.4"]) == 0
    assert "shoal lists import" in capsys.readouterr().out
    everybody, likely = (
        list(csv.DictReader((shop / name).read_text().splitlines())) for name in ("all.csv", "likely.csv")
    )
    assert len(everybody) == 900
    assert likely == [each for each in everybody if float(each["probability"]) > 0.4]
    assert 50 < len(likely) < 400
    assert cli.main(["lists", "import", "likely", str(shop / "likely.csv"), "--dry-run"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--label is needed: the rows have bought, spent"),
        (["--label", "x"], "--label x: the rows have bought, spent"),
    ],
)
def test_the_label_is_named(shop: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert cli.main(["train", str(shop / "rows.parquet"), "--output", str(shop / "other.json"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (shop / "other.json").exists()


def test_rows_of_other_features_are_refused(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = rows_file(shop / "other.parquet", FEATURES.replace("7d", "8d"), rows=10)
    given = ["--model", str(shop / "m.json"), "--output", str(shop / "other.csv")]
    assert cli.main(["predict", str(other), *given]) == 2
    assert "the rows are of features visitors" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "message"), [(None, "cannot read"), ("{}", "is no model"), ("[", "is no model")])
def test_what_is_no_model_is_told(
    tmp_path: Path, shop: Path, capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    model = tmp_path / "m.json"
    if content is not None:
        model.write_text(content)
    given = ["--model", str(model), "--output", str(tmp_path / "f.csv")]
    assert cli.main(["predict", str(shop / "rows.parquet"), *given]) == 2
    assert message in capsys.readouterr().err
