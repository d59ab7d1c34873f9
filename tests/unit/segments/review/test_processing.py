"""The fields that a catalog reads, each with the definitions that read it."""

from app.catalogs.definitions_folder import load_segments
from app.configuration.setting_value import SHIPPED
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import CONSENT_FILE
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.processing import EVERY_EVENT, Processing, processing

RULES = TimeRules()
CONSENT = "purposes:\n  mail: {default: denied, collect: true}\n  ads: {default: granted, category: C4}\n"
FILES = {
    CONSENT_FILE: CONSENT,
    "a.yaml": "segment: a\ntitle: Spenders\nowner: crm\nrequires: [mail]\n"
    "when: sum(price of any('Bought', 'Rented') within 1d) > 5\nattach: {plan: traits.plan}\n",
    "b.yaml": "segment: b\nstatus: draft\nwhen: segment('a') and exists('Bought' where colour = 'red' within 1d)\n",
    "c.yaml": "segment: c\nwhen: score('busy') > 5 and context.device.type = 'phone'\n",
    "busy.yaml": "score: busy\nwithin: 1d\npoints: [{on: page where depth > 3, add: 5}]\n",
}


def report() -> Processing:
    return processing(load_catalog(FILES), RULES)


def test_each_field_has_its_events_and_definitions() -> None:
    assert {each.place: (each.events, each.definitions) for each in report().fields} == {
        "context.device.type": ((EVERY_EVENT,), ("c",)),
        "context.traits.plan": ((EVERY_EVENT,), ("a",)),
        "properties.colour": (("Bought",), ("b",)),
        "properties.depth": (("page",), ("busy", "c")),
        "properties.price": (("Bought", "Rented"), ("a",)),
        "traits.plan": (("identify",), ("a",)),
    }


def test_definitions_and_purposes_say_what_for() -> None:
    found = report()
    assert [(each.name, each.status) for each in found.definitions] == [
        ("a", "live"),
        ("b", "draft"),
        ("busy", "score"),
        ("c", "live"),
    ]
    first = found.definitions[0]
    assert (first.title, first.owner, first.consent, first.sends) == ("Spenders", "crm", ("mail",), ("plan",))
    assert [(each.name, each.default, each.place, each.collect, each.segments) for each in found.purposes] == [
        ("ads", "granted", "context.consent.categoryPreferences.C4", False, ()),
        ("mail", "denied", "context.consent.categoryPreferences.mail", True, ("a",)),
    ]


def test_what_is_remembered_has_its_definitions() -> None:
    remembered = {each.words: each.definitions for each in report().remembered}
    assert remembered["the latest traits.plan"] == ("a",)
    assert remembered["memberships: in or out, since when, how many times"] == ("a", "b", "c")


def test_together_the_definitions_read_what_the_whole_catalog_reads() -> None:
    """Of the segments that come with Shoal: no field is missing from the report, and none is too many."""
    catalog = load_segments(SHIPPED / "segments", RULES)
    program = compile_catalog(catalog, RULES)
    whole = {".".join(("context", *path)) for path in program.context_paths}
    whole |= {f"properties.{name}" for name in program.visit_properties}
    for (kind, _), handler in program.handlers.items():
        whole |= {f"{'traits' if kind == 'identify' else 'properties'}.{name}" for name in handler.reads}
    assert {each.place for each in processing(catalog, RULES).fields} == whole
