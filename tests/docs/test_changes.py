"""The change that the documentation shows is what the shown event and the shown definition make."""

import json
from datetime import datetime

from app.segments.definitions.catalog import load_catalog
from app.segments.review.scenario import Scenario
from tools.docs_pages import ROOT, blocks, code, definitions, rows

DAY_MS = 86_400_000
CHANGES = ROOT / "docs" / "changes.md"
README = ROOT / "README.md"


def test_the_event_of_the_readme_makes_the_change_that_is_explained() -> None:
    (event,) = [json.loads(block.text) for block in blocks(README) if block.info == "json"]
    (shown,) = [json.loads(block.text) for block in blocks(CHANGES) if block.info == "json"]
    at_ms = int(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)
    scenario = Scenario(load_catalog(definitions(README)))
    scenario.pipe(event, at_ms=at_ms)
    scenario.advance(at_ms + DAY_MS - 1)
    (made,) = scenario.changes
    assert json.loads(made.encode()) == shown


def test_every_field_of_a_change_is_explained() -> None:
    (shown,) = [json.loads(block.text) for block in blocks(CHANGES) if block.info == "json"]
    explained = {name for row in rows(CHANGES) if row.head[0] == "field" for name in code(row.cells[0])}
    assert explained == shown.keys()
