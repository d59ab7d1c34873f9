"""`python -m tests.benchmarks.console`: the console with 2,000 segments and a million users, in a real browser.

First paint, key strokes, validation, the search for a person. Figures are milliseconds on this machine; docs/console.md
has them with their limits.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
from rich.console import Console

from app.console.running import quiet_clients
from app.embedded import EmbeddedRedis
from app.embedded.process import GuardedProcess
from app.settings import Settings, load_settings
from tests.benchmarks import report
from tests.benchmarks.console_shop import (
    DEFINITIONS,
    EVENTS,
    USERS,
    fill,
    say,
    segment_name,
    user_name,
    write_definitions,
)
from tests.benchmarks.events import ROOT, Workload, calibrate
from tests.benchmarks.report import Result
from tests.benchmarks.worker import COMMAND, PARTITIONS, brokers, cpu_s_of
from tests.service.browser import Browser, browser
from tests.support.kafka_node import free_ports
from tests.support.waiting import wait_until
from tests.web.author import Author

VISITS: Final = 5
QUESTIONS: Final = 20
KEYS: Final = "s-19 people"
LIMITS_MS: Final = {
    "start": 10_000,
    "first paint": 1_000,
    "key stroke": 50,
    "rows": 300,
    "validation": 100,
    "person": 200,
    "reasons": 3_000,  # the page shows meanwhile how much has been read
}
OBSERVED: Final = """
const look = () => { if (document.querySelector('main tbody tr')) window.shownAt ??= performance.now(); };
new MutationObserver(look).observe(document, { childList: true, subtree: true });
window.strokes = [];
addEventListener('keydown', ({ timeStamp: at }) => {
  requestAnimationFrame(() => setTimeout(() => strokes.push(performance.now() - at)));
}, true);
"""
ROWS: Final = """
window.drawn = [];
let at = 0;
addEventListener('keydown', ({ timeStamp }) => { at = timeStamp; }, true);
new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
  if (at) drawn.push(performance.now() - at);
  at = 0;
}))).observe(document.querySelector('main'), { childList: true, subtree: true });
"""
SHADOW: Final = (
    "[...document.querySelectorAll('*')].map((each) => each.shadowRoot)"
    ".find((each) => each?.querySelector('.cm-content'))"
)
FIRST_PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
TEXT: Final = """segment: buyers-{number}
when: |
  count('Event {number}' within 7d) >= 2
  and not segment('s-0007') and cart.value >= 40
"""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.console", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / ".cache" / "bench", help="folder of the JSON file")
    given = parser.parse_args()
    quiet_clients()
    rows = run()
    calibration_us = calibrate(list(Workload(1, 20_000).lines()))
    late = [f"{row['run']} takes {row['most_ms']:.0f} ms" for row in rows if row["most_ms"] > row["limit_ms"]]
    source = f"{DEFINITIONS:,} definitions, {USERS:,} users"
    result = Result("console", source, 1, EVENTS, calibration_us, rows, "; ".join(late))
    report.show_result(result, Console(width=160))
    report.write(result, given.output)
    return 1 if late else 0


def run() -> list[dict[str, Any]]:
    """Fills a shop, starts its console, and measures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="shoal-bench-")))
        found, redis = stack.enter_context(brokers(folder)), stack.enter_context(EmbeddedRedis())
        write_definitions(folder / "segments")
        settings = load_settings(
            {},
            kafka_bootstrap_servers=found[0].bootstrap_servers,
            redis_url=redis.url,
            app_id="console-bench",
            topic_prefix="console-bench.",
            partitions=PARTITIONS,
            segments=folder / "segments",
            console_port=free_ports(1)[0],
        )
        asyncio.run(fill(settings))
        with served(settings, folder) as (url, rows):
            author = Author(url, settings)
            with closing(author.http):
                return rows + asyncio.run(measured(author, folder))


@contextmanager
def served(settings: Settings, folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A console in a process of its own: its address, and rows of its start."""
    url = f"http://127.0.0.1:{settings.console_port}"
    pairs = {
        "topic_prefix": settings.topic_prefix,
        "app_id": settings.app_id,
        "segments": str(settings.segments),
        "partitions": str(PARTITIONS),
    }
    arguments = ["console", "--port", str(settings.console_port), "--broker", settings.kafka_bootstrap_servers]
    arguments += ["--redis", settings.redis_url, "--set", *(f"{name}={value}" for name, value in pairs.items())]
    began_s = time.perf_counter()
    process = GuardedProcess([sys.executable, "-c", COMMAND, *arguments], log=folder / "console.log")
    try:
        wait_until(lambda: answers(url), within_s=120, what="the console answers")
        name, ready_ms = "start until all segments are answered", 1000 * (time.perf_counter() - began_s)
        cpu_ms = 1000 * cpu_s_of(process.pid)
        yield url, [row(name, "start", [ready_ms]), row(f"{name}: CPU time", "start", [cpu_ms])]
    finally:
        process.kill()


async def measured(author: Author, folder: Path) -> list[dict[str, Any]]:
    """The rows of the result."""
    url, text = author.url, f"/edit/{segment_name(7)}"
    return [
        row("answer with all segments", "first paint", await timed(every_segment, author)),
        row("first paint of all segments", "first paint", await visits(url, "/segments", folder, FIRST_PAINT)),
        row("all segments with their sizes", "first paint", await visits(url, "/segments", folder, "window.shownAt")),
        row("first paint of the overview", "first paint", await visits(url, "/", folder, FIRST_PAINT)),
        *await strokes(url, folder, "/segments", "key stroke in the filter of segments"),
        row("rows for what stands in the filter", "rows", await rows_drawn(url, folder)),
        *await strokes(url, folder, text, "key stroke in the text of a segment"),
        row("validation of a text", "validation", await timed(read, author)),
        row("segments of a person", "person", await timed(partial(person, "people/memberships"), author)),
        row("all reasons of a person", "reasons", await timed(partial(person, "people"), author)),
    ]


def row(name: str, limit: str, found_ms: Sequence[float]) -> dict[str, Any]:
    """A line of the result: the median, and the worst but one of twenty."""
    every = sorted(found_ms)
    say(f"{name}: {', '.join(f'{each:.0f}' for each in every)}")
    most = every[-1] if len(every) < QUESTIONS else every[len(every) * 95 // 100 - 1]
    return {"run": name, "median_ms": statistics.median(every), "most_ms": most, "limit_ms": float(LIMITS_MS[limit])}


async def visits(url: str, path: str, folder: Path, wanted: str) -> list[float]:
    """Times that a page in a browser with an empty cache says of itself, once it shows rows."""
    found = []
    for number in range(VISITS):
        async with browser(folder / f"visit{path.replace('/', '-')}{number}{len(wanted)}") as page:
            await page.command("Page.enable")
            await page.command("Page.addScriptToEvaluateOnNewDocument", source=OBSERVED)
            await page.open(url + path)
            await page.until("window.shownAt")
            found.append(float(await page.until(wanted)))
    return found


async def strokes(url: str, folder: Path, path: str, name: str) -> list[dict[str, Any]]:
    """From each key to the frame that shows what it did; and the CPU time of the page until then."""
    async with browser(folder / f"keys{path.replace('/', '-')}") as page:
        await page.command("Page.enable")
        await page.command("Performance.enable", timeDomain="threadTicks")
        await page.command("Page.addScriptToEvaluateOnNewDocument", source=OBSERVED)
        await page.open(url + path)
        await focus(page, path)
        cpu_ms = []
        for number, key in enumerate(KEYS * 2, 1):
            before_ms = await page_cpu_ms(page)
            await press(page, key)
            await page.until(f"strokes.length >= {number}")
            cpu_ms.append(await page_cpu_ms(page) - before_ms)
        found: list[float] = await page.evaluate("strokes")
        return [row(name, "key stroke", found), row(f"{name}: CPU time", "key stroke", cpu_ms)]


async def rows_drawn(url: str, folder: Path) -> list[float]:
    """From a key in the filter to the frame that shows other rows."""
    async with browser(folder / "rows") as page:
        await page.open(f"{url}/segments?q=s-1")
        await focus(page, "/segments")
        await page.evaluate(ROWS)
        for number in range(QUESTIONS):
            await press(page, f"{number // 2 % 9 + 1}" if number % 2 == 0 else "Backspace")
            await page.until(f"drawn.length >= {number + 1}")
        found: list[float] = await page.evaluate("drawn")
        return found


async def press(page: Browser, key: str) -> None:
    """One key."""
    what: dict[str, Any] = {"text": key} if len(key) == 1 else {"windowsVirtualKeyCode": 8}
    await page.command("Input.dispatchKeyEvent", type="keyDown", key=key, **what)
    await page.command("Input.dispatchKeyEvent", type="keyUp", key=key)


async def page_cpu_ms(page: Browser) -> float:
    """The CPU time of the page's thread until now."""
    metrics = (await page.command("Performance.getMetrics"))["metrics"]
    return next(1000 * float(each["value"]) for each in metrics if each["name"] == "TaskDuration")


async def focus(page: Browser, path: str) -> None:
    """Puts the cursor where somebody types."""
    if path.startswith("/edit"):
        await page.until(f"!!{SHADOW}")
        await page.evaluate(f"{SHADOW}.querySelector('.cm-content').focus()")
    else:
        await page.until("!!document.querySelector('main tbody tr')")
        await page.evaluate("document.querySelector('main input[type=search]').focus()")


async def timed(ask: Callable[[Author, int], None], author: Author) -> list[float]:
    """The milliseconds of twenty requests, one after the other."""
    found = []
    for number in range(QUESTIONS):
        began_s = time.perf_counter()
        await asyncio.to_thread(ask, author, number)
        found.append(1000 * (time.perf_counter() - began_s))
    return found


def every_segment(author: Author, _: int) -> None:
    """Asks for all segments."""
    answer = author.http.get("/segments")
    assert len(answer.json()["segments"]) == DEFINITIONS, answer.text


def read(author: Author, number: int) -> None:
    """Has a text checked that nobody has checked before."""
    answer = author.post("/definitions/read", text=TEXT.format(number=number), name="")
    assert answer.json()["usable"], answer.text


def person(path: str, author: Author, number: int) -> None:
    """Asks for somebody."""
    user = user_name((number + 1) * 48_611 % USERS)
    answer = author.http.get(f"/{path}", params={"user": user})
    assert answer.status_code == 200, answer.text


def answers(url: str) -> bool:
    """True once the console has its definitions."""
    try:
        return httpx.get(f"{url}/console/v1/segments", timeout=60).status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    sys.exit(main())
