"""`shoal serve` as a process of its own, with the keys that tests know; what it logs goes to a file."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.service.access.access_keys import hash_of
from app.settings import Settings
from tests.service.running import FORWARD_KEY, READ_KEY, WRITE_KEY
from tests.support.waiting import wait_until

PROGRAM = "from shoal.launcher import main; raise SystemExit(main())"


class ServiceProcess:
    """A service that answers at `url`."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log

    def memory_bytes(self) -> int:
        """Memory of the process in bytes now (Linux)."""
        (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(kilobytes) * 1024


@contextmanager
def service_process(settings: Settings, log: Path, **environment: str) -> Iterator[ServiceProcess]:
    """A service with settings of tests, ready; it must end with 0 when it is told to."""
    given = {
        "PATH": os.environ["PATH"],
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "REDIS_URL": settings.redis_url,
        "SHOAL_REDIS_PREFIX": settings.redis_prefix,
        "SHOAL_TOPIC_PREFIX": settings.topic_prefix,
        "SHOAL_APP_ID": settings.app_id,
        "SHOAL_PARTITIONS": str(settings.partitions),
        "SHOAL_SEGMENTS": str(settings.segments),
        "SHOAL_COLLECT_RATE": str(settings.collect_rate),
        "SHOAL_TOKEN_SECRET": settings.token_secret,
        "SHOAL_WRITE_KEYS": f"shop:{hash_of(WRITE_KEY)}",
        "SHOAL_FORWARD_KEYS": f"mirror:{hash_of(FORWARD_KEY)}",
        "SHOAL_READ_KEYS": f"mail:{hash_of(READ_KEY)}",
    }
    command = [sys.executable, "-c", PROGRAM, "serve", "--port", "0"]
    with (
        log.open("ab") as sink,
        subprocess.Popen(command, env=given | environment, stdout=subprocess.PIPE, stderr=sink, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, log.read_text()
            wait_until(lambda: httpx.get(f"{url}/ready").status_code == 200, within_s=60, what="the service is ready")
            yield ServiceProcess(process, url, log)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
