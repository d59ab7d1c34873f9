"""`shoal backtest` as a process: readers who leave, Ctrl-C, and the changes as somebody else's program reads them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOAL = [sys.executable, "-c", "import sys; from app.cli.main import main; sys.exit(main())"]
EVENTS = 20_000
TIMEOUT_S = 60


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with one segment, and a file of events that makes as many changes."""
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "seen.yaml").write_text("segment: seen\nwhen: exists(page within 7d)\n")
    lines = (
        json.dumps({"type": "page", "anonymousId": f"u{number}", "timestamp": "2026-01-05T00:00:00Z"})
        for number in range(EVENTS)
    )
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    return tmp_path


def start(shop: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [*SHOAL, "backtest", *arguments, "--segments", str(shop / "segments")]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.long
def test_a_reader_who_leaves_ends_it_quietly(shop: Path) -> None:
    with start(shop, str(shop / "events.jsonl"), "--output", "-") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["user"] == "u0"
        process.stdout.close()
        assert process.wait(TIMEOUT_S) == 128 + signal.SIGPIPE
        assert process.stderr.read() == b""


def test_ctrl_c_ends_it_quietly_and_leaves_nothing_half_done(shop: Path) -> None:
    events = shop / "endless.jsonl"
    os.mkfifo(events)
    with start(shop, str(events), "--output", str(shop / "changes.jsonl")) as process:
        assert process.stderr is not None
        with events.open("wb") as writing:  # opens when the process does
            writing.write((shop / "events.jsonl").read_bytes())
            writing.flush()
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_S) == 128 + signal.SIGINT
        assert b"Traceback" not in process.stderr.read()
    assert not (shop / "changes.jsonl").exists()
    assert not list(shop.glob(".*"))


def test_changes_of_a_pipe_are_those_of_the_file(shop: Path) -> None:
    events = shop / "events.pipe"
    os.mkfifo(events)
    with start(shop, str(events), "--output", str(shop / "piped.jsonl")) as process:
        with events.open("wb") as writing:
            writing.write((shop / "events.jsonl").read_bytes())
        assert process.wait(TIMEOUT_S) == 0
    with start(shop, str(shop / "events.jsonl"), "--output", str(shop / "changes.jsonl")) as process:
        assert process.wait(TIMEOUT_S) == 0
    assert (shop / "piped.jsonl").read_bytes() == (shop / "changes.jsonl").read_bytes()
    changes = [json.loads(line) for line in (shop / "changes.jsonl").read_text().splitlines()]
    assert [change["user"] for change in changes] == sorted(f"u{number}" for number in range(EVENTS))
