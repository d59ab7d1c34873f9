"""Measures the events a core takes in: `python -m tests.service.load [--batches 400] [--size 100] [--connections 8]`.

Starts a broker and `shoal serve` as processes of their own and sends batches of usual events (600 bytes). What counts
is the processor time of the service: other load on the machine hardly changes it.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.embedded import EmbeddedBroker
from app.service.access.access_keys import hash_of
from tests.service.running import BASIC, WRITE_KEY

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """`wall_s`: from the first request to the last answer; `cpu_s`: processor time of the service in it."""

    events: int
    requests: int
    wall_s: float
    cpu_s: float
    slowest_ms: float

    def __str__(self) -> str:
        return (
            f"{self.events} events in {self.requests} requests: {self.events / self.cpu_s:,.0f} events, "
            f"{self.requests / self.cpu_s:,.0f} requests a second of one core; "
            f"{self.events / self.wall_s:,.0f} events/s by the clock, slowest answer {self.slowest_ms:.0f} ms"
        )


def event(number: int) -> dict[str, object]:
    """One as the libraries send it."""
    context = {"library": {"name": "analytics.js", "version": "2.1.0"}, "page": {"path": "/shoes", "title": "Shoes"}}
    context["userAgent"] = {"text": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140"}
    return {
        "type": "track",
        "event": "Product Viewed",
        "userId": f"u-{number % 10_000}",
        "anonymousId": f"a-{number % 10_000}",
        "messageId": f"m-{number}",
        "timestamp": "2026-01-05T00:00:00.000Z",
        "properties": {"product_id": f"P{number % 500}", "price": 19.5, "category": "shoes", "currency": "EUR"},
        "context": context,
    }


async def send(url: str, *, batches: int, size: int, connections: int) -> tuple[float, float]:
    """Seconds in all, and milliseconds of the slowest answer."""
    numbers = iter(range(batches))
    slowest_s = 0.0
    path = "/v1/batch" if size > 1 else "/v1/track"

    async def one(http: httpx.AsyncClient) -> None:
        nonlocal slowest_s
        for number in numbers:
            events = [event(number * size + each) for each in range(size)]
            said = {"batch": events, "sentAt": "2026-01-05T00:00:01.000Z"} if size > 1 else events[0]
            body = json.dumps(said).encode()
            began_s = time.perf_counter()
            answer = await http.post(path, content=body, headers=BASIC)
            slowest_s = max(slowest_s, time.perf_counter() - began_s)
            assert answer.status_code == 200, answer.text

    began_s = time.perf_counter()
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        await asyncio.gather(*(one(http) for _ in range(connections)))
    return time.perf_counter() - began_s, slowest_s * 1000


def cpu_s(pid: int) -> float:
    """Processor time of a process so far (Linux)."""
    fields = re.sub(r"\(.*\)", "", Path(f"/proc/{pid}/stat").read_text()).split()
    return (int(fields[12]) + int(fields[13])) / TICKS_A_SECOND


def measure(*, batches: int, size: int, connections: int) -> Measured:
    """A run of its own, with a short one before it."""
    with EmbeddedBroker() as broker:
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "SHOAL_WRITE_KEYS": f"load:{hash_of(WRITE_KEY)}",
            "SHOAL_COLLECT_RATE": "0",
        }
        code = "from shoal.launcher import main; raise SystemExit(main())"
        command = [sys.executable, "-c", code, "serve", "--port", "0", "--log-level", "warning"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            wait_until_ready(url)
            asyncio.run(send(url, batches=connections * 2, size=size, connections=connections))
            before_s = cpu_s(process.pid)
            wall_s, slowest_ms = asyncio.run(send(url, batches=batches, size=size, connections=connections))
            used_s = cpu_s(process.pid) - before_s
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
    return Measured(batches * size, batches, wall_s, used_s, slowest_ms)


def wait_until_ready(url: str) -> None:
    """Returns when the service takes events."""
    from tests.support.waiting import wait_until

    wait_until(lambda: httpx.get(f"{url}/ready").status_code == 200, within_s=60, what="the service is ready")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=400)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--connections", type=int, default=8)
    given = parser.parse_args()
    measured = measure(batches=given.batches, size=given.size, connections=given.connections)
    sys.stdout.write(f"{measured}\n")
