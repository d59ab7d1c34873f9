"""`shoal demo` without a terminal, from outside: what it prints, how it ends, and that nothing stays."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.waiting import wait_until

COMMAND = "import sys; from app.cli.main import main; sys.exit(main())"
CHANGE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (\S+) (entered|exited|updated) ([a-z0-9-]+): .+$", re.MULTILINE)
LEFT_WITHIN_S = 5.0
STARTED_WITHIN_S = 40.0


class Run:
    """A demo that runs, with the processes below it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.output = folder / "output"
        environment = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}
        environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder / "tmp")}
        (folder / "tmp").mkdir()
        self.temporary = folder / "tmp"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, "demo", "--seed", "1", *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.below: dict[int, str] = {}

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")

    @property
    def segments(self) -> set[str]:
        return {segment for _, _, segment in CHANGE.findall(self.text)}

    def look(self) -> dict[int, str]:
        """All processes below the demo, remembered for the end."""
        listing = subprocess.run(["ps", "-ewwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
        processes = [line.split(None, 2) for line in listing.splitlines()]
        known = {self.process.pid}
        while found := {int(p) for p, parent, *_ in processes if int(parent) in known and int(p) not in known}:
            known |= found
        self.below |= {int(p): " ".join(args) for p, _, *args in processes if int(p) in known - {self.process.pid}}
        return self.below

    def changes_seen(self) -> bool:
        self.look()
        assert self.process.poll() is None, self.text
        return bool(self.segments)

    def nothing_left(self) -> bool:
        return not [pid for pid in self.below if _lives(pid)] and not list(self.temporary.iterdir())


def _lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        return not state.strip().startswith("Z") and bool(state.strip())
    return False


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[list[Run]]:
    runs: list[Run] = []
    yield runs
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait(10)


def start(demo: list[Run], folder: Path, *options: str) -> Run:
    demo.append(Run(folder, *options))
    return demo[-1]


@pytest.mark.long
def test_shows_changes_of_several_segments_and_ends_by_itself(demo: list[Run], tmp_path: Path) -> None:
    run = start(demo, tmp_path, "--for", "20s")
    wait_until(run.changes_seen, within_s=STARTED_WITHIN_S)
    assert len(run.below) >= 4, "a broker and a worker, each with its guard"
    assert run.process.wait(40) == 0, run.text
    assert len(run.segments) >= 3, run.text
    assert "changes, the first after" in run.text
    assert re.search(r"members: .*[a-z-]+ [1-9]", run.text)
    wait_until(run.nothing_left, within_s=LEFT_WITHIN_S)


@pytest.mark.long
def test_a_segment_that_compares_with_all_users_fills(demo: list[Run], tmp_path: Path) -> None:
    (tmp_path / "segments").mkdir()
    views = "count('Product Viewed' within 7d)"
    definition = f"segment: most-curious\nenter: {views} >= top(10%)\nexit: {views} < top(20%)\n"
    (tmp_path / "segments" / "most-curious.yaml").write_text(definition)
    run = start(demo, tmp_path, "--segments", str(tmp_path / "segments"))
    wait_until(run.changes_seen, within_s=2 * STARTED_WITHIN_S)
    assert run.segments == {"most-curious"}
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(15) == 0, run.text
    wait_until(run.nothing_left, within_s=LEFT_WITHIN_S)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, *(pytest.param(each, marks=pytest.mark.long) for each in (signal.SIGTERM, signal.SIGHUP))]
)
def test_a_signal_ends_it_with_a_summary(demo: list[Run], tmp_path: Path, number: signal.Signals) -> None:
    run = start(demo, tmp_path)
    wait_until(run.changes_seen, within_s=STARTED_WITHIN_S)
    run.process.send_signal(number)
    assert run.process.wait(15) == 0, run.text
    assert "from an event to its change" in run.text
    assert "Traceback" not in run.text
    wait_until(run.nothing_left, within_s=LEFT_WITHIN_S)


def test_a_signal_while_it_starts_leaves_nothing(demo: list[Run], tmp_path: Path) -> None:
    run = start(demo, tmp_path)
    wait_until(run.look, within_s=STARTED_WITHIN_S)  # the broker starts first
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(15) in (0, 130), run.text
    assert "Traceback" not in run.text
    wait_until(run.nothing_left, within_s=LEFT_WITHIN_S)


@pytest.mark.long
def test_even_when_it_is_killed_nothing_is_left(demo: list[Run], tmp_path: Path) -> None:
    run = start(demo, tmp_path)
    wait_until(run.changes_seen, within_s=STARTED_WITHIN_S)
    run.process.kill()
    run.process.wait(10)
    wait_until(run.nothing_left, within_s=LEFT_WITHIN_S)


@pytest.mark.long
def test_a_worker_that_dies_is_told_with_its_last_words(demo: list[Run], tmp_path: Path) -> None:
    run = start(demo, tmp_path)
    wait_until(run.changes_seen, within_s=STARTED_WITHIN_S)
    workers = [pid for pid, args in run.look().items() if args.endswith(" worker") and "guard.py" not in args]
    assert len(workers) == 1, run.below
    os.kill(workers[0], signal.SIGKILL)
    assert run.process.wait(15) == 1, run.text
    assert "worker 1 has ended by itself" in run.text
    assert "assigned 4 of 4 partitions" in run.text, "its last log lines"
    wait_until(run.nothing_left, within_s=LEFT_WITHIN_S)


@pytest.mark.long
def test_a_broker_that_dies_is_told(demo: list[Run], tmp_path: Path) -> None:
    run = start(demo, tmp_path)
    wait_until(run.changes_seen, within_s=STARTED_WITHIN_S)
    brokers = [pid for pid, args in run.look().items() if "tansu broker" in args and "guard.py" not in args]
    assert len(brokers) == 1, run.below
    os.kill(brokers[0], signal.SIGKILL)
    assert run.process.wait(25) == 1, run.text
    assert "the embedded broker has ended by itself" in run.text
    wait_until(run.nothing_left, within_s=LEFT_WITHIN_S)


def test_bad_definitions_are_told_before_anything_starts(demo: list[Run], tmp_path: Path) -> None:
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "a.yaml").write_text("segment: a\nwhen: cart.itmes > 0\n")
    run = start(demo, tmp_path, "--segments", str(tmp_path / "segments"))
    assert run.process.wait(20) == 2
    assert "cart.itmes" in run.text
    assert not run.below
