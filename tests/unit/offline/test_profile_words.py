"""A profile in words."""

from app.offline.profile_words import ProfileWords
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from tables.profile import new_profile

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
