"""Commands whose output nobody reads, or for which a disk has no room: no traceback, and an exit code that says it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from app.cli import main as cli
from app.embedded import EmbeddedBroker

PROGRAM = "import sys; from shoal.launcher import main; sys.exit(main())"
GOOD = (
    "segment: buyers\nwhen: exists('Bought')\ntests:\n  - name: buys\n    events: [{at: 0m, event: Bought}]\n"
    "    expect: [{at: 1m, in: true}]\n"
)
EVENT = '{"type":"track","event":"Bought","userId":"u-1","timestamp":"2026-01-05T10:00:00Z"}\n'
DESTINATION = "destination: d\nurl: https://example.com/\n"

HELPS = tuple(f"{name} --help" for name in cli.COMMANDS)
WRITES = (
    "--version",
    "--help",
    "validate good",
    "validate --schema -",
    "test good",
    "plan good",
    "backtest events.jsonl --segments good",
    "backtest events.jsonl --segments good --output -",
    "backtest events.jsonl --diff good other",
    "explain events.jsonl --segments good --segment buyers --user u-1",
    "destinations check destinations",
    "keys new write",
    "topics acls",
)
"""Commands that write to standard output and end with 0."""
FAILS = ("validate wrong", "worker --segments wrong", "nothing", "plan nowhere", "test --frobnicate")
"""Commands that write to standard error and end with 1 or 2."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("outputs")
    for name, file, text in (
        ("good", "buyers.yaml", GOOD),
        ("other", "buyers.yaml", "segment: buyers\nwhen: exists('Bought') and count('Bought') > 1\n"),
        ("wrong", "wrong.yaml", "segment: wrong\nwhen: nothing()\n"),
        ("destinations", "d.yaml", DESTINATION),
    ):
        (made / name).mkdir()
        (made / name / file).write_text(text)
    (made / "events.jsonl").write_text(EVENT * 3)
    return made


@contextmanager
def output_of(kind: str) -> Iterator[int]:
    """A file descriptor that takes nothing: a pipe without a reader, or a device without room."""
    if kind == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, descriptor = os.pipe()
        os.close(reader)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def run(command: str, folder: Path, *, stdout: int, stderr: int = subprocess.PIPE) -> tuple[int, str]:
    """Exit code and standard error."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command.split()],
        check=False,
        cwd=folder,
        stdout=stdout,
        stderr=stderr,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.returncode, done.stderr or ""


@cache
def usual_end(command: str, folder: Path) -> tuple[int, str]:
    """Exit code and standard error where both outputs take everything."""
    return run(command, folder, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("command", [*WRITES, *(pytest.param(each, marks=pytest.mark.long) for each in HELPS)])
@pytest.mark.long
def test_a_reader_who_leaves_ends_a_command_as_sigpipe_does(command: str, folder: Path) -> None:
    with output_of("pipe") as descriptor:
        assert run(command, folder, stdout=descriptor) == (cli.EXIT_BROKEN_PIPE, "")


@pytest.mark.parametrize("command", [*WRITES, *(pytest.param(each, marks=pytest.mark.long) for each in HELPS)])
@pytest.mark.long
def test_a_full_disk_is_an_error_that_says_so(command: str, folder: Path) -> None:
    with output_of("full") as descriptor:
        code, said = run(command, folder, stdout=descriptor)
    assert (code, said) == (cli.EXIT_USER_ERROR, "error: cannot write the output: No space left on device\n")


@pytest.mark.parametrize("kind", ["pipe", pytest.param("full", marks=pytest.mark.long)])
@pytest.mark.parametrize("command", FAILS)
@pytest.mark.long
def test_an_error_that_nobody_reads_keeps_its_exit_code(command: str, kind: str, folder: Path) -> None:
    usual, said = usual_end(command, folder)
    assert usual in (1, 2)
    assert "Traceback" not in said
    with output_of(kind) as descriptor:
        code, _ = run(command, folder, stdout=subprocess.DEVNULL, stderr=descriptor)
    assert code in (usual, cli.EXIT_BROKEN_PIPE)


@pytest.mark.parametrize("command", ["--help", "validate good", "backtest events.jsonl --segments good --output -"])
def test_a_closed_output_is_no_error(command: str, folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {command} >&-', sys.executable, PROGRAM],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("pipe", cli.EXIT_BROKEN_PIPE),
        pytest.param("full", cli.EXIT_USER_ERROR, marks=pytest.mark.long),
    ],
)
@pytest.mark.long
def test_so_do_commands_that_ask_a_broker(
    kind: str, code: int, folder: Path, embedded_broker: EmbeddedBroker, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", embedded_broker.bootstrap_servers)
    monkeypatch.setenv("SHOAL_TOPIC_PREFIX", f"{unique}.")
    monkeypatch.setenv("SHOAL_PARTITIONS", "1")
    for command in (
        "topics create --segments good",
        "topics check --segments good",
        "publish good",
        "catalog",
        "replay",
        "destinations status destinations",
        "local",
    ):
        with output_of(kind) as descriptor:
            assert run(command, folder, stdout=descriptor)[0] == code, command
