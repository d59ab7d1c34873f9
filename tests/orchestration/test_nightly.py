"""nightly.sh and the programs beside it, on a broker and a Redis."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.orchestration.conftest import EXAMPLES, Shop


def run(program: str, *arguments: str, given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / program), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)


def fresh(segment: str, last_event: str | None) -> dict[str, Any]:
    return {"segment": segment, "last_change": None, "last_event": last_event, "kinds": ["'A'"], "missing": []}


def test_segments_without_events_are_named() -> None:
    rows = [
        fresh("on-time", "2026-01-05T10:00:00.000Z"),
        fresh("late", "2026-01-05T09:59:59.999Z"),
        fresh("never", None),
    ]
    report = json.dumps({"at": "2026-01-05T12:00:00.000Z", "segments": rows})
    said = run("check_segments.py", "freshness", "--hours", "2", given=report)
    assert said.stdout.splitlines() == [
        "late: its last event came at 2026-01-05T09:59:59.999Z",
        "never: none of its events was found: 'A'",
        "3 segments, 2 to look at",
    ]
    assert said.returncode == 1
    assert run("check_segments.py", "freshness", "--hours", "3", given=report).stdout.count(":") == 2
    rows.pop()
    report = json.dumps({"at": "2026-01-05T12:00:00.000Z", "segments": rows})
    assert run("check_segments.py", "freshness", "--hours", "3", given=report).returncode == 0


def test_the_latest_publication_is_the_last_line() -> None:
    lines = "".join(json.dumps({"publication": {"number": number}}) + "\n" for number in (1, 2))
    assert run("latest_publication.py", given=lines).stdout == "2\n"
    assert run("latest_publication.py", given="\n").stdout == "none\n"


async def nightly(shop: Shop) -> subprocess.CompletedProcess[str]:
    command = [str(EXAMPLES / "nightly.sh")]
    return await asyncio.to_thread(
        subprocess.run,
        command,
        env=shop.environment,
        cwd=shop.root,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def logs(folder: Path) -> str:
    return "\n".join(f"{path.name}: {path.read_text()}" for path in sorted(folder.glob("*.log")))


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_night_makes_reports_and_a_model_and_finds_what_is_wrong(shop: Shop) -> None:
    out = shop.root / "out"
    publish = ["shoal", "publish", "segments"]
    await asyncio.to_thread(subprocess.run, publish, env=shop.environment, cwd=shop.root, check=True)
    done = await nightly(shop)
    assert done.returncode == 0, done.stderr + logs(out)
    assert done.stdout.splitlines() == ["report: done", "train: done", "freshness: done", "drift: done"]
    assert "<html" in (out / "report.html").read_text()
    assert json.loads((out / "model.json").read_text())["features"] == "viewers"
    assert list((shop.root / "warehouse").glob("events/*/*.parquet"))
    await shop.filled.enter("high-value", [f"more-{number}" for number in range(3_000)])
    (shop.root / "features.yaml").unlink()
    again = await nightly(shop)
    assert again.returncode == 1
    assert again.stdout.splitlines() == ["report: done", "freshness: done"]
    assert [line.partition(",")[0] for line in again.stderr.splitlines()] == ["train: failed", "drift: failed"]
    assert (out / "drift.log").read_text().splitlines() == [
        "cart-abandoned: 50.0% of all memberships before, 8.3% now",
        "2 segments, 1 to look at",
    ]
