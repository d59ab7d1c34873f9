"""Reports out of the files of `shoal warehouse`, with logins, and the example of the docs."""

import gzip
import json
import shlex
from pathlib import Path

import pytest

from app.cli import main as cli
from tests.unit.offline.test_uplift_warehouse import Shop
from tests.unit.reports.test_reports import Story, run
from tests.warehouse.making import START_MS

USERS = 300
PAGE = Path(__file__).parents[3] / "docs" / "reports.md"


def test_groups_convert_as_shoal_uplift_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(lift=0.1)
    for number in range(USERS):
        guest = {"as_guest": f"g-{number}"} if number % 5 == 0 else {}
        shop.visit(f"u-{number}", START_MS + number * 600_000, **guest)
    shop.export(tmp_path)
    words = ["uplift", "--warehouse", str(tmp_path), "--experiment", "cart-mail", "--goal", "Order Completed"]
    assert cli.main([*words, "--within", "1d", "--json"]) == 0
    groups = json.loads(capsys.readouterr().out)["groups"]
    wanted = {
        f"cart-mail: {group['group']}": (group["users"], round(group["mean"] * group["users"])) for group in groups
    }
    found = run(["experiments", "--warehouse", str(tmp_path), "--window", "1d"], capsys)
    assert {row["group"]: (row["users"], row["converted"]) for row in found["groups-1d"]} == wanted
    assert all(converted > 0 for _, converted in wanted.values())
    assert sum(row["users"] for row in found["groups-lifetime"]) == USERS


def test_what_a_visitor_did_before_the_login_counts_for_the_user(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(lift=0.0)
    shop.say("g-1", START_MS, "Product Added", anonymousId="g-1")
    shop.say("u-1", START_MS + 1_000, "Logged In", userId="u-1", anonymousId="g-1")
    shop.say("g-1", START_MS + 2_000, "Order Completed", anonymousId="g-1")
    shop.export(tmp_path)
    found = run(["conversion", "--warehouse", str(tmp_path)], capsys)
    rows = {row["segment"]: (row["users"], row["converted"], row["value"]) for row in found["segments-lifetime"]}
    assert rows == {"(all users)": (1, 1, 20.0), "cart": (1, 1, 20.0)}


def test_the_examples_of_the_page_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [line for line in PAGE.read_text().splitlines() if line.startswith("shoal ")]
    assert [command.split()[1] for command in commands] == ["report", "backtest", "report", "report"]
    monkeypatch.chdir(tmp_path)
    Story(1).write(tmp_path)
    Path("events.jsonl.gz").write_bytes(gzip.compress(Path("events.jsonl").read_bytes()))
    Path("changes.jsonl").unlink()
    Path("my-segments").mkdir()
    Path("my-segments", "viewers.yaml").write_text("segment: viewers\nwhen: exists('Viewed' within 1d)\n")
    for command in commands[1:]:
        assert cli.main(shlex.split(command)[1:]) == 0, command
    assert "viewers" in capsys.readouterr().out
    assert "<svg" in Path("report.html").read_text()
