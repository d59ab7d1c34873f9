"""The example for Optimizely and Contentful against services that check and answer what each documents."""

import asyncio
import json

from aiohttp import web

from examples.personalisation.with_tools import contentful_entries, optimizely_attributes, optimizely_decide
from tests.destinations.receiver import receiver


async def test_optimizely_agent_decides_by_segments_as_attributes() -> None:
    def agent(request: web.Request, body: bytes) -> web.Response:
        if request.headers.get("X-Optimizely-SDK-Key") != "sdk":
            return web.json_response({"error": "unauthorized"}, status=403)
        assert (request.method, request.path, request.query["keys"]) == ("POST", "/v1/decide", "cart & help")
        said = json.loads(body)
        enabled = said["userAttributes"]["segment_cart_abandoned"]
        return web.json_response({"userContext": said, "flagKey": "cart & help", "enabled": enabled})

    known = ["cart-abandoned", "hot-leads"]
    async with receiver(agent) as there:
        decisions = [
            await asyncio.to_thread(
                optimizely_decide, there.url, "sdk", "cart & help", "ann", optimizely_attributes(segments, known)
            )
            for segments in ({"cart-abandoned", "buyers"}, set[str]())
        ]
    assert [each["enabled"] for each in decisions] == [True, False]
    assert decisions[0]["userContext"] == {
        "userId": "ann",
        "userAttributes": {"segment_cart_abandoned": True, "segment_hot_leads": False},
    }


async def test_contentful_delivers_entries_for_the_segments_and_those_for_everybody() -> None:
    entries = {"Welcome": ["everybody"], "Your cart": ["cart-abandoned"], "Talk to us": ["hot-leads", "vip"]}

    def delivery(request: web.Request, _: bytes) -> web.Response:
        if request.headers.get("Authorization") != "Bearer token":
            return web.json_response({"sys": {"type": "Error", "id": "AccessTokenInvalid"}}, status=401)
        assert request.path == "/spaces/space/environments/master/entries"
        assert request.query["content_type"] == "banner"  # has to be there if a field is asked for
        wanted = set(request.query["fields.audiences[in]"].split(","))
        items = [{"fields": {"title": title}} for title, audiences in entries.items() if wanted & set(audiences)]
        return web.json_response({"sys": {"type": "Array"}, "total": len(items), "skip": 0, "items": items})

    async with receiver(delivery) as there:
        titles = [
            [
                each["fields"]["title"]
                for each in await asyncio.to_thread(contentful_entries, there.url, "space", "token", "banner", segments)
            ]
            for segments in (["hot-leads"], ["vip", "cart-abandoned"], [])
        ]
    assert titles == [["Welcome", "Talk to us"], ["Welcome", "Your cart", "Talk to us"], ["Welcome"]]
