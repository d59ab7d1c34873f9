"""Commands that need a broker, a worker or Redis, beyond `--help` and errors: what is hostile in events and definitions
does not reach the terminal, and an output that nobody reads or that is full ends them as it does all others."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from app.cli import main as cli
from app.embedded import EmbeddedBroker, EmbeddedRedis
from tests.support.role_process import RoleProcess
from tests.support.waiting import wait_until
from tests.unit.cli.test_hostile_text import EVIL, acted_on, event
from tests.unit.cli.test_outputs_that_end import PROGRAM, output_of

EVENTS = (
    *(event(f"u-{number}{EVIL}", "Bought", a=EVIL) for number in range(4)),
    event("u-9", EVIL, a=EVIL),
    f'{{"a{EVIL}',
)
TELL_ON_STDERR = {
    "simulate a shop": "simulate --for 1s --rate 20",
    "simulate a file": "simulate --file events.jsonl",
}
TELL = {
    "verify": "verify --timeout 30s",
    "memberships verify": "memberships verify",
    "segments size": "segments size",
    "segments overlap": "segments overlap --small 1",
    "segments freshness": "segments freshness",
    "demo of a file": "demo --for 2s --file events.jsonl --speed 600",
}
COMMANDS = {**TELL_ON_STDERR, **TELL}


@dataclass
class Deployment:
    """A folder with definitions and events, and a broker and a Redis on which both have been processed."""

    folder: Path
    environment: dict[str, str]

    def run(
        self, command: str, *, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
    ) -> tuple[int, str, str]:
        """Exit code, output and errors."""
        environment = dict(self.environment)
        if command.startswith("demo"):
            del environment["KAFKA_BOOTSTRAP_SERVERS"]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *command.split()],
            check=False,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            timeout=110,
        )
        return done.returncode, done.stdout or "", done.stderr or ""


@pytest.fixture(scope="module")
def deployment(
    embedded_broker: EmbeddedBroker, embedded_redis: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("outputs")
    (folder / "segments").mkdir()
    title = json.dumps(f"T{EVIL}")
    (folder / "segments" / "buyers.yaml").write_text(
        f"segment: buyers\ntitle: {title}\ndescription: {title}\nwhen: exists('Bought')\n"
        "attach: {last: last(a of 'Bought')}\n"
    )
    (folder / "events.jsonl").write_text("\n".join(EVENTS) + "\n")
    (folder / "tmp").mkdir()
    made = Deployment(
        folder,
        {name: value for name, value in os.environ.items() if not name.startswith("SHOAL_")}
        | {
            "KAFKA_BOOTSTRAP_SERVERS": embedded_broker.bootstrap_servers,
            "REDIS_URL": embedded_redis.url,
            "SHOAL_APP_ID": "outputs",
            "SHOAL_TOPIC_PREFIX": "outputs.",
            "SHOAL_REDIS_PREFIX": "outputs:",
            "SHOAL_PARTITIONS": "1",
            "SHOAL_SEGMENTS": str(folder / "segments"),
            "SHOAL_IDLE_CLOCK": "off",
            "SHOAL_SESSION_TIMEOUT": "1s",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TMPDIR": str(folder / "tmp"),
        },
    )
    assert made.run("simulate --file events.jsonl")[0] == 0
    with (
        RoleProcess(["worker"], made.environment, folder / "worker.log"),
        RoleProcess(["memberships", "run"], made.environment, folder / "memberships.log"),
    ):
        wait_until(lambda: made.run("verify --timeout 60s")[0] == 0, within_s=100, what="the worker is through")
        wait_until(lambda: made.run("memberships verify")[0] == 0, within_s=60, what="memberships are there")
        yield made


KINDS = (
    ("pipe", cli.EXIT_BROKEN_PIPE),
    pytest.param("full", cli.EXIT_USER_ERROR, marks=pytest.mark.long),
)
"""Outputs that take nothing, and the exit code of each."""


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.long
def test_a_command_that_does_its_work_lets_no_control_characters_through(command: str, deployment: Deployment) -> None:
    code, out, err = deployment.run(command)
    assert code == 0, err
    assert out + err, "it says something"
    assert acted_on(out + err) == set()


def test_memberships_that_are_wrong_are_named_as_text(deployment: Deployment) -> None:
    with redis.Redis.from_url(deployment.environment["REDIS_URL"]) as client:
        (user, *_) = client.zrange("outputs:segment:buyers", 0, -1)
        client.zrem("outputs:segment:buyers", user)
    code, out, _ = deployment.run("memberships verify")
    assert code == 1
    assert "[/b][link=x]\\x1b[31m" in out
    assert acted_on(out) == set()


@pytest.mark.parametrize("process", ["worker", "memberships"])
def test_a_process_logs_no_control_characters(process: str, deployment: Deployment) -> None:
    assert acted_on((deployment.folder / f"{process}.log").read_text()) == set()


@pytest.mark.parametrize(("kind", "code"), KINDS)
@pytest.mark.parametrize("command", TELL.values(), ids=TELL)
@pytest.mark.long
def test_an_output_that_takes_nothing_ends_a_command_that_does_its_work(
    command: str, kind: str, code: int, deployment: Deployment
) -> None:
    with output_of(kind) as descriptor:
        ended, _, err = deployment.run(command, stdout=descriptor)
    assert ended == code, err
    assert "Traceback" not in err
    left = [path for path in (deployment.folder / "tmp").iterdir() if path.name.startswith("shoal")]
    assert not left, "what it made is removed"


@pytest.mark.parametrize(("kind", "code"), KINDS)
@pytest.mark.parametrize("command", TELL_ON_STDERR.values(), ids=TELL_ON_STDERR)
def test_so_does_one_that_tells_its_progress_on_standard_error(
    command: str, kind: str, code: int, deployment: Deployment
) -> None:
    with output_of(kind) as descriptor:
        assert deployment.run(command, stderr=descriptor)[0] == code


@pytest.mark.parametrize(("kind", "code"), KINDS)
def test_so_does_one_that_makes_memberships_anew(kind: str, code: int, deployment: Deployment) -> None:
    with output_of(kind) as descriptor:
        assert deployment.run("memberships rebuild", stdout=descriptor)[0] == code
