"""Texts that are read against a large catalog."""

from dataclasses import replace
from typing import Any

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.dependencies import references
from app.settings import load_settings
from app.web.drafts.draft_reader import DraftReader

DEFINITIONS = 300
TEXT = "segment: more\nwhen: count('Event 1' within 7d) >= 2 and segment('s-7')\n"


def files() -> dict[str, str]:
    """Segments, of which one is used by another."""
    found = {f"s-{each}.yaml": f"segment: s-{each}\nwhen: exists('Event {each}')\n" for each in range(DEFINITIONS)}
    return found | {"s-8.yaml": "segment: s-8\nwhen: segment('s-7')\n"}


def test_only_the_first_text_looks_at_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog, reader = load_catalog(files()), DraftReader(load_settings({}))
    assert reader.read(TEXT, catalog, of="").usable
    looked_at: list[Any] = []

    def counted(definition: Any) -> Any:
        looked_at.append(definition)
        return references(definition)

    monkeypatch.setattr("app.web.drafts.draft_reader.references", counted)
    assert reader.read(TEXT.replace("2", "3"), catalog, of="").usable
    assert 0 < len(looked_at) < 10


def test_who_uses_a_definition_is_known_of_each_catalog() -> None:
    catalog, reader = load_catalog(files()), DraftReader(load_settings({}))
    text = catalog.segment("s-7").text
    assert reader.read(text, catalog, of="s-7").needed_by == ["s-8"]
    assert reader.read(text, catalog, of="").needed_by == []
    later = load_catalog(files() | {"s-9.yaml": "segment: s-9\nwhen: not segment('s-7')\n"})
    assert reader.read(text, later, of="s-7").needed_by == ["s-8", "s-9"]
    broken = reader.read(text.replace("exists('Event 7')", "segment('s-8')"), replace(later), of="s-7")
    assert not broken.usable
