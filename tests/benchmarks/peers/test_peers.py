"""Peers are started and measured, without a broker and without installing anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.peers import environments
from tests.benchmarks.peers.comparison import PEERS
from tests.benchmarks.peers.moments import Moment
from tests.benchmarks.peers.peer import PeerUnavailableError, Start
from tests.benchmarks.peers.python_jobs import PYTHON_PEERS
from tests.benchmarks.peers.running import Measured, Run, cpu_s
from tests.benchmarks.peers.shoal_job import SHOAL, read_change
from tests.benchmarks.synthetic import START_MS
from tests.support.waiting import wait_until

START = Start("127.0.0.1:9", "events", "run-1", Path("state"), "exactly-once")


def test_each_way_of_running_has_a_name_of_its_own() -> None:
    names = [(peer.name, delivery) for peer in (*SHOAL, *PEERS) for delivery in peer.deliveries]
    assert len(set(names)) == len(names)


def test_programs_are_started_with_what_they_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.benchmarks.peers.python_jobs.python_of", lambda name: Path(name))
    for peer in PYTHON_PEERS:
        _, module, program, *arguments = peer.command(START)
        assert module == "-m"
        assert Path(*program.split(".")).with_suffix(".py").is_file()
        assert arguments[:6] == ["127.0.0.1:9", "events", "run-1", "state", "--delivery", "exactly-once"]


def test_shoal_reads_and_writes_the_same_topics() -> None:
    for peer in SHOAL:
        command = peer.command(START)
        assert {"topic_clickstream=events", "topic_changes=run-1", "delivery=exactly-once"} <= set(command)


def test_a_change_of_shoal_is_read() -> None:
    value = b'{"user":"u1","segment":"buyers","change":"exited","at":"2026-01-05T00:00:00.017Z","times":1}'
    assert read_change(value) == Moment("u1", "buyers", "left", START_MS + 17)


def test_what_cannot_be_installed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.txt").write_text("./no-such-package\n")
    monkeypatch.setattr(environments, "LISTS", tmp_path)
    monkeypatch.setattr(environments, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(sys, "executable", "/usr/bin/false")
    with pytest.raises(PeerUnavailableError, match="broken cannot be installed"):
        environments.python_of("broken")
    assert not list((tmp_path / "cache" / "peers" / "broken").glob("*[!k]"))


def test_what_start_and_warm_up_take_is_apart() -> None:
    """Each event takes 10 us of CPU and 20 of the clock; the start 3 s and 5 s."""
    measured = Measured(Run(400_000, 5.0 + 8.0, 3.0 + 4.0, ""), Run(1_000_000, 5.0 + 20.0, 3.0 + 10.0, ""))
    assert measured.complete
    assert measured.events == 600_000
    assert measured.events_a_s == 50_000
    assert measured.cpu_s_a_million == 10
    assert measured.start_cpu_s == 3


def test_output_that_comes_all_at_once_changes_no_figure() -> None:
    """As with checkpoints: nothing is seen before the end. What counts is the work until then."""
    by_and_by = Measured(Run(400, 4.0, 2.0, ""), Run(1_000, 10.0, 5.0, ""))
    at_once = Measured(Run(400, 4.5, 2.0, ""), Run(1_000, 10.5, 5.0, ""))
    assert at_once.cpu_s_a_million == by_and_by.cpu_s_a_million
    assert at_once.events_a_s == by_and_by.events_a_s


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (Run(400, 4.0, 2.0, "1 missing"), Run(1_000, 10.0, 5.0, "")),
        (Run(400, 4.0, 2.0, ""), Run(1_000, 10.0, 5.0, "1 missing")),
        (Run(400, 4.0, 2.0, ""), Run(1_000, 10.0, 2.0, "")),
    ],
)
def test_runs_that_are_wrong_or_do_not_differ_have_no_figures(short: Run, long: Run) -> None:
    assert not Measured(short, long).complete


def test_a_busy_machine_spoils_the_time_and_not_the_cpu_time() -> None:
    measured = Measured(Run(400, 12.7, 2.0, ""), Run(1_000, 12.6, 5.0, ""))
    assert measured.complete
    assert not measured.timed
    assert measured.cpu_s_a_million == 5_000


def test_cpu_time_of_children_counts() -> None:
    loop = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    process = subprocess.Popen([sys.executable, "-c", loop], start_new_session=True)
    try:
        wait_until(lambda: cpu_s(process.pid) > 0.3, within_s=30, what="the child has used CPU time")
    finally:
        os.killpg(process.pid, 9)
        process.wait()
