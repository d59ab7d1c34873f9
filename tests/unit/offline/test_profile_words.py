"""A profile in words."""

from app.offline.profile_words import ProfileWords
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.scenario import Scenario
from tables.profile import new_profile

START_MS = 1_767_571_200_000
GROUPED = "segment: grouped\nwhen: never('Nothing')\nexperiment: {name: e, groups: {mail: 100}}\n"
PLAIN = "segment: plain\nwhen: never('Nothing')\n"


def test_a_membership_says_the_groups_that_its_changes_tell_if_there_are_any() -> None:
    catalog = load_catalog({"g.yaml": GROUPED, "p.yaml": PLAIN})
    program = compile_catalog(catalog, TimeRules())
    numbers = {segment.name: segment.id for segment in program.segments}
    profile = new_profile(0, 0)
    profile.members = {
        numbers["grouped"]: [1, 5, 1, None, None, None, ["mail", ["e", "mail", 5, 1]]],
        numbers["plain"]: [1, 5, 1, None, None, None],
    }
    said = {each["segment"]: each.get("groups") for each in ProfileWords(catalog, program).of("u", profile)["segments"]}
    exposed = {"experiment": "e", "group": "mail", "exposed_at": "1970-01-01T00:00:00.005Z", "crossed": True}
    assert said == {"grouped": [exposed], "plain": None}


def test_the_values_of_a_segment_by_value_are_told() -> None:
    text = "segment: viewed\neach: product\nwhen: exists('View' within 1h)\n"
    catalog = load_catalog({"v.yaml": text})
    scenario = Scenario(catalog)
    message = {"type": "track", "event": "View", "userId": "u", "properties": {"product": ["b", 5]}}
    scenario.pipe(message, at_ms=START_MS)
    (told,) = ProfileWords(catalog, scenario.program).of("u", scenario.partition.profile("u"))["remembered"]
    assert told["name"] == "values of viewed"
    assert [(each["value"], each["membership"]["in"], each["remembered"]) for each in told["state"]] == [
        (value, True, [{"name": "exists('View' within 1h)", "state": START_MS}]) for value in (5, "b")
    ]
