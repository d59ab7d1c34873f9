"""From events of a simulated shop to a definition that asks for the next segment."""

import csv
import json
import math
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli

FEATURES = """\
features: third-view
moments: count('Viewed' within 1d) >= 3
values:
  liked: count('Liked' within 1d)
  compared: count('Compared' within 1d)
  plan: traits.plan
  was_buyer: segment('buyers')
labels:
  next: next_segment('buyers', 'savers' within next 12h)
"""
BUYERS = "segment: buyers\nwhen: exists('Bought' within 6h)\n"
SAVERS = "segment: savers\nwhen: exists('Saved' within 6h)\n"
SOON = "segment: soon\nwhen: model('next').buyers > 0.5\nattach: {buys: model('next').buyers}\n"
START_MS, HOUR_MS = 1_767_571_200_000, 3_600_000
CLASSES = ("buyers", "savers", "none")

pytestmark = pytest.mark.long


def shares(liked: int, compared: int, plan: str) -> list[float]:
    """The probability of each class: the truth that the shop plays by."""
    margins = (0.9 * liked - 1.5 + (plan == "gold"), 0.8 * compared - 1.0, 0.0)
    powers = [math.exp(each) for each in margins]
    return [power / sum(powers) for power in powers]


def shop_of(folder: Path, visits: int) -> dict[tuple[str, str], list[float]]:
    """Writes events of visits, one after the other; returns the truth of each (user, instant of the third view)."""
    chance = random.Random(11)
    truth = {}
    with (folder / "events.jsonl").open("w") as file:

        def say(user: str, at_ms: int, **said: Any) -> None:
            moment = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
            message = {"type": "track", "userId": user, "timestamp": moment.replace("+00:00", "Z")}
            file.write(json.dumps(message | said) + "\n")

        for visit in range(visits):
            user, at_ms = f"u{visit}", START_MS + visit * HOUR_MS // 4
            liked, compared, plan = chance.randrange(5), chance.randrange(5), chance.choice(("gold", "free"))
            say(user, at_ms, type="identify", traits={"plan": plan})
            for event in ["Liked"] * liked + ["Compared"] * compared + ["Viewed"] * 3:
                say(user, at_ms, event=event)
            found = shares(liked, compared, plan)
            instant = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            truth[user, instant] = found
            (what,) = chance.choices(("Bought", "Saved", ""), found)
            if what:
                say(user, at_ms + 1000, event=what)
    return truth


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, str], list[float]]]:
    folder = tmp_path_factory.mktemp("shop")
    truth = shop_of(folder, 4_000)
    (folder / "segments").mkdir()
    (folder / "features.yaml").write_text(FEATURES)
    for name, text in (("buyers", BUYERS), ("savers", SAVERS)):
        (folder / "segments" / f"{name}.yaml").write_text(text)
    given = ["--features", f"{folder}/features.yaml", "--segments", f"{folder}/segments"]
    assert cli.main(["rows", f"{folder}/events.jsonl", *given, "--output", f"{folder}/rows.parquet"]) == 0
    for report in ("report.md", "report.json"):
        where = ["--output", f"{folder}/next.model.json", "--report", f"{folder}/{report}"]
        where += ["--html", f"{folder}/report.html"]
        assert cli.main(["train", f"{folder}/rows.parquet", *where]) == 0
    return folder, truth


def test_transitions_are_forecast_nearly_as_well_as_by_who_knows_the_truth(
    shop: tuple[Path, dict[tuple[str, str], list[float]]],
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    metrics = pytest.importorskip("sklearn.metrics")
    folder, truth = shop
    report = json.loads((folder / "report.json").read_text())
    assert report["is_better"], report["verdict"]
    rows = sorted(pq.read_table(folder / "rows.parquet").to_pylist(), key=lambda row: row["at"])[-report["test_rows"] :]
    best = [truth[row["user"], row["at"]] for row in rows]
    for place, each in enumerate(report["classes"]):
        assert each["name"] == CLASSES[place]
        happened = [row["next"] == each["name"] for row in rows]
        assert sum(happened) == each["test_rows"]
        assert each["auc"] > metrics.roc_auc_score(happened, [shares[place] for shares in best]) - 0.02
    lines = (folder / "report.md").read_text()
    assert "Label next: buyers, savers, none." in lines
    assert "forecasts better than a table by" in lines
    assert report["verdict"] in (folder / "report.html").read_text()


def test_a_definition_asks_for_a_class_and_gets_what_predict_says(
    shop: tuple[Path, dict[tuple[str, str], list[float]]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = shop
    rows, model = f"{folder}/rows.parquet", f"{folder}/next.model.json"
    assert cli.main(["predict", rows, "--model", model, "--output", f"{folder}/all.csv"]) == 0
    assert cli.main(["predict", rows, "--model", model, "--of", "buyers", "--output", f"{folder}/buyers.csv"]) == 0
    everybody, buyers = (
        list(csv.DictReader((folder / name).read_text().splitlines())) for name in ("all.csv", "buyers.csv")
    )
    chances = {each["userId"]: each["probability"] for each in buyers}
    for each in everybody:
        assert each["probability of buyers"] == chances[each["userId"]]
        assert each["probability"] == max(each[f"probability of {name}"] for name in CLASSES)
        assert each["probability"] == each[f"probability of {each['class']}"]
    asked = folder / "asked"
    asked.mkdir()
    for name in ("buyers.yaml", "savers.yaml"):
        (asked / name).write_text((folder / "segments" / name).read_text())
    (asked / "soon.yaml").write_text(SOON)
    (asked / "next.model.json").write_text((folder / "next.model.json").read_text())
    changes = ["--segments", str(asked), "--output", f"{folder}/changes.jsonl"]
    assert cli.main(["backtest", f"{folder}/events.jsonl", *changes]) == 0
    entered = [
        change
        for change in map(json.loads, (folder / "changes.jsonl").read_text().splitlines())
        if (change["segment"], change["change"]) == ("soon", "entered") and change["user"] in chances
    ]
    assert {change["user"]: f"{change['attach']['buys']:.6f}" for change in entered} == {
        user: chance for user, chance in chances.items() if float(chance) > 0.5
    }
    assert entered
    assert set(entered[0]["evidence"][0]["because"]) <= {"liked", "compared", "plan", "was_buyer"}
    capsys.readouterr()
    assert cli.main(["predict", rows, "--model", model, "--of", "buyer", "--output", f"{folder}/no.csv"]) == 2
    assert "the classes of next are buyers, savers and none" in capsys.readouterr().err
