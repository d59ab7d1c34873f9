"""Pages in a real browser: a block that follows the visitor's segments, analytics.js, a tag manager's dataLayer."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from app.settings import Settings
from tests.service.browser import Browser, folder_served
from tests.service.node_packages import node_modules
from tests.service.projection import Projection
from tests.service.running import BEARER, WRITE_KEY, Running
from tests.service.test_live import Writer, writing

CLIENT = Path(__file__).parents[2] / "deploy" / "clients" / "js"
SEEN = "!document.querySelector('.offer').hidden"


@pytest.fixture
def client() -> Iterator[str]:
    with folder_served(CLIENT) as url:
        yield url


@pytest.fixture
async def writer(settings: Settings) -> AsyncIterator[Writer]:
    async with writing(settings) as made:
        yield made


async def test_a_block_of_a_page_follows_the_visitors_segments(
    service: Running, writer: Writer, page: Browser, client: str
) -> None:
    user = "visitor@shop.example"
    projection = Projection(service.settings)
    await projection.begin()
    made = await service.http.post("/v1/tokens", json={"user": user}, headers=BEARER)
    query = urlencode({"url": service.url, "token": made.json()["token"], "writeKey": WRITE_KEY})
    await page.open(f"{client}/example.html?{query}")
    await page.until("document.querySelectorAll('#segments li').length == 0")
    assert not await page.evaluate(SEEN)
    await page.evaluate("document.getElementById('add').click()")
    (sent,) = await service.written()
    assert (sent["event"], sent["userId"], sent["context"]["page"]["path"]) == ("Product Added", user, "/example.html")
    await writer.change(user, "cart-abandoned", attach={"value": 79.5})
    await page.until(SEEN)
    assert "worth 79.5 €" in await page.evaluate("document.querySelector('.offer').textContent.replace(/\\s+/g, ' ')")
    assert (await page.picture()).startswith(b"\x89PNG")
    await writer.change(user, "cart-abandoned", "exited")
    await page.until(f"!({SEEN})")
    assert await page.evaluate("document.getElementById('trouble').textContent") == ""
    await projection.redis.aclose()


async def test_analytics_js_sends_here(service: Running, page: Browser) -> None:
    umd = node_modules() / "@segment" / "analytics-next" / "dist" / "umd"
    with folder_served(umd) as url:
        await page.open(f"{url}/")  # any page of that origin
        await page.evaluate(
            f"""new Promise((done) => {{
                const script = document.createElement('script');
                script.src = '{url}/index.js';
                script.onload = done;
                document.documentElement.appendChild(script);
            }})"""
        )
        await page.evaluate(
            f"""(async () => {{
                const analytics = AnalyticsNext.AnalyticsBrowser.load(
                    {{writeKey: '{WRITE_KEY}', cdnURL: '{service.url}'}});
                await analytics.identify('j-1', {{plan: 'pro'}});
                await analytics.track('Product Viewed', {{product_id: 'A1'}});
                await analytics.page('Home');
            }})()"""
        )
    messages = {each["type"]: each for each in await service.written(3)}
    assert messages["track"]["event"] == "Product Viewed"
    assert messages["track"]["userId"] == "j-1"
    assert messages["track"]["context"]["library"]["name"] == "analytics.js"
    assert messages["identify"]["traits"] == {"plan": "pro"}
    assert messages["page"]["name"] == "Home"


async def test_a_data_layer_is_sent_on(service: Running, page: Browser, client: str) -> None:
    await page.open(f"{client}/package.json")
    await page.evaluate(
        f"""new Promise((done) => {{
            window.dataLayer = [{{event: 'gtm.js'}}, {{event: 'view_item', ecommerce: {{items: [{{item_id: 'A1'}}]}}}}];
            const script = document.createElement('script');
            script.src = '{client}/datalayer.js';
            script.dataset.url = '{service.url}';
            script.dataset.writeKey = '{WRITE_KEY}';
            script.onload = done;
            document.documentElement.appendChild(script);
        }})"""
    )
    await page.evaluate(
        """(() => {
            function gtag() { dataLayer.push(arguments); }
            gtag('set', 'x', {user_id: 'd-1'});
            gtag('event', 'purchase', {transaction_id: 'T1', value: 20, items: [{item_id: 'A1', price: 20}]});
        })()"""
    )
    viewed, ordered = sorted(await service.written(2), key=lambda each: "userId" in each)
    assert (viewed["event"], viewed["properties"]["product_id"]) == ("Product Viewed", "A1")
    assert (ordered["event"], ordered["userId"], ordered["properties"]["total"]) == ("Order Completed", "d-1", 20)
    assert ordered["anonymousId"] == viewed["anonymousId"]
