"""Documented definitions of other products become exactly these files, which are valid and whose tests hold."""

import pytest

from app.imports.translation import PRODUCTS
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.catalog_limits import check_catalog
from app.segments.review.scenario import run_test
from tests.unit.imports.golden_files import REPORT, kept, made, translated


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_file_of_definitions_becomes_the_golden_files(product: str) -> None:
    assert made(product) == kept(product), "python -m tests.unit.imports.golden_files writes them anew"


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_golden_files_are_valid_and_their_tests_hold(product: str) -> None:
    files = {name: text for name, text in kept(product).items() if name != REPORT}
    catalog = load_catalog(files)
    check_catalog(catalog, TimeRules())
    for segment in catalog.segments:
        assert [expectation.inside for test in segment.tests for expectation in test.expect] == [True, False]
        failures = [failure for test in segment.tests for failure in run_test(catalog, segment, test)]
        assert not failures, "\n".join(map(str, failures))


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_segment_with_a_part_left_out_is_a_draft_that_names_it(product: str) -> None:
    translation = translated(product)
    for gap in translation.gaps:
        assert gap.path in str(gap)
        assert "\n" not in str(gap)
    for name, text in translation.files.items():
        assert ("status: draft" in text) == ("could not be translated" in text), name
    assert translation.drafts == sum("status: draft" in text for text in translation.files.values())
