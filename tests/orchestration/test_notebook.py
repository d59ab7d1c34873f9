"""The notebook of the examples runs from its first cell to its last, and what it publishes is there."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.catalogs.catalog_in_use import catalog_in_use
from app.embedded import EmbeddedBroker
from app.settings import load_settings
from tools.docs_pages import ROOT

NOTEBOOK = ROOT / "examples" / "notebooks" / "from-events-to-a-segment.ipynb"


def cells(kind: str) -> list[str]:
    """The sources of its cells of a kind, in order."""
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def test_it_is_stored_without_results() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    for cell in notebook["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert cells("markdown")[0].startswith("# ")


@pytest.mark.long
@pytest.mark.timeout(600)  # a machine may be busy with other things
def test_it_runs_from_events_to_a_published_segment(
    embedded_broker: EmbeddedBroker, unique: str, tmp_path: Path
) -> None:
    given = {"KAFKA_BOOTSTRAP_SERVERS": embedded_broker.bootstrap_servers, "SHOAL_TOPIC_PREFIX": f"{unique}."}
    given |= {"SHOAL_APP_ID": unique, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    program = tmp_path / "cells.py"
    program.write_text("\n\n".join(cells("code")), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=560,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 test of 1 segment: all passed" in done.stdout
    assert "3 definitions in groups" in done.stdout
    audit = next(line.split() for line in done.stdout.splitlines() if line.startswith("members"))
    assert audit[:3] == ["members", "20", "0"]
    settings = load_settings(given, catalog="topic")
    catalog = asyncio.run(catalog_in_use(settings))
    assert [segment.name for segment in catalog.live_segments] == ["cart-fillers"]
    persona = catalog.segment("cart-fillers").persona
    assert persona is not None
    assert persona.offer == "free delivery"
