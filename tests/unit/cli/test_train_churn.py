"""The forecast of who will be gone, on a simulated shop whose truth is known: from events to a live segment."""

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli

FEATURES = """\
features: visits
moments: exists('Visited' within 1h)
values:
  complaints: count('Complained' within 30d)
  orders: count('Bought' within 60d)
  visits: count('Visited' within 30d)
  plan: traits.plan
labels:
  gone: never('Visited' within next 30d)
"""
LEAVING = "segment: leaving\nwhen: model('gone') > 0.6\nattach: {gone: model('gone')}\n"
START_MS, DAY_MS = 1_767_571_200_000, 86_400_000
USERS, DAYS = 2_200, 240

pytestmark = pytest.mark.long

Truth = dict[tuple[str, str], float]


def instant_of(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def life(user: str, chance: random.Random, truth: Truth) -> Iterator[tuple[int, dict[str, Any]]]:
    """The visits of a user, until they are gone: a while after complaints more likely, after orders less."""
    at_ms = START_MS + chance.randrange(0, 150 * DAY_MS, 1_000)
    plan = chance.choice(("gold", "free"))
    yield at_ms - 1_000, {"type": "identify", "traits": {"plan": plan}}
    complaints: list[int] = []
    orders: list[int] = []
    while at_ms < START_MS + DAYS * DAY_MS:
        for name, seen, share in (("Complained", complaints, 0.35), ("Bought", orders, 0.4)):
            if chance.random() < share:
                seen.append(at_ms)
                yield at_ms, {"event": name}
        yield at_ms, {"event": "Visited"}
        complained = sum(each > at_ms - 30 * DAY_MS for each in complaints)
        bought = sum(each > at_ms - 60 * DAY_MS for each in orders)
        margin = -1.4 + 1.2 * complained - 0.7 * bought + 0.8 * (plan == "free")
        truth[user, instant_of(at_ms)] = 1 / (1 + math.exp(-margin))
        if chance.random() < truth[user, instant_of(at_ms)]:
            return
        at_ms += chance.randrange(3 * DAY_MS, 25 * DAY_MS, 1_000)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    folder, chance, truth = tmp_path_factory.mktemp("shop"), random.Random(17), Truth()
    said = [(at_ms, user, each) for user in map(str, range(USERS)) for at_ms, each in life(user, chance, truth)]
    with (folder / "events.jsonl").open("w") as file:
        for at_ms, user, each in sorted(said, key=lambda one: one[0]):
            message = {"type": "track", "userId": user, "timestamp": instant_of(at_ms)} | each
            file.write(json.dumps(message) + "\n")
    (folder / "visits.yaml").write_text(FEATURES)
    (folder / "live").mkdir()
    (folder / "live" / "leaving.yaml").write_text(LEAVING)
    given = ["--features", f"{folder}/visits.yaml", "--output", f"{folder}/rows.parquet"]
    assert cli.main(["rows", f"{folder}/events.jsonl", *given]) == 0
    where = ["--output", f"{folder}/live/gone.model.json", "--report", f"{folder}/report.md"]
    assert cli.main(["train", f"{folder}/rows.parquet", *where]) == 0
    return folder, truth


def test_who_will_be_gone_is_forecast_nearly_as_well_as_by_who_knows_the_truth(shop: tuple[Path, Truth]) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    metrics = pytest.importorskip("sklearn.metrics")
    folder, truth = shop
    model = json.loads((folder / "live" / "gone.model.json").read_text())
    rows = sorted(pq.read_table(folder / "rows.parquet").to_pylist(), key=lambda row: row["at"])
    assert len(rows) > 3_000
    report = (folder / "report.md").read_text()
    test = rows[-int(report.split("Test, later: ")[1].split(" ")[0].replace(",", "")) :]
    best = metrics.roc_auc_score([row["gone"] for row in test], [truth[row["user"], row["at"]] for row in test])
    assert model["quality"]["auc"] > best - 0.02
    assert f"{model['kind']} orders better than complaints alone." in report


def test_a_live_segment_takes_who_will_be_gone_with_the_forecast_of_the_rows(shop: tuple[Path, Truth]) -> None:
    folder, _ = shop
    changes = ["--segments", f"{folder}/live", "--output", f"{folder}/changes.jsonl"]
    assert cli.main(["backtest", f"{folder}/events.jsonl", *changes]) == 0
    entered = {
        (change["user"], change["at"]): change["attach"]["gone"]
        for change in map(json.loads, (folder / "changes.jsonl").read_text().splitlines())
        if change["change"] == "entered"
    }
    now = ["--features", f"{folder}/visits.yaml", "--output", f"{folder}/now.parquet", "--keep-open"]
    assert cli.main(["rows", f"{folder}/events.jsonl", *now]) == 0
    model = ["--model", f"{folder}/live/gone.model.json", "--above", "0.6", "--output", f"{folder}/leaving.csv"]
    assert cli.main(["predict", f"{folder}/now.parquet", *model]) == 0
    leaving = [line.split(",") for line in (folder / "leaving.csv").read_text().splitlines()[1:]]
    assert len(leaving) > 100
    latest = {user: (at, float(probability)) for user, at, probability in leaving}
    alike = [entered[user, at] == probability for user, (at, probability) in latest.items() if (user, at) in entered]
    assert all(alike)
    assert len(alike) > 100
    assert {user for user, _ in entered} >= latest.keys()
