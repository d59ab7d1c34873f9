"""docs/features.md: its features file makes rows of a simulated shop, and each key of the file is in its table."""

import json
import random
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli
from app.offline.feature_rows import Row
from app.offline.row_files import columns_of, metadata_of, write_parquet
from app.segments.definitions.features_file import FEATURES, read_features_file
from tests.support.models import classes_text, model_text
from tools.docs_pages import ROOT

PAGE = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
LIKELY = re.findall(r"```yaml likely\n(.*?)```", PAGE, re.DOTALL)[0]
NEXT = re.findall(r"```yaml next\n(.*?)```", PAGE, re.DOTALL)[0]
NEXT_FEATURES = re.findall(r"```yaml next-features\n(.*?)```", PAGE, re.DOTALL)[0]
CHURN = re.findall(r"```yaml churn\n(.*?)```", PAGE, re.DOTALL)[0]
EXAMPLE = re.findall(r"```yaml features\n(.*?)```", PAGE, re.DOTALL)[0]


def test_the_table_has_every_key() -> None:
    told = set(re.findall(r"`([a-z]+)(?:: wait)?`", "".join(re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE))))
    assert told == set(FEATURES.names)


def test_the_example_makes_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fifth-page.yaml"
    file.write_text(EXAMPLE)
    events = tmp_path / "events.jsonl"
    pages = [{"type": "page", "userId": "u-1", "timestamp": f"2026-01-05T10:0{n}:00Z"} for n in range(5)]
    order = {"type": "track", "event": "Order Completed", "userId": "u-1", "timestamp": "2026-01-05T12:00:00Z"}
    events.write_text("".join(json.dumps(each) + "\n" for each in (*pages, order | {"properties": {"revenue": 20}})))
    until = ["--until", "2026-01-20T00:00:00Z"]
    assert cli.main(["rows", str(events), "--features", str(file), "--output", f"{tmp_path}/rows.csv", *until]) == 0
    header, row = (tmp_path / "rows.csv").read_text().splitlines()
    assert header == "user,at,views_7d,adds_7d,orders_30d,cart_value,source,order_24h,revenue_7d"
    assert row == "u-1,2026-01-05T10:04:00.000Z,0.0,0.0,0.0,0.0,,true,20.0"
    assert "1 row of 1 user" in capsys.readouterr().out


def test_the_model_is_used_by_a_definition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "segments"
    folder.mkdir()
    (folder / "likely-buyers.yaml").write_text(LIKELY)
    (folder / "orders.model.json").write_text(model_text())
    events = tmp_path / "events.jsonl"
    seen: list[dict[str, Any]] = [
        {"type": "track", "event": event, "userId": "u-1", "timestamp": f"2026-01-05T10:{minute:02}:00Z"}
        for minute, event in enumerate(("Product Viewed", "Product Added", "Page Liked", "Product Viewed"))
    ]
    seen[1]["properties"] = {"product_id": "a", "price": 5}
    events.write_text("".join(json.dumps(each) + "\n" for each in seen))
    assert cli.main(["validate", str(folder)]) == 0
    assert "1 segment, 1 model: no problems" in capsys.readouterr().out
    assert cli.main(["plan", str(folder)]) == 0
    assert "after model likely" in capsys.readouterr().out
    assert cli.main(["backtest", str(events), "--segments", str(folder), "--output", f"{tmp_path}/changes.jsonl"]) == 0
    (change,) = map(json.loads, (tmp_path / "changes.jsonl").read_text().splitlines())
    assert (change["segment"], change["at"]) == ("likely-buyers", "2026-01-05T10:03:00.000Z")
    assert change["attach"] == {"probability": 0.731059}
    because = {"views": 2.0, "plan": -0.125}
    assert change["evidence"][0] == {"expression": "model('likely') > 0.3", "value": 0.731059, "because": because}


def test_a_model_of_another_library_is_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    features = read_features_file("fifth-page.yaml", EXAMPLE).features
    assert features is not None
    chance, made = random.Random(3), []
    for place in range(600):
        views, adds, spent = chance.randrange(9), chance.randrange(3), chance.choice((0, 19.99, 250))
        ordered = chance.random() < (views + 3 * adds) / 20
        made.append(Row(f"u{place}", place * 3_600_000, (views, adds, 0, spent, None), (ordered, spent * ordered)))
    columns = columns_of(features, made)
    write_parquet(tmp_path / "rows.parquet", columns, metadata_of(features, columns))
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python foreign\n(.*?)```", PAGE, re.DOTALL)[0]
    exec(compile(code, "docs/features.md", "exec"), {})
    (command,) = re.findall(r"```sh convert\nshoal (.*?)\n```", PAGE, re.DOTALL)
    assert cli.main(shlex.split(command)) == 0
    assert "600 rows" in capsys.readouterr().out
    assert cli.main(["validate", str(tmp_path)]) == 0


def test_who_will_be_gone_is_a_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "visits.yaml").write_text(CHURN)
    visits = (("u-1", 1), ("u-2", 2), ("u-2", 20), ("u-1", 28), ("u-2", 28), ("u-1", 31))
    events = tmp_path / "events.jsonl"
    events.write_text(
        "".join(
            json.dumps({"type": "page", "userId": user, "timestamp": f"2026-01-{day:02}T10:00:00Z"}) + "\n"
            for user, day in sorted(visits, key=lambda each: each[1])
        )
    )
    given = ["--features", f"{tmp_path}/visits.yaml", "--until", "2026-02-21T00:00:00Z"]
    assert cli.main(["rows", str(events), *given, "--output", f"{tmp_path}/rows.jsonl"]) == 0
    rows = map(json.loads, (tmp_path / "rows.jsonl").read_text().splitlines())
    assert [(row["user"], row["at"][8:10], row["gone"]) for row in rows] == [
        ("u-1", "01", False),
        ("u-2", "02", False),
        ("u-2", "20", False),
    ]
    capsys.readouterr()


def write_segments(folder: Path, *, soon: bool) -> Path:
    folder.mkdir()
    (folder / "buyers.yaml").write_text("segment: buyers\nwhen: exists('Order Completed' within 7d)\n")
    (folder / "bargain-hunters.yaml").write_text("segment: bargain-hunters\nwhen: exists('Sale Viewed' within 7d)\n")
    if soon:
        (folder / "soon-buyers.yaml").write_text(NEXT)
        (folder / "next.model.json").write_text(classes_text())
    return folder


def test_the_label_of_the_next_segment_makes_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shoppers.yaml").write_text(NEXT_FEATURES)
    segments = write_segments(tmp_path / "segments", soon=False)
    said: list[dict[str, Any]] = []
    for user, event in (("u-1", "Order Completed"), ("u-2", "Sale Viewed"), ("u-3", "Other")):
        said += [{"type": "page", "userId": user, "timestamp": f"2026-01-05T10:0{n}:00Z"} for n in range(3)]
        said.append({"type": "track", "event": event, "userId": user, "timestamp": "2026-01-05T12:00:00Z"})
    events = tmp_path / "events.jsonl"
    events.write_text("".join(f"{json.dumps(each)}\n" for each in sorted(said, key=lambda each: each["timestamp"])))
    given = ["--features", f"{tmp_path}/shoppers.yaml", "--segments", str(segments), "--until", "2026-01-20T00:00:00Z"]
    assert cli.main(["rows", str(events), *given, "--output", f"{tmp_path}/rows.jsonl"]) == 0
    rows = map(json.loads, (tmp_path / "rows.jsonl").read_text().splitlines())
    assert [row["next"] for row in rows] == ["buyers", "bargain-hunters", "none"]
    capsys.readouterr()


def test_the_next_segment_is_used_by_a_definition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_segments(tmp_path / "segments", soon=True)
    events = tmp_path / "events.jsonl"
    seen = [
        {"type": "track", "event": "Product Viewed", "userId": "u-1", "timestamp": f"2026-01-05T10:{minute:02}:00Z"}
        for minute in (0, 2, 4)
    ]
    events.write_text("".join(json.dumps(each) + "\n" for each in seen))
    assert cli.main(["validate", str(folder)]) == 0
    assert "3 segments, 1 model: no problems" in capsys.readouterr().out
    assert cli.main(["backtest", str(events), "--segments", str(folder), "--output", f"{tmp_path}/changes.jsonl"]) == 0
    (change,) = map(json.loads, (tmp_path / "changes.jsonl").read_text().splitlines())
    assert (change["segment"], change["at"]) == ("soon-buyers", "2026-01-05T10:02:00.000Z")
    first = change["evidence"][0]
    assert first["expression"] == "model('next').buyers > 0.4"
    assert first["value"] == change["attach"]["buying"]
    assert first["because"] == {"views": 2.0, "plan": -0.25}
