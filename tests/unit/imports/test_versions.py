"""Comparisons of versions that PostHog exports."""

import json
from itertools import product
from typing import Any

import pytest

from app.imports.gaps import Untranslatable
from app.imports.translation import translate
from app.imports.value_tests import MISSING, version
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.versions import COMPARE

OPERATORS = ("=", ">", ">=", "<", "<=")


@pytest.mark.parametrize(("operator", "value"), [*product(OPERATORS, ("2.10", "1.0.0", "v3", "0.0.1", 3))])
def test_the_values_of_a_test_are_on_both_sides(operator: str, value: Any) -> None:
    test = version("traits.app", operator, value)
    assert COMPARE[operator](test.yes, value)
    assert not COMPARE[operator](test.no, value)


def test_below_no_version_there_is_none() -> None:
    assert version("traits.app", ">=", "0").no is MISSING
    with pytest.raises(Untranslatable):
        version("traits.app", "<", "0.0")


@pytest.mark.parametrize("value", ["latest", None, ["2.1"], "2.x"])
def test_what_is_no_version_is_not_translated(value: Any) -> None:
    with pytest.raises(Untranslatable):
        version("traits.app", ">=", value)


@pytest.mark.parametrize("operator", ["semver_eq", "semver_neq", "semver_gt", "semver_gte", "semver_lt", "semver_lte"])
def test_each_comparison_of_versions_becomes_a_valid_definition(operator: str) -> None:
    one = {"type": "person", "key": "app", "operator": operator, "value": "2.10"}
    document = {"name": "it", "filters": {"properties": {"type": "AND", "values": [one]}}}
    translation = translate("posthog", json.dumps(document).encode(), "it.json")
    assert not any(gap.left_out for gap in translation.gaps), translation.gaps
    assert "version(traits.app)" in "".join(translation.files.values())
    load_catalog(translation.files)
