"""A server that renders a page by the segments of its visitor, with nothing but Python's standard library.

A page never waits longer than 50 ms for Shoal: without an answer it is the page for everybody. Answers are kept, for at
most 10,000 visitors and a minute each, and changed by the live stream of changes while that is open.

    SHOP_SEGMENTS_URL=http://127.0.0.1:8080 SHOP_READ_KEY=... python server.py
"""

import html
import json
import os
import threading
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

SHOWN = ("cart-abandoned", "hot-leads")
"""The segments that the page depends on: as few as possible, as each set of them is a page of its own."""
LIMIT_S = 0.05
KEPT_S = 60.0
ASKING_MAX = 64
RETRY_S = 1.0
SILENCE_S = 60.0
"""Longer than SHOAL_STREAM_HEARTBEAT: a stream that says nothing for so long is broken."""


class Segments:
    """The segments of visitors. `of` is called by many threads, `follow` by one."""

    def __init__(self, url: str, read_key: str, *, users_max: int = 10_000) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {read_key}"}
        self._users_max = users_max
        self._pool = ThreadPoolExecutor(ASKING_MAX, "shoal")
        self._lock = threading.Lock()
        self._asking = 0
        self._stream = 0  # counts streams; 0 while none is open: then nothing is kept
        self._streams = 0
        self._kept: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()
        self._changed: OrderedDict[str, tuple[float, dict[str, bool]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, user: str) -> tuple[frozenset[str], str]:
        """The segments of a visitor, and how they are known: kept, asked or default."""
        with self._lock:
            until_s, known = self._kept.get(user, (0.0, frozenset()))
            if until_s > time.monotonic():
                return known, "kept"
            if self._asking == ASKING_MAX:  # Shoal is slow: nobody queues for it
                return frozenset(), "default"
            self._asking += 1
        answer = self._pool.submit(self._ask, user)
        try:
            return answer.result(LIMIT_S), "asked"  # what comes later is kept for the next page
        except (TimeoutError, OSError, ValueError, KeyError):
            return frozenset(), "default"

    def _ask(self, user: str) -> frozenset[str]:
        try:
            stream = self._stream
            with self._open(f"/v1/users/{quote(user, safe='')}/segments", timeout_s=2) as response:
                said = json.load(response)
            found = {each["segment"] for each in said["segments"]} & set(SHOWN)
            with self._lock:
                # The stream may be ahead of what was asked.
                for segment, is_in in self._changed.get(user, (0.0, {}))[1].items():
                    (found.add if is_in else found.discard)(segment)
                # After a login, changes name the user and not this id: it is asked each time.
                if stream and stream == self._stream and "moved_to" not in said:
                    self._keep(user, frozenset(found))
            return frozenset(found)
        finally:
            with self._lock:
                self._asking -= 1

    def _open(self, path: str, *, timeout_s: float) -> Any:
        request = urllib.request.Request(self._url + path, headers=self._headers)  # noqa: S310  # as it is set
        return urllib.request.urlopen(request, timeout=timeout_s)  # noqa: S310  # as above

    def _keep(self, user: str, segments: frozenset[str]) -> None:
        self._kept[user] = time.monotonic() + KEPT_S, segments
        self._kept.move_to_end(user)
        if len(self._kept) > self._users_max:
            self._kept.popitem(last=False)

    def take(self, change: Mapping[str, Any]) -> None:
        """Applies a change of the stream."""
        user, segment, is_in = change["user"], change["segment"], change["change"] != "exited"
        if segment not in SHOWN:
            return
        with self._lock:
            if change.get("cause", {}).get("kind") in ("merged", "split"):  # the id belongs to somebody else now
                self._kept.pop(user, None)
                self._changed.pop(user, None)
                return
            now_s = time.monotonic()
            latest = self._changed.pop(user, (0.0, {}))[1] | {segment: is_in}
            self._changed[user] = now_s, latest
            while self._changed and (
                len(self._changed) > self._users_max or next(iter(self._changed.values()))[0] < now_s - KEPT_S
            ):
                self._changed.popitem(last=False)
            if user in self._kept:
                until_s, known = self._kept[user]
                self._kept[user] = until_s, known | {segment} if is_in else known - {segment}

    def follow(self) -> None:
        """Reads the stream of changes for ever."""
        query = "&".join(f"segment={quote(each)}" for each in SHOWN)
        while True:
            try:
                with self._open(f"/v1/changes?{query}", timeout_s=SILENCE_S) as lines:
                    self._begin()
                    event = ""
                    for line in lines:
                        name, _, value = line.decode().rstrip("\r\n").partition(": ")
                        if name == "event":
                            event = value
                        elif name == "data" and event == "change":
                            self.take(json.loads(value))
                        elif name == "data" and event == "reset":  # changes were missed
                            self._begin()
            except (OSError, ValueError) as error:
                print(f"no stream of changes: {error}", flush=True)  # noqa: T201  # an example has no log
            self._end()
            time.sleep(RETRY_S)

    def _begin(self) -> None:
        with self._lock:
            self._streams += 1
            self._stream = self._streams
            self._kept.clear()
            self._changed.clear()

    def _end(self) -> None:
        with self._lock:
            self._stream = 0
            self._kept.clear()


@lru_cache(maxsize=1 << len(SHOWN))
def page_of(segments: frozenset[str]) -> str:
    """The page for a set of segments: rendered once for all who are in the same ones."""
    blocks = ["<h1>Shop</h1>"]
    if "cart-abandoned" in segments:
        blocks.append("<p>Your cart is still here.</p>")
    if "hot-leads" in segments:
        blocks.append("<p>Talk to us: we have an offer for you.</p>")
    return "".join(blocks)


def visitor_of(cookies: str) -> str | None:
    """The visitor of the cookie `visitor`. Your server knows them by their session: a cookie can be made up."""
    try:
        cookie = SimpleCookie(cookies).get("visitor")
    except CookieError:
        return None
    return cookie.value if cookie else None


class Pages(BaseHTTPRequestHandler):
    """The pages of the shop."""

    segments: Segments

    def do_GET(self) -> None:
        """Answers with the page."""
        visitor = visitor_of(self.headers.get("Cookie", ""))
        found, way = self.segments.of(visitor) if visitor else (frozenset[str](), "default")
        greeting = f"<p>Hello {html.escape(visitor)}</p>" if visitor else ""
        body = f"<!doctype html><title>Shop</title>{greeting}{page_of(found)}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "private, no-store")  # no cache in between may give it to another visitor
        self.send_header("Server-Timing", f"segments;desc={way}")
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serves pages until it is ended."""
    Pages.segments = Segments(os.environ["SHOP_SEGMENTS_URL"], os.environ["SHOP_READ_KEY"])
    threading.Thread(target=Pages.segments.follow, daemon=True).start()
    with ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Pages) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201  # its address
        server.serve_forever()


if __name__ == "__main__":
    main()
