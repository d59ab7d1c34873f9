"""`shoal train` and `shoal predict`: from rows to a list of users, and errors."""

import csv
import dataclasses
import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from app.cli import main as cli
from app.console.model_page import model_page
from app.offline.feature_rows import Row
from app.offline.row_files import columns_of, metadata_of, write_parquet
from app.offline.training_figures import Level, Period, TrainingFigures
from app.segments.definitions.features_file import read_features_file
from app.segments.definitions.model_file import read_model

GOLD = '"><script>alert(1)</script><img src=//evil.example/a.png>'
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
        views, plan = chance.randrange(10), chance.choice((GOLD, "free", None))
        bought = chance.random() < (0.6 if plan == GOLD and views > 4 else 0.1)
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
    given += ["--html", str(folder / "r.html")]
    assert cli.main(["train", rows, *given]) == 0
    return folder


def test_a_model_has_a_report(shop: Path) -> None:
    report = (shop / "r.md").read_text()
    assert "orders better than" in report
    assert "| boosted |" in report
    assert json.loads((shop / "m.json").read_text())["features"] == "visitors"


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps it."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keeps it."""
        self.texts.append(data)


def test_a_page_shows_the_training_in_pictures_and_loads_nothing(shop: Path) -> None:
    page = (shop / "r.html").read_text()
    read = Tags(page)
    pictures = [attributes["aria-label"] for tag, attributes in read.tags if tag == "svg"]
    assert len(pictures) == len(set(pictures)) == 6
    assert not {tag for tag, _ in read.tags} & {"script", "img", "link", "iframe", "object", "base", "form", "a"}
    named = {name for _, attributes in read.tags for name in attributes}
    assert not {name for name in named if name.startswith("on")} | (named & {"src", "href", "style", "action"})
    assert not re.search(r"url\(|@import", page)
    assert 'content="default-src' in page
    assert f"plan {GOLD}"[:39] + "…" in read.texts, "what comes from events is text"
    report = (shop / "r.md").read_text()
    verdict = next(line.strip("*") for line in report.splitlines() if line.startswith("**"))
    assert verdict in read.texts, "both say the same"


def test_the_page_warns_as_the_report_does(shop: Path) -> None:
    trained = read_model((shop / "m.json").read_bytes())
    level = Level(0.30, 0.10, 0.08, 0.13, 500)
    curve = ((0.0, 0.0), (1.0, 1.0))
    figures = TrainingFigures(
        tenths=(level,),
        gain=curve,
        gain_of_baseline=curve,
        precision=curve,
        precision_of_baseline=curve,
        scores_max=0.5,
        scores_with=(0.0, 1.0),
        scores_without=(1.0, 0.0),
        periods=(Period(0, level, is_test=True),),
        period="day",
    )
    quality = trained.quality
    assert quality is not None

    def texts(gain: tuple[float, float], positives: int, *, figures: TrainingFigures = figures) -> str:
        measured = [(trained.kind, quality, gain)]
        page = model_page(
            replace(trained, positives=positives),
            figures,
            baseline="views",
            baseline_quality=quality,
            measured=measured,
            important=[("views", -0.1)],
            test=(500, 50, 3),
        )
        return " ".join(Tags(page).texts) + page

    careful = texts((-0.01, 0.2), 99)
    assert (
        f"Not shown that {trained.kind} orders better than views alone: the interval of the gain covers 0." in careful
    )
    assert "Only 50 rows with the label: too few to rely on." in careful
    assert "The level is off: the mean forecast is 0.3000, 0.1000 was true." in careful
    assert "No column loses anything." in careful
    assert 'class="verdict good"' not in careful
    right = replace_level(figures, 0.1)
    assert 'class="verdict"' in texts((0.01, 0.2), 99, figures=right), "few rows alone are a reason to be careful"


def replace_level(figures: TrainingFigures, forecast: float) -> TrainingFigures:
    """The same, with a mean forecast."""
    level = dataclasses.replace(figures.tenths[0], forecast=forecast)
    return dataclasses.replace(figures, tenths=(level,))


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
