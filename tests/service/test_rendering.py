"""The examples of servers that render by segments: kept answers, the live stream, the limit of 50 ms, the bound."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from examples.rendering import server
from tests.service.projection import Projection
from tests.service.running import READ_KEY, Running
from tests.service.test_live import Writer, writing
from tests.support.shop import soon

FOLDER = Path(__file__).parents[2] / "examples" / "rendering"
SERVERS = ("server.py", "server.mjs")
CART = "Your cart is still here."


@pytest.fixture
async def writer(settings: Settings) -> AsyncIterator[Writer]:
    async with writing(settings) as made:
        yield made


@contextmanager
def rendering(name: str, shoal: str) -> Iterator[str]:
    """A server of the examples; its address."""
    program = sys.executable if name.endswith(".py") else shutil.which("node")
    if program is None:
        pytest.skip("no node on the path")
    environment = {"PATH": os.environ["PATH"], "SHOP_SEGMENTS_URL": shoal, "SHOP_READ_KEY": READ_KEY, "PORT": "0"}
    command = [program, str(FOLDER / name)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def page(url: str, visitor: str) -> tuple[bool, str]:
    """True if the page of a visitor shows the cart, and how the server knows."""
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.get(url, headers={"Cookie": f"visitor={visitor}"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    return CART in answer.text, answer.headers["server-timing"].removeprefix("segments;desc=")


@pytest.mark.parametrize("name", SERVERS)
async def test_a_page_is_rendered_by_kept_segments_until_the_stream_changes_them(
    service: Running, writer: Writer, name: str
) -> None:
    user = f"visitor-of-{name}"
    projection = Projection(service.settings)
    await projection.begin()
    await projection.enter(user, "cart-abandoned", "2026-01-05T00:00:00.000Z")
    with rendering(name, service.url) as url:

        async def shown(wanted: bool, way: str) -> bool:
            return await page(url, user) == (wanted, way)

        await soon(lambda: shown(True, "kept"), within_s=60)
        await projection.leave(user, "cart-abandoned")
        assert await page(url, user) == (True, "kept")  # Shoal is not asked
        await writer.change(user, "cart-abandoned", "exited")
        await soon(lambda: shown(False, "kept"), within_s=30)
        await writer.change(user, "cart-abandoned")
        await soon(lambda: shown(True, "kept"), within_s=30)
        await writer.change(user, "cart-abandoned", "exited", cause={"kind": "merged"})
        await soon(lambda: shown(False, "kept"), within_s=30)
        assert await page(url, "somebody else") in ((False, "asked"), (False, "default"))
    await projection.redis.aclose()


@contextmanager
def hanging() -> Iterator[str]:
    """A service that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken: list[socket.socket] = []
        ended = threading.Event()

        def accept() -> None:
            while not ended.is_set():
                try:
                    taken.append(listening.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=20)
            for each in taken:
                each.close()


@pytest.mark.parametrize("name", SERVERS)
async def test_without_an_answer_the_page_is_that_for_everybody(name: str) -> None:
    with hanging() as shoal, rendering(name, shoal) as url:
        for visitor in ("ann", "bob"):
            assert await page(url, visitor) == (False, "default")
        async with httpx.AsyncClient(timeout=30) as http:
            odd = await http.get(url, headers={"Cookie": "visitor=<b>x"})
            none = await http.get(url)
    assert "<b>" not in odd.text
    assert "Hello" not in none.text


def entry(segments: server.Segments, user: str, known: frozenset[str] | None) -> bool:
    return segments._kept.get(user, (0, None))[1] == known


def test_no_more_is_kept_than_the_bound() -> None:
    segments = server.Segments("http://127.0.0.1:1", "key", users_max=2)
    for user in ("a", "b", "c"):
        segments._keep(user, frozenset())
        segments.take({"user": user, "segment": "cart-abandoned", "change": "entered"})
        segments.take({"user": user, "segment": "not-shown", "change": "entered"})
    assert (len(segments), len(segments._changed)) == (2, 2)
    assert entry(segments, "a", None)
    assert entry(segments, "c", frozenset({"cart-abandoned"}))
    segments.take({"user": "c", "segment": "cart-abandoned", "change": "exited", "cause": {"kind": "merged"}})
    assert entry(segments, "c", None)


def test_a_set_of_segments_is_rendered_once() -> None:
    server.page_of.cache_clear()
    pages = [server.page_of(frozenset(each)) for each in ([], ["cart-abandoned"], ["hot-leads"], ["cart-abandoned"])]
    assert pages[1] == pages[3] != pages[0]
    assert server.page_of.cache_info().misses == 3


IN_NODE = """
const { Segments } = await import(process.argv[1]);
const segments = new Segments("http://127.0.0.1:1", "key", { usersMax: 2 });
for (const user of ["a", "b", "c"]) {
  segments.keep(user, new Set());
  segments.take({ user, segment: "cart-abandoned", change: "entered" });
  segments.take({ user, segment: "not-shown", change: "entered" });
}
const sizes = [segments.kept.size, segments.changedLately.size, [...segments.kept.get("c").segments].join()];
segments.take({ user: "c", segment: "cart-abandoned", change: "exited", cause: { kind: "merged" } });
console.log(JSON.stringify([...sizes, segments.kept.has("a"), segments.kept.has("c")]));
"""


def test_no_more_is_kept_than_the_bound_in_node() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the path")
    command = [node, "--input-type=module", "-e", IN_NODE, (FOLDER / "server.mjs").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, '[2,2,"cart-abandoned",false,false]\n'), done.stderr
