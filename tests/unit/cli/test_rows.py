"""`shoal rows`: files of every format, and errors."""

import json
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from app.cli import main as cli
from app.offline.row_files import METADATA, RowsMetadata

FEATURES = """\
features: third-view
moments: count('Viewed' within 1h) >= 3
values: {views: count('Viewed' within 2h), plan: traits.plan, when: user.first_seen, tags: last(tags of 'Viewed')}
labels: {bought: exists('Bought' within next 2h)}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "f.yaml").write_text(FEATURES)
    events = [
        {"type": "track", "event": event, "userId": f"u{n % 2}\x1b[31m", "timestamp": f"2026-01-05T10:{n:02}:00Z"}
        | {"properties": {"tags": ["a", 1]}}
        for n, event in enumerate(["Viewed"] * 6 + ["Bought"])
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return tmp_path


def rows(shop: Path, output: str, *options: str) -> int:
    given = ["rows", str(shop / "events.jsonl"), "--features", str(shop / "f.yaml"), "--output", str(shop / output)]
    return cli.main([*given, *options])


UNTIL = ("--until", "2026-01-06T00:00:00Z")


def test_parquet_has_types_and_says_what_made_it(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rows(shop, "rows.parquet", *UNTIL) == 0
    table = pq.read_table(shop / "rows.parquet")
    assert dict(zip(table.schema.names, map(str, table.schema.types), strict=True)) == {
        **dict.fromkeys(("user", "at", "when", "tags"), "string"),
        **dict.fromkeys(("views", "plan"), "double"),
        "bought": "bool",
    }
    assert table.column("bought").to_pylist() == [True, False]
    metadata = msgspec.json.decode((table.schema.metadata or {})[METADATA], type=RowsMetadata)
    assert (metadata.features, metadata.labels, metadata.ahead_ms) == ("third-view", ("bought",), {"bought": 7_200_000})
    assert "2 rows of 2 users, out of 7 events" in capsys.readouterr().out


def test_json_lines_and_csv_have_the_same_rows(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rows(shop, "rows.jsonl", *UNTIL) == rows(shop, "rows.csv", *UNTIL) == 0
    first = json.loads((shop / "rows.jsonl").read_text().splitlines()[0])
    assert first["user"] == "u0\x1b[31m"
    assert (first["views"], first["plan"], first["bought"]) == (3, None, True)
    header, line, *_ = (shop / "rows.csv").read_text().splitlines()
    assert header == ",".join(first)
    assert line.endswith(",true")
    assert "\x1b[31m" not in capsys.readouterr().out


def test_a_row_without_a_label_is_left_out_and_told(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rows(shop, "rows.jsonl") == 0
    assert (shop / "rows.jsonl").read_text() == ""
    assert "2 rows left out: labels look beyond the last event" in capsys.readouterr().out
    assert rows(shop, "rows.jsonl", "--keep-open") == 0
    assert [json.loads(line)["bought"] for line in (shop / "rows.jsonl").read_text().splitlines()] == [None, None]


@pytest.mark.parametrize(
    ("change", "output", "message"),
    [
        ("", "rows.xls", "does not say its format"),
        ("", "nowhere/rows.csv", "there is no folder"),
        ("  ", "rows.csv", "1 problem in"),
        ("missing", "rows.csv", "there is no file"),
        ("enters", "rows.csv", "looks for entries of vip, but there is no such segment"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_event_is_read(
    shop: Path, capsys: pytest.CaptureFixture[str], change: str, output: str, message: str
) -> None:
    file = shop / "f.yaml"
    if change == "missing":
        file.unlink()
    elif change == "enters":
        file.write_text(FEATURES.replace("exists('Bought' within next 2h)", "\"enters('vip' within next 2h)\""))
    elif change:
        file.write_text(FEATURES.replace("count('Viewed' within 2h)", "cuont('Viewed' within 2h)"))
    (shop / "events.jsonl").unlink()
    assert rows(shop, output) == 2
    assert message in capsys.readouterr().err
