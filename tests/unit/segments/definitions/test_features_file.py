"""Features files: what they become, and what is said about wrong ones."""

import pytest

from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.definitions.features_file import read_features_file
from app.segments.language import canonical

GOOD = """\
features: buyers-soon
moments: session.pages >= 5
values:
  views: count('Product Viewed' within 7d)
labels:
  bought: "exists('Order Completed' where coupon = 'within next 5d' within next 24h)"
"""


def said(text: str) -> str:
    """All problems of a features file, as a user sees them."""
    file = read_features_file("f.yaml", text)
    try:
        load_catalog({}, more=file.parts)
    except CatalogError as error:
        return str(error)
    return "\n".join(map(str, file.source.problems))


def test_a_label_becomes_a_running_total_of_its_events() -> None:
    features = read_features_file("f.yaml", GOOD).features
    assert features is not None
    (label,) = features.labels
    assert (label.kind, label.ahead_ms) == ("exists", 86_400_000)
    assert label.segment is not None
    ((_, total),) = label.segment.attach
    assert canonical.text(total) == "count('Order Completed' where coupon = 'within next 5d')"
    assert said(GOOD) == ""


def test_the_version_is_that_of_the_meaning() -> None:
    def version(text: str) -> str:
        features = read_features_file("f.yaml", text).features
        assert features is not None
        return features.version

    assert version(GOOD) == version(GOOD + "title: Soon\n") == version(GOOD.replace("views:", "views:   "))
    changes = {">= 5": ">= 6", "7d": "8d", "views": "seen", "24h": "25h", "bought": "sold", "exists": "count"}
    versions = {version(GOOD.replace(old, new, 1)) for old, new in changes.items()}
    assert len(versions) == len(changes)
    assert version(GOOD) not in versions


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("features: buyers-soon\n", "", "1:1", "features need a name"),
        ("moments: session.pages >= 5\n", "", "1:1", "features need moments"),
        ("session.pages >= 5", "session.pages", "2:10", "true or false"),
        ("views: count", "Views: count", "4:3", "Views cannot be a column"),
        ("views: count", "user: count", "4:3", "user and at are columns of every row"),
        ("bought:", "views:", "6:3", "views is a value already"),
        (" within next 24h", "", "6:11", "the label bought does not say how far it looks ahead"),
        ("exists(", "distinct(coupon of ", "6:11", "the label bought is not one of exists, count and sum"),
        (" within next 24h", " once per coupon within next 24h", "6:11", "the label bought is not one of exists"),
        ("within 7d", "within next 7d", "4:40", "within next looks ahead"),
        ("within next 24h", "within next 24 hours", "6:", "24"),
        ("count('Product", "cuont('Product", "4:10", "count"),
        ("where coupon = ", "where cupon. = ", "6:", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, line: str, message: str) -> None:
    assert old in GOOD
    told = said(GOOD.replace(old, new, 1))
    assert f"f.yaml:{line}" in told, told
    assert message in told
