"""The example of a function in Google's Functions Framework: `shoal destinations` calls it over HTTP.

The framework is in an environment of its own, as it needs another version of the package cloudevents than ours has.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.configuration.setting_value import SHIPPED
from app.destinations.changes import prepare
from app.destinations.http.http_connection import HttpConnection
from app.destinations.outcome import Fate
from tests.destinations.making import change, destination, plain
from tests.support.kafka_node import free_ports
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
FRAMEWORK = "functions-framework==3.10.2"
CACHE = ROOT / ".cache" / "functions"
SECRET = "a secret for tests only"
INSTALL_TIMEOUT_S = 240


def framework() -> Path:
    """The program; skips the test where the package cannot be had."""
    place = CACHE / FRAMEWORK
    if not place.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.is_dir():
                _install(place)
    return place / "bin" / "python"


def _install(place: Path) -> None:
    partial = place.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    uv = str(Path(sys.executable).parent / "uv")
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(partial)],
        [uv, "pip", "install", "--quiet", "--python", str(partial / "bin" / "python"), FRAMEWORK],
    ):
        try:
            subprocess.run(command, capture_output=True, timeout=INSTALL_TIMEOUT_S, check=True)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"{FRAMEWORK} could not be installed: {error}")
    partial.rename(place)


@contextmanager
def serving(log: Path) -> Iterator[int]:
    """The function in the framework; its port."""
    (port,) = free_ports(1)
    source = ROOT / "examples" / "function" / "change_function.py"
    start = "from functions_framework._cli import _cli; _cli()"
    given = ("--source", str(source), "--target", "change_http", "--host", "127.0.0.1", "--port", str(port))
    environment = {"PATH": os.environ["PATH"], "WEBHOOK_SECRET": SECRET, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as sink:
        process = subprocess.Popen([framework(), "-c", start, *given], env=environment, stdout=sink, stderr=sink)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(answers, within_s=60, what="the framework starts")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_the_framework_calls_the_function_for_a_change(tmp_path: Path) -> None:
    text = (SHIPPED / "destinations" / "webhook.yaml").read_text("utf-8")
    one = change("ann")
    with serving(tmp_path / "log") as port:
        async with HttpConnection(private=True) as sender:
            for secret, fate in ((SECRET, Fate.DELIVERED), (SECRET, Fate.DELIVERED), ("another", Fate.AGAIN)):
                environ = {"OWN_WEBHOOK_URL": f"http://127.0.0.1:{port}/", "OWN_WEBHOOK_SECRET": secret}
                made = destination(text, environ=environ, private=True)
                assert (await sender.send(made, prepare(made, plain(one), one.encode()))).fate is fate
    assert (tmp_path / "log").read_text().count("ann entered viewers") == 1
