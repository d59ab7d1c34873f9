"""Takes what `shoal destinations` sends, checks its signature, and prints it: `receiver.py PORT`.

Prints each body once: what comes again after a crash of the sender has the same id.
"""

import hashlib
import hmac
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ.get("WEBHOOK_SECRET", "")
TOO_OLD_S = 300
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_POST(self) -> None:  # as http.server calls it
        """A change."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.is_signed(body):
            self.send_error(401)
            return
        change_id = self.headers.get("Idempotency-Key", "")
        if change_id not in seen:
            seen.add(change_id)  # your own service stores them with its results
            print(body.decode(), flush=True)  # noqa: T201  # this is its purpose
        self.send_response(200)
        self.end_headers()

    def is_signed(self, body: bytes) -> bool:
        """True if the body is from us, and new."""
        timestamp = self.headers.get("Shoal-Timestamp", "0")
        wanted = "v1=" + hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        given = self.headers.get("Shoal-Signature", "")
        return hmac.compare_digest(wanted, given) and abs(time.time() - int(timestamp)) < TOO_OLD_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as http.server calls it
        """Only bodies are printed."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
