"""Drafts: definitions that tests and backtests see, and workers do not."""

from dataclasses import replace

from app.segments.definitions.definition import Catalog


def with_drafts(catalog: Catalog) -> Catalog:
    """The catalog as tests and backtests see it: drafts are live."""
    live = tuple(replace(each, status="live") if each.status == "draft" else each for each in catalog.segments)
    return replace(catalog, segments=live)
