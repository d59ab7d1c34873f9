"""Views of definitions."""

from pathlib import Path

from app.catalogs.definitions_folder import load_segments
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.footprint import footprints
from app.web.catalog_view import with_needs

SHIPPED = Path(__file__).parents[2] / "deploy" / "segments"


def test_a_segment_needs_as_much_of_a_profile_among_all_others_as_with_what_it_uses() -> None:
    catalog, rules = load_segments(SHIPPED), TimeRules()
    among_all = footprints(catalog, rules)
    for segment in catalog.segments:
        few = with_needs(catalog, segment)
        assert len(few.segments) < len(catalog.segments)
        assert footprints(few, rules)[segment.name] == among_all[segment.name]
