"""Health endpoints of a worker."""

import urllib.error
import urllib.request

import pytest

from app.errors import UserError
from app.metrics import METRICS
from app.runtime.partition.worker_metrics import Metrics
from app.runtime.process.health_server import HealthServer


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_says_what_is_wrong_and_shows_every_metric() -> None:
    metrics = Metrics()
    server = HealthServer(
        metrics, host="127.0.0.1", port=0, live=lambda: None, ready=lambda: "partition 3 is restoring"
    )
    server.start()
    try:
        assert ask(server.port, "/live") == (200, "ok\n")
        assert ask(server.port, "/ready") == (503, "partition 3 is restoring\n")
        assert ask(server.port, "/nothing")[0] == 404
        status, text = ask(server.port, "/metrics?x=1")
        assert status == 200
        for metric in METRICS:
            assert f"# HELP {metric.name}" in text
            assert metric.meaning in text
        with pytest.raises(UserError, match="cannot listen"):
            HealthServer(metrics, host="127.0.0.1", port=server.port, live=lambda: None, ready=lambda: None)
    finally:
        server.stop()
