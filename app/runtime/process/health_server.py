"""`/metrics`, `/live` and `/ready` over HTTP, in a thread of their own: they answer while the event loop is busy."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST

from app.errors import UserError


class Rendered(Protocol):
    """Metrics that can be shown."""

    def render(self) -> bytes:
        """All of them in Prometheus' text format."""


class HealthServer:
    """`live` and `ready` say why not; None: all is well. Port 0 takes a free one."""

    def __init__(
        self,
        metrics: Rendered,
        *,
        host: str,
        port: int,
        live: Callable[[], str | None],
        ready: Callable[[], str | None],
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name that http.server calls
                path = self.path.split("?")[0]
                if path == "/metrics":
                    self._answer(200, metrics.render(), CONTENT_TYPE_LATEST)
                elif path in ("/live", "/ready"):
                    why_not = live() if path == "/live" else ready()
                    text = f"{why_not}\n" if why_not else "ok\n"
                    self._answer(503 if why_not else 200, text.encode(), "text/plain; charset=utf-8")
                else:
                    self._answer(404, b"/metrics, /live, /ready\n", "text/plain; charset=utf-8")

            def _answer(self, status: int, body: bytes, content_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as http.server calls it
                """Requests are not logged."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise UserError(
                f"cannot listen on {host}:{port} (web_port): {error.strerror}",
                hint="choose another SHOAL_WEB_PORT, or 0 for none",
            ) from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """Port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stops answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=1)
