"""The quickstart is done, letter by letter, only with other ports and less patience."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from app.cli.init import first_files
from tests.support.kafka_node import free_ports
from tools.docs_pages import ROOT, blocks

PAGE = ROOT / "docs" / "quickstart.md"
LONGEST_S = 300


def test_the_segment_on_the_page_is_the_one_that_is_written() -> None:
    (shown,) = (block.text for block in blocks(PAGE) if block.info == "yaml")
    assert first_files()["segments/cart-abandoned.yaml"].endswith(f"\n{shown}")


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_from_an_event_to_the_webhook(tmp_path: Path) -> None:
    whole = blocks(PAGE)
    script = "\n".join(block.text for block in whole if block.info == "sh")
    (promised,) = (block.text for block in whole if block.info == "json")
    service, receiver = free_ports(2)
    for shown, here in (
        ("8080", str(service)),
        ("9000", str(receiver)),
        ("idle_clock_speed=60", "idle_clock_speed=1200"),
        ('"$PWD/.venv/bin:$PATH"', f'"{Path(sys.executable).parent}:$PATH"'),
    ):
        assert shown in script
        script = script.replace(shown, here)
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euc", f"trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{script}"),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), LONGEST_S)
    except TimeoutError:
        logs = {path.name: path.read_text() for path in (tmp_path / "shop").glob("*.log")}
        raise AssertionError(logs) from None
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 0, said.decode()
    assert json.loads((tmp_path / "shop" / "mails.log").read_text()) == json.loads(promised)
    assert '"segment":"cart-abandoned"' in said.decode().replace(" ", "")
