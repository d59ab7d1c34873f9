"""Destinations that expect what no segment gives are found before anything is sent."""

from pathlib import Path

from app.catalogs.definitions_folder import load_segments
from app.destinations.against_catalog import mismatches
from app.destinations.destination_file import DestinationFile
from app.segments.definitions.catalog import load_catalog
from tests.destinations.lists import audience
from tests.destinations.making import HOOK, destination
from tests.destinations.test_recipes import ENVIRON, RECIPES

CATALOG = load_catalog(
    {
        "viewers.yaml": "segment: viewers\nwhen: count(page within 1h) >= 2\nattach: {seen: 'count(page within 1h)'}\n",
        "intent.yaml": "score: intent\npoints: [{on: page, add: 1}]\nwithin: 1d\n",
    }
)


def said(more: str) -> list[str]:
    return list(mismatches(destination(HOOK + more), CATALOG))


def test_a_segment_that_is_misspelled_is_found() -> None:
    assert said("segments: [viewer]\n") == ["there is no segment viewer: did you mean viewers?"]


def test_a_score_is_no_segment() -> None:
    assert said("segments: [intent]\n") == [
        "there is no segment intent: it is a score; write a segment that asks for it"
    ]


def test_a_list_of_users_has_no_segment_by_value() -> None:
    by_value = load_catalog({"v.yaml": "segment: viewers\neach: product_id\nwhen: exists('A' within 1h)\n"})
    told = [text for text in mismatches(audience(), by_value) if "attaches no" not in text]
    assert told == ["viewers is by value (each), a list has users: write a segment with when: segment('viewers')"]


def test_a_group_that_no_experiment_has_is_found() -> None:
    assert said("groups: [mail]\n") == ["no experiment has a group mail: add an experiment"]
    text = "segment: s\nwhen: exists(page)\nexperiment: {name: e, groups: {holdout: 10, mail: 90}}\n"
    made = destination(HOOK + "groups: [mail, mial]\n")
    assert list(mismatches(made, load_catalog({"s.yaml": text}))) == [
        "no experiment has a group mial: did you mean mail?"
    ]


def test_a_value_that_is_not_attached_is_found_unless_it_may_be_missing() -> None:
    (text,) = said('body: {a: "{{ attach.email }}", b: "{{ attach.seen }}", c: ["{{ attach.x | optional }}"]}\n')
    assert text.startswith("viewers attaches no email")


def test_the_shipped_destinations_name_shipped_segments_and_want_no_more_than_an_address() -> None:
    catalog = load_segments(RECIPES.parent / "segments")
    for path in sorted(Path(RECIPES).glob("*.yaml")):
        made = DestinationFile(path.name, path.read_text(), environ=ENVIRON, private=False).read()
        assert made is not None
        assert [text for text in mismatches(made, catalog) if "attaches no email" not in text] == [], path.name
