"""The consoles that come with the demo, and with a local broker."""

import os
import signal
import subprocess
import sys

import httpx
import pytest

from tests.support.waiting import wait_until

PROGRAM = "from shoal.launcher import main; raise SystemExit(main())"
OPENS_WITHIN_S = 45  # on a machine with nothing else to do it takes about 8


def test_local_prints_the_address_of_a_console_before_anything_is_published() -> None:
    command = [sys.executable, "-c", PROGRAM, "local", "--console"]
    given = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "SHOAL_CONSOLE_PORT": "0", "SHOAL_PARTITIONS": "2"}
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().partition("# console: ")[2].strip()

            def answers() -> bool:
                try:
                    return "no-definitions" in httpx.get(f"{url}/console/v1/segments").text
                except httpx.TransportError:
                    return False

            wait_until(answers, within_s=OPENS_WITHIN_S, what="the console answers")
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


@pytest.mark.long
def test_the_demo_prints_the_address_of_a_console_that_shows_its_shop() -> None:
    command = [sys.executable, "-c", PROGRAM, "demo", "--history", "1h", "--for", "90s"]
    given = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "SHOAL_CONSOLE_PORT": "0"}
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = next(line.partition(": ")[2].strip() for line in process.stdout if line.startswith("console: "))

            def shows_sizes() -> bool:
                try:
                    rows = httpx.get(f"{url}/console/v1/segments").json().get("segments", [])
                except httpx.TransportError:
                    return False
                return sum(each["users"] or 0 for each in rows) > 0

            wait_until(shows_sizes, within_s=OPENS_WITHIN_S, what="the console shows sizes")
            page = httpx.get(url, headers={"Accept": "text/html"})
            assert "main.js" in page.text
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
