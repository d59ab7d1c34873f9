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


def test_a_label_can_be_that_nothing_comes() -> None:
    features = read_features_file("f.yaml", GOOD.replace("exists(", "never(")).features
    assert features is not None
    (label,) = features.labels
    assert (label.kind, label.ahead_ms) == ("never", 86_400_000)
    assert label.segment is not None
    assert label.segment.when is not None
    assert canonical.text(label.segment.when) == "exists('Order Completed' where coupon = 'within next 5d')"


def test_the_version_is_that_of_the_meaning() -> None:
    def version(text: str) -> str:
        features = read_features_file("f.yaml", text).features
        assert features is not None
        return features.version

    assert version(GOOD) == version(GOOD + "title: Soon\n") == version(GOOD.replace("views:", "views:   "))
    changes = {
        ">= 5": ">= 6",
        "7d": "8d",
        "views": "seen",
        "24h": "25h",
        "bought": "sold",
        "exists": "count",
        "exists(": "never(",
    }
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
        ("exists(", "distinct(coupon of ", "6:11", "the label bought is not one of exists, never, count and sum"),
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


TEN = ", ".join(f"'s{number}'" for number in range(10))


def with_next(label: str) -> str:
    return GOOD + f"  next: {label}\n"


def test_a_label_of_the_next_segment_has_classes() -> None:
    features = read_features_file(
        "f.yaml", with_next("next_segment( 'buyers','bargain-hunters'  within next 7d )")
    ).features
    assert features is not None
    label = features.labels[1]
    assert (label.kind, label.ahead_ms, label.segment) == ("next", 7 * 86_400_000, None)
    assert label.segments == ("buyers", "bargain-hunters")
    assert label.classes == ("buyers", "bargain-hunters", "none")
    other = read_features_file("f.yaml", with_next("next_segment('bargain-hunters', 'buyers' within next 7d)")).features
    assert other is not None
    assert other.version != features.version


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("next_segment('a', 'b')", "does not name segments and how far it looks ahead"),
        ("next_segment(a, b within next 7d)", "write next_segment('browsers', 'buyers' within next 7d)"),
        ("next_segment('a' within next 7d)", "next_segment takes 2 to 9 segments, not 1"),
        (f"next_segment({TEN} within next 7d)", "next_segment takes 2 to 9 segments, not 10"),
        ("next_segment('a', 'a' within next 7d)", "the label next names a segment twice"),
        ("next_segment('a', 'none' within next 7d)", "none is the value where no segment is entered"),
        ("next_segment('a', 'b' within next 7 d)", "does not name segments"),
        ("next_segment('a', 'b' within next 7x)", "7x"),
    ],
)
def test_wrong_labels_of_the_next_segment(label: str, message: str) -> None:
    told = said(with_next(label))
    assert "f.yaml:7:9" in told
    assert message in told
