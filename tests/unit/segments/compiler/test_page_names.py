"""The name of a page or screen: the property `name`, else the `name` of the message, where the Segment spec has it."""

import json
from typing import Any

import pytest

from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.scenario import Scenario, run_test
from tests.model.messages import Record
from tests.model.story import START_MS, event
from tests.properties.comparison import difference
from tests.properties.scenario import Pause
from tests.properties.scenario import Scenario as History


def entered(when: str, *messages: dict[str, Any]) -> list[int]:
    """The numbers of the messages after which the user is in."""
    scenario = Scenario(load_catalog({"s.yaml": f"segment: s\nwhen: {json.dumps(when)}\n"}))
    found = []
    for number, message in enumerate(messages):
        scenario.pipe({"userId": "u", **message}, at_ms=START_MS + number)
        if scenario.inside("u", "s"):
            found.append(number)
    return found


@pytest.mark.parametrize("kind", ["page", "screen"])
def test_the_name_of_the_message_is_the_name(kind: str) -> None:
    when = f"exists({kind} where name = 'Home')"
    assert entered(when, {"type": kind, "name": "Home"}) == [0]
    assert entered(when, {"type": kind, "name": "Home", "properties": {"path": "/"}}) == [0]
    assert entered(when, {"type": kind, "name": "Cart"}, {"type": kind}) == []


@pytest.mark.parametrize("kind", ["page", "screen"])
def test_the_property_goes_first(kind: str) -> None:
    when = f"exists({kind} where name = 'Home')"
    assert entered(when, {"type": kind, "name": "Cart", "properties": {"name": "Home"}}) == [0]
    assert entered(when, {"type": kind, "name": "Home", "properties": {"name": "Cart"}}) == []


@pytest.mark.parametrize("missing", [None, {}, [], {"a": 1}])
def test_a_property_that_is_no_value_is_as_if_it_were_not_there(missing: Any) -> None:
    assert entered(
        "exists(page where name = 'Home')", {"type": "page", "name": "Home", "properties": {"name": missing}}
    ) == [0]


@pytest.mark.parametrize("name", [5, True, {"a": "Home"}, ["Home"], None])
def test_a_name_that_is_no_text_is_none_and_no_reason_to_reject_the_message(name: Any) -> None:
    assert entered("exists(page where name = 'Home')", {"type": "page", "name": name}) == []
    assert entered("exists(page)", {"type": "page", "name": name}) == [0]


def test_it_is_so_wherever_a_property_is_read() -> None:
    pages = [{"type": "page", "name": name} for name in ("Home", "Cart", "Home")]
    assert entered("first(name of page) = 'Home'", *pages) == [0, 1, 2]
    assert entered("last(name of page within 1d) = 'Cart'", *pages) == [1]
    assert entered("count(page per name within 1d) >= 2", *pages) == [2]
    assert entered("distinct(name of page) >= 2", *pages) == [1, 2]
    assert entered("count(page once per name) >= 2", *pages) == [1, 2]
    assert entered("exists(sequence(page then page matching name))", *pages) == [2]
    assert entered("exists(page where properties['name'] = 'Cart')", *pages) == [1, 2]


def test_other_messages_have_no_name_of_their_own() -> None:
    assert entered("exists('A' where name = 'Home')", {"type": "track", "event": "A", "name": "Home"}) == []
    assert entered("exists(identify where name = 'Home')", {"type": "identify", "name": "Home"}) == []
    assert entered("exists(page where name.first = 'Home')", {"type": "page", "name": "Home"}) == []


def test_the_oracle_reads_it_too() -> None:
    names: list[dict[str, Any]] = [{"name": "a"}, {"name": 5}, {"name": "b", "properties": {"name": ["c", {}]}}, {}]
    names += [{"name": "d", "properties": {"name": []}}, {"name": "e", "properties": 7}, {"properties": {"name": 6}}]
    said = [
        json.dumps({**event(f"{number}m", kind), **more}).encode()
        for number, more in enumerate(names)
        for kind in ("page", "screen", "V")
    ]
    moments: tuple[tuple[Record, Pause], ...] = tuple(
        (Record(offset, -1, b"u", value), "") for offset, value in enumerate(said)
    )
    definition = {
        "segment": "s",
        "when": "exists(page)",
        "attach": {
            "last": "last(name of any(page, screen, 'V'))",
            "count": "count(page where name = 'a' or name = 'c' or name >= 6) + 0",
            "key": "key(count(any(page, 'V') per name))",
        },
        "updates": ["last", "count", "key"],
    }
    files = {"s.yaml": json.dumps(definition)}
    assert difference(History(files, TimeRules(), moments, START_MS + 86_400_000)) is None


TESTED = """
segment: home
when: exists(page where name = 'Home')
tests:
  - name: enters with the name of the page
    events:
      - {at: 1m, type: page, name: Home}
    expect:
      - {at: 59s, in: false}
      - {at: 1m, in: true}
"""


def test_events_of_a_test_have_it() -> None:
    catalog = load_catalog({"home.yaml": TESTED})
    assert run_test(catalog, catalog.segments[0], catalog.segments[0].tests[0]) == []


def test_events_of_a_test_that_are_no_page_or_screen_do_not() -> None:
    with pytest.raises(CatalogError, match="a message of type track has no name") as raised:
        load_catalog({"home.yaml": TESTED.replace("type: page", "event: Seen")})
    assert "write properties: {name: ...}" in str(raised.value)
