"""The examples of docs/http.md work."""

import asyncio
import os
import shutil

import pytest

from app.events.ga4 import NAMES
from tests.service.projection import Projection
from tests.service.running import READ_KEY, WRITE_KEY, Running
from tools.docs_pages import ROOT, blocks, code, rows

PAGE = ROOT / "docs" / "http.md"


async def test_the_commands_of_the_page_do_what_they_should(service: Running) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on the path")
    projection = Projection(service.settings)
    await projection.begin()
    scripts = [block.text for block in blocks(PAGE) if block.info == "sh" and block.text.startswith("curl")]
    assert len(scripts) == 4
    environment = {**os.environ, "SHOAL": service.url, "WRITE_KEY": WRITE_KEY, "READ_KEY": READ_KEY}
    for script in scripts:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-ec", script), env=environment, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said
    await projection.redis.aclose()
    (message,) = await service.written()
    assert (message["userId"], message["event"]) == ("u-42", "Product Added")


def test_the_names_of_ga4_on_the_page_are_those_of_the_program() -> None:
    shown: dict[str, str] = {}
    for row in rows(PAGE):
        if row.head[0] == "GA4":
            shown |= dict.fromkeys(code(row.cells[0]), row.cells[1])
    del shown["page_view"], shown["screen_view"]
    assert shown == {name: event for name, (event, _) in NAMES.items()}
