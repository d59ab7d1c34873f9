"""Files become one catalog: ordered, versioned, with every problem at its place."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.segments.definitions.catalog import CatalogError, Problem, definition_version, load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE, settings_text
from app.segments.definitions.definition import PointsOn, Segment
from app.segments.language import canonical, parse_condition, parse_pattern

CART = """\
segment: cart-abandoned
title: Potential buyers
description: Something in the cart, untouched for half an hour.
owner: anna
tags: [shop, mail]
when: cart.items > 0 and cart.idle >= 30m
attach:
  value: cart.value
  products: cart.products
updates: [value]
for: 1m
hold: 1h
cooldown: 1d
warmup: wait
topic: true
status: draft
tests:
  - name: enters
    start: 2026-03-29T01:00:00+01:00
    events:
      - {at: 0m, event: Product Added, properties: {product_id: A1, price: 20.5, gift: no, note: null}}
      - {at: 1m, type: page, messageId: m1, context: {page: {path: /}}, time: 30s}
      - {at: 1m, type: identify, traits: {age: 42, tags: [a, 1, true]}}
    expect:
      - {at: 30m, in: true, attach: {value: 20.5}}
      - {at: 29m59s, in: false}
"""


def problems(files: Mapping[str, str]) -> list[Problem]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(files)
    return list(caught.value.problems)


def segments(**conditions: str) -> dict[str, str]:
    return {f"{name}.yaml": f"segment: {name}\nwhen: {condition}\n" for name, condition in conditions.items()}


# ---- the content of a file


def test_a_segment_is_read_in_full() -> None:
    segment = load_catalog({"cart.yaml": CART}).segment("cart-abandoned")
    assert segment.when == parse_condition("cart.items > 0 and cart.idle >= 30m")
    assert (segment.enter, segment.exit) == (None, None)
    assert (segment.for_ms, segment.hold_ms, segment.cooldown_ms) == (60_000, 3_600_000, 86_400_000)
    assert [name for name, _ in segment.attach] == ["value", "products"]
    assert segment.updates == ("value",)
    assert (segment.warmup, segment.topic, segment.status) == ("wait", True, "draft")
    assert (segment.title, segment.owner, segment.tags) == ("Potential buyers", "anna", ("shop", "mail"))
    assert (segment.path, segment.text) == ("cart.yaml", CART)


def test_a_test_is_read_in_full() -> None:
    (test,) = load_catalog({"cart.yaml": CART}).segment("cart-abandoned").tests
    assert (test.name, test.start_ms, test.line) == ("enters", 1_774_742_400_000, 18)
    added, page, identify = test.events
    assert added.message == {
        "type": "track",
        "event": "Product Added",
        "properties": {"product_id": "A1", "price": 20.5, "gift": "no", "note": None},
        "anonymousId": "visitor",
    }
    assert page.at_ms == 60_000
    assert page.message["timestamp"] == "2026-03-29T00:00:30.000Z"
    assert page.message["context"] == {"page": {"path": "/"}}
    assert identify.message["traits"] == {"age": 42, "tags": ["a", 1, True]}
    assert [(e.at_ms, e.inside, e.attach, e.line) for e in test.expect] == [
        (1_799_000, False, None, 26),
        (1_800_000, True, {"value": 20.5}, 25),
    ]


def test_a_score_is_read_in_full() -> None:
    points = "points:\n  - {on: Product Added, add: 20}\n  - {when: cart.items > 0, add: -2.5}\n"
    text = f"score: intent\nhalf_life: 7d\n{points}"
    score = load_catalog({"intent.yaml": text}).score("intent")
    assert (score.half_life_ms, score.within_ms) == (604_800_000, None)
    on, when = score.points
    assert isinstance(on, PointsOn)
    assert (on.pattern, on.add) == (parse_pattern("'Product Added'"), 20)
    assert not isinstance(when, PointsOn)
    assert (when.condition, when.add) == (parse_condition("cart.items > 0"), -2.5)


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("Product Added", "'Product Added'"),
        ("'Product Added'", "'Product Added'"),
        ("\"'Product Added'\"", "'Product Added'"),
        ("page", "page"),
        ("\"'page'\"", "'page'"),
        ("Where-Clicked", "'Where-Clicked'"),
        ("\"any('A', 'B') once per x\"", "any('A', 'B') once per x"),
        ("page where path = '/'", "page where path = '/'"),
    ],
)
def test_the_event_of_points_needs_no_quotes_of_its_own(written: str, pattern: str) -> None:
    score = load_catalog({"s.yaml": f"score: s\npoints:\n  - on: {written}\n    add: 1\n"}).score("s")
    (point,) = score.points
    assert isinstance(point, PointsOn)
    assert point.pattern == parse_pattern(pattern)


def test_a_filter_without_quotes_is_no_event_name() -> None:
    (problem,) = problems({"s.yaml": "score: s\npoints:\n  - on: Product Viewed where price > 100\n    add: 1\n"})
    assert problem.hint == "write 'Product Viewed'"


@pytest.mark.parametrize(
    "written",
    [
        "when: cart.items > 0 and cart.idle > 30m",
        "when:   cart.items>0 and cart.idle>30m  # left alone",
        "when: 'cart.items > 0 and cart.idle > 30m'",
        'when: "cart.items > 0 and cart.idle > 30m"',
        "when: >-\n  cart.items > 0\n  and cart.idle > 30m",
        "when: |\n  cart.items > 0\n    and cart.idle > 30m\n",
        "when: cart.items > 0\n  and cart.idle > 30m",
        "when:\n  cart.items > 0 and cart.idle > 30m",
    ],
)
def test_a_condition_may_be_written_in_every_style_of_yaml(written: str) -> None:
    segment = load_catalog({"s.yaml": f"segment: s\n{written}\n"}).segment("s")
    assert segment.when == parse_condition("cart.items > 0 and cart.idle > 30m")


# ---- places


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        ("when: true and cart.itms > 0", 2, 16),
        ("when:    true and cart.itms > 0  # comment", 2, 19),
        ("when: 'exists(''A'') and cart.itms > 0'", 2, 26),
        ("when: \"exists('A') and cart.itms > 0\"", 2, 24),
        ('when: "true \\x61nd cart.itms > 0"', 2, 20),
        ("when: >-\n  true\n  and cart.itms > 0", 4, 7),
        ("when: >-  # why\n  true\n\n  and cart.itms > 0", 5, 7),
        ("when: |\n  true\n    and cart.itms > 0", 4, 9),
        ("when: true\n  and cart.itms > 0", 3, 7),
        ("when: true\n\n    and\n  cart.itms > 0", 5, 3),
        ("when: 'true\n  and cart.itms > 0'", 3, 7),
        ("when:\n  true and cart.itms > 0", 3, 12),
        ("title: ü\nwhen: exists(page where a = 'é') and cart.itms > 0", 3, 38),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_problem_stands_at_its_line_and_column(written: str, line: int, column: int, newline: str) -> None:
    (problem,) = problems({"s.yaml": f"segment: s\n{written}\n".replace("\n", newline)})
    assert (problem.line, problem.column, problem.text) == (line, column, "cart.itms")


def test_a_byte_order_mark_moves_no_column() -> None:
    (problem,) = problems({"s.yaml": "\ufeffsegment: s\nwhen: cart.itms > 0"})
    assert (problem.line, problem.column) == (2, 7)


def test_a_problem_shows_the_line_and_the_place() -> None:
    (problem,) = problems({"deploy/segments/x.yaml": "segment: x\nwhen: true and cart.itms > 0\n"})
    assert str(problem) == (
        "deploy/segments/x.yaml:2:16: unknown field cart.itms\n"
        "  2 | when: true and cart.itms > 0\n"
        "    |                ^^^^^^^^^\n"
        "  the fields of cart are items, quantity, value, products and idle\n"
        "  did you mean cart.items?"
    )


def test_a_long_line_is_shown_around_the_place() -> None:
    condition = " or ".join(["cart.items = 1"] * 60 + ["cart.itms = 1"] + ["cart.items = 1"] * 60)
    (problem,) = problems({"s.yaml": f"segment: s\nwhen: {condition}\n"})
    _, shown, carets, *_ = str(problem).split("\n")
    assert len(shown) < 180
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "cart.itms"


def test_all_problems_of_all_files_are_said_in_order() -> None:
    files = {
        "b.yaml": "segment: b\nwhen: cart.itms > 0\nhold: 5\nattach: {v: cart.valu}\n",
        "a.yaml": "segment: [\n",
        "c.yaml": "segment: c\nwhen: segment('d')\n",
        "e.yaml": "segment: e\nwhen: segment('b') and cart.items > 3m and traits.x\n",
    }
    assert [(p.path, p.line) for p in problems(files)] == [
        ("a.yaml", 1),
        ("b.yaml", 2),
        ("b.yaml", 3),
        ("b.yaml", 4),
        ("c.yaml", 2),
        ("e.yaml", 2),
        ("e.yaml", 2),
    ]


def test_a_segment_with_a_problem_is_known_to_others() -> None:
    files = segments(a="cart.itms > 0", b="segment('a')")
    assert [p.path for p in problems(files)] == ["a.yaml"]


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader_of_files(text: str) -> None:
    for content in (text, f"segment: s\nwhen: {text}\n", f"segment: s\nwhen: true\ntests: {text}\n"):
        try:
            load_catalog({"s.yaml": content})
        except CatalogError as error:
            assert "s.yaml" in str(error)  # noqa: PT017 - the other outcome, a catalog, is as good


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        "- " * 10_000,
        "{a: " * 10_000,
        "segment: s\nwhen: " + "(" * 300_000,
        "a: &a [*a, *a]",
        "x" * 300_000,
    ],
)
def test_strange_files_are_problems_and_nothing_worse(text: str) -> None:
    assert problems({"s.yaml": text})


# ---- order


def test_segments_stand_in_settlement_order() -> None:
    files = segments(
        e="cart.items > 0",
        d="segment('e')",
        a="segment('d')",
        c="cart.items > 1",
        b="score('p') > 1 and cart.items > 1",
    )
    files["p.yaml"] = "score: p\npoints:\n  - {when: segment('e'), add: 1}\n  - {when: score('q') > 1, add: 1}\n"
    files["q.yaml"] = "score: q\npoints:\n  - {when: segment('a'), add: 1}\n"
    assert [segment.name for segment in load_catalog(files).segments] == ["c", "e", "d", "a", "b"]


def test_what_is_attached_is_a_dependency_too() -> None:
    files = segments(b="cart.items > 0")
    files["a.yaml"] = "segment: a\nwhen: cart.items > 0\nattach:\n  other: segment('b')\n"
    assert [segment.name for segment in load_catalog(files).segments] == ["b", "a"]


def test_a_circle_is_shown() -> None:
    (problem,) = problems(segments(a="segment('c')", b="segment('a') and cart.items > 0", c="segment('b')"))
    assert (problem.path, problem.detail) == (
        "a.yaml",
        "segment a -> segment c -> segment b -> segment a",
    )


def test_two_circles_are_two_problems() -> None:
    found = problems(segments(a="segment('b')", b="segment('a')", c="segment('c') or cart.items > 0"))
    assert [problem.message for problem in found] == ["a uses itself", "c uses itself"]


@given(st.permutations(["a", "b", "c", "d", "e"]), st.data())
def test_the_next_segment_is_the_smallest_whose_dependencies_are_done(names: list[str], data: st.DataObject) -> None:
    uses = {
        name: data.draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else []
        for index, name in enumerate(names)
    }
    files = segments(
        **{
            name: " and ".join(["cart.items > 0", *(f"segment('{other}')" for other in used)])
            for name, used in uses.items()
        }
    )
    done: list[str] = []
    while len(done) < len(names):
        done.append(min(name for name in names if name not in done and set(uses[name]) <= set(done)))
    assert [segment.name for segment in load_catalog(files).segments] == done


# ---- drafts and retired segments


def with_status(status: str, name: str, condition: str) -> str:
    return f"segment: {name}\nstatus: {status}\nwhen: {condition}\n"


def test_only_live_segments_are_live() -> None:
    files = segments(a="cart.items > 0")
    files["b"] = with_status("draft", "b", "segment('a')")
    files["c"] = with_status("retired", "c", "segment('a')")
    catalog = load_catalog(files)
    assert [segment.name for segment in catalog.segments] == ["a", "b", "c"]
    assert [segment.name for segment in catalog.live_segments] == ["a"]


def test_a_draft_may_use_a_draft() -> None:
    load_catalog({"a": with_status("draft", "a", "cart.items > 0"), "b": with_status("draft", "b", "segment('a')")})


def test_a_retired_segment_may_use_what_is_gone() -> None:
    retired = load_catalog(
        {"a": with_status("retired", "a", "segment('b') and segment('gone')"), "b": with_status("retired", "b", "true")}
    )
    assert not retired.live_segments


def test_a_score_may_not_use_a_draft() -> None:
    score = "score: s\npoints:\n  - {when: segment('a'), add: 1}\n"
    (problem,) = problems({"a": with_status("draft", "a", "cart.items > 0"), "s": score})
    assert problem.message == "the segment a is a draft"


# ---- versions

SEGMENT = (
    "segment: s\nwhen: cart.items > 0 and user.idle > 24h\nattach: {a: cart.value, b: cart.items}\nupdates: [a, b]\n"
)
SAME = [
    SEGMENT + "title: Other\ndescription: Other\nowner: bert\ntags: [x]\n",
    SEGMENT.replace("and", "  and  ").replace("24h", "1d"),
    "# why\n" + SEGMENT.replace("cart.items > 0 and", "(cart.items > 0) and"),
    SEGMENT.replace("[a, b]", "[b, a]"),
    SEGMENT + "for: 0s\nstatus: live\ntopic: false\nwarmup: none\n",
    SEGMENT + "persona: {name: Hunters, traits: [a], offer: b, picture: 'https://shop.example/a.png'}\n",
    SEGMENT + "tests:\n  - name: one\n    expect: [{at: 0s, in: false}]\n",
]
OTHER = [
    SEGMENT.replace("segment: s", "segment: t"),
    SEGMENT.replace("> 0", ">= 0"),
    SEGMENT.replace("24h", "25h"),
    SEGMENT.replace("a: cart.value", "a: cart.quantity"),
    SEGMENT.replace("[a, b]", "[a]"),
    SEGMENT + "for: 1s\n",
    SEGMENT + "hold: 1s\n",
    SEGMENT + "cooldown: 1s\n",
    SEGMENT + "topic: true\n",
    SEGMENT + "status: draft\n",
    SEGMENT + "warmup: wait\n",
    SEGMENT.replace("when:", "exit: cart.items = 0\nenter:"),
]


def versions(text: str) -> tuple[str, str]:
    catalog = load_catalog({"s.yaml": text})
    return catalog.version, definition_version(catalog.segments[0])


def test_versions_are_hexadecimal_digits() -> None:
    catalog, definition = versions(SEGMENT)
    assert (len(catalog), len(definition)) == (12, 6)
    assert int(catalog + definition, 16)


@pytest.mark.parametrize("text", SAME)
def test_a_version_stays_when_the_meaning_does(text: str) -> None:
    assert versions(text) == versions(SEGMENT)


@pytest.mark.parametrize("text", OTHER)
def test_a_version_changes_with_the_meaning(text: str) -> None:
    for one, other in zip(versions(text), versions(SEGMENT), strict=True):
        assert one != other


def test_the_version_of_a_catalog_knows_no_file_names() -> None:
    assert load_catalog({"a": SEGMENT, "b": CART}).version == load_catalog({"c": CART, "d": SEGMENT}).version


def test_points_make_the_version_of_a_score() -> None:
    texts = [
        "score: s\npoints:\n  - {on: page, add: 1}\n",
        "score: s\npoints:\n  - {on: page, add: 2}\n",
        "score: s\npoints:\n  - {on: screen, add: 1}\n",
        "score: s\npoints:\n  - {when: exists(page), add: 1}\n",
        "score: s\nwithin: 1d\npoints:\n  - {on: page, add: 1}\n",
        "score: s\nhalf_life: 1d\npoints:\n  - {on: page, add: 1}\n",
    ]
    found = {definition_version(load_catalog({"s": text}).scores[0]) for text in texts}
    assert len(found) == len(texts)


def test_no_files_are_an_empty_catalog() -> None:
    catalog = load_catalog({})
    assert (catalog.segments, catalog.scores) == ((), ())


def test_what_is_not_there_is_a_key_error() -> None:
    catalog = load_catalog({"s.yaml": SEGMENT})
    with pytest.raises(KeyError):
        catalog.segment("t")
    with pytest.raises(KeyError):
        catalog.score("s")


def test_an_expression_is_canonical_whatever_its_file_looks_like() -> None:
    one = load_catalog({"s.yaml": SEGMENT}).segment("s")
    assert isinstance(one, Segment)
    assert one.when is not None
    assert canonical.text(one.when) == "cart.items > 0 and user.idle > 1d"


def test_the_zone_of_a_catalog_is_part_of_its_version() -> None:
    segment = {"a.yaml": "segment: a\nwhen: exists('A')\n"}
    plain, berlin = load_catalog(segment), load_catalog(segment | {SETTINGS_FILE: "zone: Europe/Berlin\n"})
    assert (plain.settings.zone, berlin.settings.zone) == ("UTC", "Europe/Berlin")
    assert plain.version != berlin.version
    assert load_catalog(segment | {SETTINGS_FILE: "zone: UTC\n"}).version == plain.version
    assert settings_text(berlin.settings) == "zone: Europe/Berlin"
