"""Visitors who fill a cart, log in and order, or not, in a real browser with analytics.js: who gets the reminder."""

import itertools
import json
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiokafka import AIOKafkaProducer

from app.events.instants import iso
from app.main import create_app
from app.runtime.kafka.clients import start
from app.settings import Settings
from tests.service.browser import Browser, folder_served
from tests.service.node_packages import node_modules
from tests.service.running import WRITE_KEY, Running, reading, serving
from tests.support.shop import running, soon
from tests.support.written_links import identity_results

SEGMENTS = Path(__file__).parents[2] / "deploy" / "segments"
IDLE_MS = 31 * 60_000
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>A shop</title>
<script src="analytics.js"></script>
<script type="module">
  const given = Object.fromEntries(new URLSearchParams(location.search));
  const analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey: given.writeKey, cdnURL: given.url });
  window.add = (product) => analytics.track("Product Added", { product_id: product, price: 20 });
  window.order = () => analytics.track("Order Completed", { order_id: "O1", revenue: 20 });
  window.logIn = (user) => analytics.identify(user);
  // As pages do: the event of the logout, then everything of the user is forgotten. The device stays what it was.
  window.logOut = async () => {
    await analytics.track("Signed Out");
    const device = (await analytics.user()).anonymousId();
    await analytics.reset();
    await analytics.setAnonymousId(device);
    return device;
  };
  // Another user on the same device. analytics.js takes it for another device; other libraries do not.
  window.takeOver = async (user) => {
    const device = (await analytics.user()).anonymousId();
    await analytics.identify(user);
    await analytics.setAnonymousId(device);
  };
  // Somebody else, with a device of their own.
  window.somebodyElse = () => analytics.reset();
  await analytics; // what is sent before the library is there gets the user of the moment when it is
  window.isReady = true;
</script>
</html>
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The page, with the library it loads, at an address of its own."""
    folder = tmp_path / "site"
    shutil.copytree(node_modules() / "@segment" / "analytics-next" / "dist" / "umd", folder)
    (folder / "index.html").write_text(PAGE)
    (folder / "index.js").rename(folder / "analytics.js")
    with folder_served(folder) as url:
        yield url


@pytest.fixture
def shop_settings(own_settings: Settings, tmp_path: Path) -> Settings:
    """The shipped reminder, with identity; the clock stands while nothing comes."""
    folder = tmp_path / "segments"
    folder.mkdir()
    shutil.copy(SEGMENTS / "cart-abandoned.yaml", folder)
    (folder / "identity.yaml").write_text("")
    return replace(own_settings, segments=folder, idle_clock=False)


async def half_an_hour_passes(settings: Settings) -> None:
    """Moves the clock of every partition."""
    at_ms = time.time_ns() // 1_000_000 + IDLE_MS
    value = json.dumps({"type": "watermark", "timestamp": iso(at_ms)}).encode()
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await start(producer)
    try:
        for partition in range(settings.partitions):
            await producer.send_and_wait(settings.topics.clickstream, value, partition=partition, timestamp_ms=at_ms)
    finally:
        await producer.stop()


async def reminded(settings: Settings, *, at_least: int) -> dict[str, list[list[str]]]:
    """User -> products of each reminder, once there are so many."""
    found: dict[str, list[list[str]]] = defaultdict(list)
    async with reading(settings, settings.topics.changes) as consumer:

        async def enough() -> bool:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                for change in (json.loads(record.value) for record in records):
                    if change["change"] == "entered":
                        found[change["user"]].append(change["attach"]["products"])
            return sum(map(len, found.values())) >= at_least

        await soon(enough, within_s=20)
    return found


async def claimed(settings: Settings, **wanted: int) -> None:
    """Waits until so many claims have each result."""

    async def told() -> bool:
        return await identity_results(settings) == wanted

    await soon(told, within_s=20)


async def visits(page: Browser, service: Running) -> str:
    """Six stories. Returns the device that its user has left."""
    # Ann orders after the login. A login, an order and the cart before them within one second: Bob.
    for story in ("await add('A1'); await logIn('ann'); await order()", "await add('B1'); logIn('bob'); await order()"):
        await page.evaluate(f"(async () => {{ {story}; await somebodyElse(); }})()")
    # Cleo logs in and orders nothing.
    await page.evaluate("(async () => { await add('C1'); await logIn('cleo'); await somebodyElse(); })()")
    # A tablet of two people: Dan takes it over without a logout of Dora's.
    await page.evaluate("(async () => { await add('D1'); await logIn('dora'); })()")
    await claimed(service.settings, given=4)
    await page.evaluate("(async () => { await takeOver('dan'); await add('D2'); await somebodyElse(); })()")
    # Fay is known from elsewhere before her browser is.
    await service.track("fay", "Product Added", properties={"product_id": "F1"})
    await page.evaluate("(async () => { await add('F2'); await logIn('fay'); await somebodyElse(); })()")
    # Eve logs out; her device is a guest's then.
    device: str = await page.evaluate(
        """(async () => {
            await add('E1'); await logIn('eve'); return await logOut();
        })()"""
    )
    return device


async def test_who_orders_after_the_login_gets_no_reminder_and_everybody_else_one(
    shop_settings: Settings, page: Browser, site: str
) -> None:
    async with serving(shop_settings) as service, running(create_app(shop_settings)):
        await page.open(f"{site}/?{urlencode({'url': service.url, 'writeKey': WRITE_KEY})}")
        await page.until("window.isReady")
        device = await visits(page, service)

        await claimed(shop_settings, given=6, empty=2, lost=1, released=1)
        await page.evaluate("add('E2')")
        await half_an_hour_passes(shop_settings)
        found = await reminded(shop_settings, at_least=6)
    assert {user: sorted(itertools.chain(*products)) for user, products in found.items()} == {
        "cleo": ["C1"],
        "dora": ["D1"],
        "dan": ["D2"],
        "fay": ["F1", "F2"],
        "eve": ["E1"],
        device: ["E2"],
    }
    assert all(len(products) == 1 for products in found.values()), found
