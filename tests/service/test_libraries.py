"""The libraries that shops use, as they come from their makers, against a running service."""

import asyncio
import json
import os
from collections import Counter
from importlib import import_module
from typing import Any

import pytest

from tests.service.node_packages import FOLDER, node_modules
from tests.service.running import WRITE_KEY, Running

# It has no types.
Client: Any = import_module("segment.analytics.client").Client
RudderStack: Any = import_module("rudderstack.analytics.client").Client


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("library", [Client, RudderStack], ids=["segment", "rudderstack"])
async def test_python_libraries(service: Running, library: Any, gzip: bool) -> None:
    errors: list[Any] = []

    def send() -> None:
        client = library(
            WRITE_KEY,
            host=service.url,
            gzip=gzip,
            upload_size=50,
            upload_interval=0.05,
            on_error=lambda error, items: errors.append((error, items)),
        )
        client.identify("p-1", {"plan": "pro"})
        for number in range(120):
            client.track(f"p-{number % 3}", "Product Viewed", {"product_id": f"P{number}"})
        client.page("p-1", "Docs", "Home", {"path": "/"})
        client.screen("p-1", "Docs", "Home")
        client.group("p-1", "g-1")
        client.alias("anonymous", "p-1")
        client.shutdown()

    await asyncio.to_thread(send)
    assert errors == []
    # On a busy machine an answer may come too late, and the library sends again: the same messages, by their ids.
    messages = await service.written(125)
    others = dict.fromkeys(("identify", "page", "screen", "group", "alias"), 1)
    assert Counter(each["type"] for each in messages) == {"track": 120, **others}
    assert {each["properties"]["product_id"] for each in messages if each["type"] == "track"} == {
        f"P{number}" for number in range(120)
    }
    assert all(WRITE_KEY not in json.dumps(each, default=str) for each in messages)


async def test_segments_python_library_is_told_why_it_is_refused(service: Running) -> None:
    errors: list[Any] = []

    def send() -> None:
        client = Client("another key", host=service.url, on_error=lambda error, _: errors.append(error), max_retries=1)
        client.track("u", "A")
        client.shutdown()

    await asyncio.to_thread(send)
    assert [(error.status, error.code) for error in errors] == [(401, "wrong-key")]


async def test_segments_node_library(service: Running) -> None:
    modules = await asyncio.to_thread(node_modules)
    process = await asyncio.create_subprocess_exec(
        *("node", str(FOLDER / "send.cjs"), service.url, WRITE_KEY),
        env={**os.environ, "MODULES": str(modules)},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert json.loads(said) == []
    messages = await service.written(6)
    assert Counter(each["type"] for each in messages) == {"track": 5, "identify": 1}
    assert all(each["originalTimestamp"] for each in messages)
