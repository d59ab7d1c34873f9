"""A model in a definition gives the scores that its rows give: those of `shoal rows`, to the last bit."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from app.cli import main as cli
from app.events.instants import iso
from app.segments.definitions.features_file import read_features_file
from app.segments.definitions.model_file import Column, Model, write_model
from app.segments.definitions.model_forecast import forecast, numbers_of
from app.segments.language import canonical
from tests.support.models import random_model

START_MS = 1_767_600_000_000
FEATURES = """\
features: shoppers
moments: session.pages >= 2
values:
  views: count('Product Viewed' within 1h)
  spent: sum(price of 'Product Added' within 2h)
  cart: cart.value
  idle_s: since('Product Viewed') / 1s
  plan: traits.plan
labels: {bought: exists('Order Completed' within next 1h)}
"""
TOLD = "segment: told\nwhen: never('Nothing')\nattach: {p: model('likely')}\nupdates: [p]\n"


def events(path: Path) -> Path:
    """Visits of ten users: pages, views, things for the cart."""
    chance, at_ms, lines = random.Random(7), START_MS, []
    for _ in range(1_500):
        at_ms += chance.choice((1_000, 20_000, 90_000))
        user, said = (
            f"u{chance.randrange(10)}",
            chance.choice(("page", "page", "Product Viewed", "Product Added", "id")),
        )
        message: dict[str, Any] = {"userId": user, "timestamp": iso(at_ms), "type": "page"}
        if said == "id":
            message |= {"type": "identify", "traits": {"plan": chance.choice(("a", "b", "c"))}}
        elif said != "page":
            price = chance.choice((1, 2.5, 19.99, 0.1))
            message |= {"type": "track", "event": said, "properties": {"product_id": "p", "price": price}}
        lines.append(json.dumps(message) + "\n")
    path.write_text("".join(lines))
    return path


def model_of(kind: str) -> Model:
    """A random model over the columns of the features, at their moments."""
    features = read_features_file("f.yaml", FEATURES).features
    assert features is not None
    assert features.moments.when is not None
    columns = tuple(
        Column(name=name, expression=text, categories=("a", "b") if name == "plan" else None)
        for name, text in features.expressions.items()
    )
    drawn = random_model(11, kind, columns=len(columns))
    return replace(drawn, columns=columns, moments=canonical.text(features.moments.when))


@pytest.mark.parametrize("kind", ["boosted", "forest", "linear"])
def test_scores_of_a_backtest_are_those_of_its_rows(kind: str, tmp_path: Path) -> None:
    file, folder = events(tmp_path / "events.jsonl"), tmp_path / "segments"
    folder.mkdir()
    (tmp_path / "f.yaml").write_text(FEATURES)
    model = model_of(kind)
    (folder / "m.model.json").write_bytes(write_model(model))
    (folder / "told.yaml").write_text(TOLD)
    rows = tmp_path / "rows.jsonl"
    given = ["--features", f"{tmp_path}/f.yaml", "--output", str(rows), "--keep-open"]
    assert cli.main(["rows", str(file), *given]) == 0
    changes = tmp_path / "changes.jsonl"
    assert cli.main(["backtest", str(file), "--segments", str(folder), "--output", str(changes)]) == 0
    told = [json.loads(line) for line in changes.read_text().splitlines()]
    live = {(each["user"], each["at"]): each["attach"]["p"] for each in told if each["attach"]["p"] is not None}
    last: dict[str, float] = {}
    expected = {}
    for row in map(json.loads, rows.read_text().splitlines()):
        found = forecast(model, numbers_of(row, model.columns))
        if last.get(row["user"]) != found:
            expected[row["user"], row["at"]] = last[row["user"]] = found
    assert len(set(expected.values())) > 10
    assert live == expected
