"""The reported bytes of definitions are those that a profile has; shared things count once."""

import json
from typing import Any

import pytest

from app.events.instants import iso
from app.offline.backtest import FileRecord
from app.segments.compiler.program import aggregates_of, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.footprint import Kept, footprints, profile_size
from tables.cut_texts import TEXT_BYTES_KEY_MAX, TEXT_BYTES_VALUE_MAX
from tables.recent import VALUES_MAX
from tables.windows import EVENTS_MAX

RULES = TimeRules()
START_MS = 1_767_571_200_000


def definition(when: str, name: str = "tried", more: str = "") -> dict[str, str]:
    return {f"{name}.yaml": f"segment: {name}\nwhen: {json.dumps(when)}\n{more}"}


def kept_of(when: str, more: str = "") -> dict[str, Kept]:
    """Words -> what is kept, but the membership."""
    found = footprints(load_catalog(definition(when, more=more)), RULES)["tried"]
    return {kept.words: kept for kept in found.kept if not kept.words.startswith("whether in")}


def history(count: int, values: int) -> list[dict[str, Any]]:
    """Events whose values are as long, and as many, as they may be."""
    long = "v" * (TEXT_BYTES_KEY_MAX - 3)
    listed = [f"{'w' * (TEXT_BYTES_KEY_MAX - 3)}{number:03}" for number in range(20)]
    longest = "s" * TEXT_BYTES_VALUE_MAX
    return [
        {
            "type": "track",
            "event": name,
            "anonymousId": "u",
            "timestamp": iso(START_MS + number * 1_000),
            "messageId": f"{name} {number}",
            "properties": {
                **dict.fromkeys(("product_id", "value", "order_id"), f"{long}{number % values:03}"),
                "price": 999_999_999_999.5,
                "quantity": 12_345.678,
                "text": listed,
            },
            "context": {"campaign": {"source": longest}, "page": {"path": longest}, "traits": {"plan": listed}},
        }
        for number in range(count)
        for name in ("Product Added", "Viewed", "Bought")
    ]


def encoded_bytes(when: str, more: str) -> int:
    """The largest profile after each hundredth event of such a history."""
    partition = Partition(compile_catalog(load_catalog(definition(when, more=more)), RULES), RULES, keyed=False)
    messages = history(EVENTS_MAX + 20, VALUES_MAX)
    records = [FileRecord(offset, -1, None, json.dumps(message).encode()) for offset, message in enumerate(messages)]
    most = 0
    for start in range(0, len(records), 100):
        batch = partition.process(records[start : start + 100])
        assert batch.accepted == len(records[start : start + 100]), (batch.dead, batch.late)
        most = max(most, len(batch.profiles["u"] or b""))
    return most


@pytest.mark.parametrize(
    ("when", "more", "tight"),
    [
        ("exists('Viewed' within 7d)", "", 1.2),
        ("count('Viewed' within 7d) > 3", "", 1.2),
        ("count('Viewed' within 7d) > 900", "", 1.2),
        ("count('Viewed') > 3", "", 1.2),
        ("sum(price of 'Viewed' within 7d) > 10", "", 1.2),
        ("sum(price of 'Viewed') > 10", "", 1.2),
        ("max(price of 'Viewed' since last 'Ordered') > 10", "", 1.2),
        ("distinct(value of 'Viewed' within 7d) > 3", "", 1.2),
        ("count('Viewed' per value within 7d) > 3", "", 1.2),
        ("count('Viewed' per value within 7d) > 30", "", 1.2),
        ("count('Viewed' per value) > 3", "", 1.2),
        ("last(text of 'Viewed' within 7d) = 'x'", "", 1.2),
        ("first(text of 'Viewed') = 'x'", "", 1.2),
        ("cart.value > 10", "attach: {products: cart.products}\nupdates: [products]\n", 1.2),
        ("session.pages >= 0", "attach: {source: session.source, page: session.landing_page}\n", 1.2),
        ("traits.plan = 'x'", "", 1.2),
        ("count('Bought' once per order_id within 7d) >= 2", "", 1.2),
        ("exists(sequence('Viewed' then 'Bought' within 2h matching value) within 7d)", "", 2),
        ("exists(sequence('Viewed' then 'Bought' then no 'Ordered' for 30m) within 24h)", "", 1.2),
        ("count(sequence('Viewed' then no 'Ordered' for 2h matching value) within 24h) > 2", "", 2),
        ("count(sequence('Viewed' then no 'Ordered' then 'Bought' matching value) within 7d) > 2", "", 4),
        ("count(sequence('Viewed' then no 'Bought' then 'Viewed' then no 'Ordered' for 2h matching value)) > 2", "", 4),
        ("last(text of sequence('Viewed' then no 'Ordered' for 2h matching value)) = 'x'", "", 1.2),
        ("distinct(text of sequence('Viewed' then no 'Ordered' for 2h matching value) within 1d) > 3", "", 1.2),
        ("sum(price of sequence('Viewed' then no 'Ordered' for 2h matching value) within 1d) > 3", "", 4),
        ("count(sequence('Viewed' then no 'Bought' for 2h matching text) once per text within 1d) > 2", "", 4),
        ("first(text of 'Viewed' within 7d) = 'x'", "", 1.2),
        ("first(text of 'Viewed' since last 'Ordered') = 'x'", "", 1.2),
    ],
)
def test_no_profile_is_larger_than_said(when: str, more: str, tight: float) -> None:
    catalog = load_catalog(definition(when, more=more))
    said = profile_size(catalog, footprints(catalog, RULES))
    found = encoded_bytes(when, more)
    assert said.typical < said.most
    assert found <= said.most <= found * tight


def test_each_thing_is_said_in_words_with_the_limits_that_hold_it() -> None:
    kept = kept_of(
        "count('Viewed' within 7d) > 3 and count('Viewed' where price > 5 per category since last 'Bought') > 2"
        " and cart.value > 0 and session.pages > 1 and traits.plan = 'pro' and count(page) > 2 and never(screen)"
        " and sum(price of 'Bought' once per order_id within 1d) > 5 and min(price of 'Bought') < 5",
        more="attach: {path: last(path of page within 1d), top: key(count(page per path)), ref: first(ref of page)}\n",
    )
    assert {words: each.limits for words, each in kept.items()} == {
        "the cart: products, quantities, prices, and its latest additions and removals": (
            "100 products",
            "100 additions and removals",
        ),
        "the visit: beginning, last event, counts, source, landing page": (),
        "the latest traits.plan": ("20 items of a list",),
        "when the last 4 of 'Viewed' were within 7d": (),
        "category and instant of 'Viewed' where price > 5, the last 3 of each category since last 'Bought'": (
            "100 values",
        ),
        "how many of page": (),
        "when the last of screen was": (),
        "price and instant of each of 'Bought' once per order_id within 1d": ("1,000 events", "100 values"),
        "min of price of 'Bought'": (),
        "the last path of page within 1d": ("20 items of a list",),
        "how many of page for each path": ("100 values",),
        "the first ref of page": ("20 items of a list",),
        "the values sent last": (),
    }


def test_searches_in_texts_that_may_be_cut_are_among_the_limits() -> None:
    when = (
        "traits.plan contains 'pro' and last(path of page) matches 'x' and key(count(page per path)) starts with 'abc'"
        " and context.page.path starts with '/p' and cart.products contains 'A'"
        f" and exists(page where path contains 'x') and session.source starts with '{'x' * 50}'"
    )
    found = footprints(load_catalog(definition(when)), RULES)["tried"]
    assert [limit for limit in found.limits if "searched" in limit] == [
        "1,024 bytes of traits.plan that are searched",
        "1,024 bytes of last(path of page) that are searched",
        "1,024 bytes of session.source that are searched",
    ]


FILES = {
    **definition("exists('Bought' within 30d) and count(page within 7d) > 2", "buyers"),
    **definition("segment('buyers') and not exists('Bought' within 30d)", "layered"),
    **definition("score('intent') >= 5", "leads"),
    **definition("exists('Bought' within 60d)", "trying", "status: draft\n"),
    **definition("exists('Bought' within 90d)", "gone", "status: retired\n"),
    **definition("user.age > 7d", "known"),
    "intent.yaml": "score: intent\npoints:\n  - {on: Viewed, add: 5}\n  - {when: segment('buyers'), add: 1}\n",
    "lately.yaml": "score: lately\nwithin: 3d\npoints: [{on: Viewed, add: 5}]\n",
}


def test_what_several_definitions_keep_counts_once_in_the_whole_profile() -> None:
    catalog = load_catalog(FILES)
    found = footprints(catalog, RULES)
    shared = {kept.id for kept in found["buyers"].kept} & {kept.id for kept in found["layered"].kept}
    assert len(shared) == 1
    without = load_catalog({name: text for name, text in FILES.items() if name != "layered.yaml"})
    more = profile_size(catalog, found).most - profile_size(without, footprints(without, RULES)).most
    assert more == sum(kept.size.most for kept in found["layered"].kept if kept.id not in shared)


def test_drafts_and_retired_segments_are_not_remembered() -> None:
    catalog = load_catalog(FILES)
    found = footprints(catalog, RULES)
    assert found["trying"].kept
    assert not found["gone"].kept
    live = load_catalog({name: text for name, text in FILES.items() if name not in ("trying.yaml", "gone.yaml")})
    assert profile_size(catalog, found) == profile_size(live, footprints(live, RULES))


def test_a_score_keeps_what_its_points_ask_for() -> None:
    found = footprints(load_catalog(FILES), RULES)
    assert [kept.words for kept in found["intent"].kept] == ["how many of 'Viewed'"]
    assert [kept.words for kept in found["lately"].kept] == ["when the last 1,000 of 'Viewed' were within 3d"]
    assert [kept.words for kept in found["leads"].kept][:-1] == ["how many of 'Viewed'"]


@pytest.mark.parametrize(
    ("name", "days", "ever"),
    [
        ("buyers", 30, False),
        ("layered", 30, False),
        ("leads", 30, True),
        ("lately", 3, False),
        ("known", 0, False),
        ("gone", 0, False),
    ],
)
def test_history_is_complete_when_the_longest_window_has_been_seen(name: str, days: int, ever: bool) -> None:
    footprint = footprints(load_catalog(FILES), RULES)[name]
    assert (footprint.window_ms, footprint.ever) == (days * 86_400_000, ever)


@pytest.mark.parametrize("more", ["", "each: product_id\n"])
def test_aggregates_are_known_without_code_being_compiled(more: str) -> None:
    catalog = load_catalog(
        definition("count('Product Viewed' within 2d) >= 2 and sum(price of 'Viewed') > 3", more=more)
    )
    program = compile_catalog(catalog, RULES)
    by_value = [what for parts in program.parts for what in parts.registry.by_id.values()]
    compiled = by_value or program.remembered.values()
    assert bool(by_value) == bool(more)
    found = aggregates_of(catalog, RULES)
    assert [(each.id, each.text, each.within_ms) for each in found] == [
        (each.id, each.text, each.within_ms) for each in compiled
    ]
    assert len(found) == 2
