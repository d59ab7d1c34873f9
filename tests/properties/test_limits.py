"""Beyond every limit the engine and the oracle still agree: what is left out is the same for both."""

import json
from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from app.segments.evaluation.time_rules import TimeRules
from tests.model.messages import Record
from tests.model.story import START_MS, event
from tests.properties.comparison import difference
from tests.properties.scenario import Pause, Scenario

MINUTE_MS = 60_000
Message = dict[str, Any]


def scenario(
    attach: str, messages: Iterable[Message], when: str = "exists('P')", rules: TimeRules | None = None
) -> Scenario:
    """Each change of an attached value is said; everything is saved and restored in between."""
    definition = {"segment": "s", "when": when, "attach": {"value": attach}, "updates": ["value"]}
    moments: list[tuple[Record, Pause]] = []
    for offset, message in enumerate(messages):
        pause: Pause = "restart" if offset % 17 == 16 else ""
        moments.append((Record(offset, -1, b"u", json.dumps(message).encode()), pause))
    end_ms = START_MS + 3 * 86_400_000
    return Scenario({"s.yaml": json.dumps(definition)}, rules or TimeRules(), tuple(moments), end_ms)


def at(minutes: int, name: str = "P", **properties: Any) -> Message:
    return event(f"{minutes}m", name, properties)


def shuffled(count: int, seed: int, names: str = "P", values: int = 130, spread: int = 100) -> list[Message]:
    """Events out of order, with equal instants, of many values."""
    chance = Random(seed)
    said = []
    for number in range(count):
        minutes = max(0, number // 3 - chance.randrange(0, spread))
        listed = [f"v{chance.randrange(values):03}" for _ in range(chance.choice((1, 1, 1, 2, 30)))]
        said.append(at(minutes, chance.choice(names), p=listed[0] if len(listed) == 1 else listed, n=number))
    return said


PER_VALUE = [
    "distinct(p of 'P' within 2h)",
    "distinct(p of 'P')",
    "count('P' per p within 2h)",
    "key(count('P' per p within 2h))",
    "key(count('P' per p))",
    "count('P' once per p within 2h) + 0",
    "count('P' once per p since last 'Q') + 0",
    "key(count('P' per p since last 'Q'))",
    "count(sequence('P' then 'R' within 30m matching p) within 3h) + 0",
    "count(sequence('P' then no 'Q' for 20m matching p) within 3h) + 0",
    "count(sequence('P' then no 'Q' then 'R' within 30m matching p) within 3h) + 0",
    "key(count(sequence('P' then 'R' then no 'Q' for 5m matching p) per p within 3h))",
]


@pytest.mark.parametrize("attach", PER_VALUE)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.long
def test_more_values_than_are_kept(attach: str, seed: int) -> None:
    assert difference(scenario(attach, shuffled(60, seed, names="PPPPQR"))) is None


@pytest.mark.parametrize("attach", [text for text in PER_VALUE if "matching" in text])
@pytest.mark.parametrize("minutes", [1, 20])
@pytest.mark.long
def test_more_values_than_are_kept_with_little_lateness(attach: str, minutes: int) -> None:
    rules = TimeRules(lateness_ms=minutes * MINUTE_MS)
    said = shuffled(70, minutes, names="PPPPQR", spread=minutes + 20)
    assert difference(scenario(attach, said, rules=rules)) is None


@pytest.mark.parametrize("attach", PER_VALUE)
def test_few_values_at_equal_instants(attach: str) -> None:
    assert difference(scenario(attach, shuffled(50, 3, names="PPPPQR", values=4, spread=5))) is None


@pytest.mark.long
@pytest.mark.parametrize(
    "attach",
    [
        "sum(n of 'P' within 2d)",
        "first(n of 'P' within 2d)",
        "min(n of 'P' since last 'Q')",
        "key(count('P' per n within 2d))",
    ],
)
def test_more_events_than_are_kept(attach: str) -> None:
    chance = Random(4)
    numbers = [chance.randrange(1_000) for _ in range(3_000)]
    lists = [at(number // 10 - chance.randrange(3), n=numbers[number : number + 90]) for number in range(20, 40)]
    assert difference(scenario(attach, lists)) is None


@pytest.mark.parametrize("function", ["first", "last"])
@pytest.mark.parametrize("window", ["", " within 1h", " since last 'Q'"])
@pytest.mark.long
def test_values_that_take_more_bytes_than_are_kept(function: str, window: str) -> None:
    chance = Random(5)
    said = []
    for number in range(120):
        text = f"{number}" + "é" * chance.choice((1, 31, 32, 33, 127, 128, 129, 300))
        listed = [text[: chance.randrange(300)] or text, number, True, 1.5] * chance.choice((1, 5, 7))
        said.append(at(max(0, number - chance.randrange(9)), x=chance.choice((text, listed, number)), z=number))
    said[60]["event"] = "Q"
    assert difference(scenario(f"{function}(x of 'P'{window})", said)) is None


@pytest.mark.parametrize("window", ["within 1d", "since last 'Q'"])
@pytest.mark.long
def test_more_bytes_than_a_first_keeps(window: str) -> None:
    chance = Random(8)
    said = []
    for number in range(110):
        listed = ["é" * 31 + f"{number:03}{other}" for other in range(chance.choice((3, 18, 20)))]
        said.append(at(max(0, number - chance.randrange(9)), x=chance.choice((listed, listed, listed, number))))
    said.insert(105, at(3, "Q"))
    assert difference(scenario(f"first(x of 'P' {window})", said)) is None


@pytest.mark.parametrize("closing", ["", " then no 'R' for 20m"])
@pytest.mark.parametrize("scope", ["where n > 20", "where n > 20 and hour_of_day() >= 0", ""])
def test_what_a_sequence_with_a_filter_makes_start_anew(scope: str, closing: str) -> None:
    said = [at(number * 7 % 90, "PQR"[number % 3], n=number) for number in range(60)]
    last = f"sequence('P' then no 'R' then 'Q'{closing}) {scope}"
    assert difference(scenario(f"count('R' since last {last}) + 0", said)) is None


@pytest.mark.parametrize("attach", ["traits.plan", "context.page.path"])
def test_lists_of_traits_and_context_that_take_more_bytes_than_are_kept(attach: str) -> None:
    texts = ["é" * length for length in (1, 31, 32, 33, 127, 128, 129)]
    said = []
    for number, value in enumerate((*texts, texts, texts * 4, [*texts, 1, True, None])):
        context = {"traits": {"plan": value}, "page": {"path": value}}
        said.append(event(f"{number}m", "P", {}, context=context))
    assert difference(scenario(attach, said)) is None


@pytest.mark.parametrize(
    "attach",
    [
        "distinct(p of sequence('P' then no 'Q' for 20m) within 1d)",
        "key(count(sequence('P' then no 'Q' for 20m matching m) per p within 1d))",
        "sum(n of sequence('P' then no 'Q' for 20m) within 1d)",
        "last(p of sequence('P' then no 'Q' for 20m) within 1d)",
        "count(sequence('P' then no 'Q' for 20m matching m) once per p within 1d) + 0",
        "distinct(p of sequence('P' then 'P') within 1d)",
    ],
)
def test_long_lists_of_events_that_wait_for_what_must_not_come(attach: str) -> None:
    said = []
    for number in range(12):
        listed = [f"v{(number * 7 + other) % 90:02}" for other in range(number * 5)]
        said.append(at(number * 4, p=listed, n=[*range(number * 5), "x", number], m=number % 3))
    late = [at(90, "P", p=["a"] * 3 + [f"w{n}" for n in range(40)], n=list(range(40)), m=5), at(200, "X")]
    assert difference(scenario(attach, [*said, *late, at(201, "Q")])) is None


@pytest.mark.parametrize("matching", ["", " matching p"])
@pytest.mark.parametrize("rest", ["no 'Q' for 2h", "no 'Q' then 'P'", "no 'Q' then 'P' then no 'Q' for 1h"])
def test_more_events_that_must_not_come_than_are_remembered(rest: str, matching: str) -> None:
    attach = f"count(sequence('P' then {rest}{matching}) within 1d) + 0"
    chance = Random(6)
    said = []
    for number in range(150):
        listed = [f"v{chance.randrange(6)}" for _ in range(chance.choice((0, 1, 1, 3)))]
        name = "P" if number % 5 == 4 else "Q"
        minutes = max(0, 10 * number - chance.randrange(600)) if name == "P" else 10 * number
        said.append(at(minutes, name, p=listed))
    assert difference(scenario(attach, said)) is None


@pytest.mark.parametrize(
    "attach",
    [
        "sum(n of 'P') * sum(n of 'P')",
        "last(n of 'P') * last(n of 'P') - last(n of 'P') * 1000",
        "last(n of 'P') * 10 - last(n of 'P') * 10",
        "last(n of 'P') / 0.001",
        "max(n of 'P' within 1h) * 1000000000000",
        "cart.value",
        "cart.quantity",
        "count('P' where n * 1.5 > 3 and n / 7 < 10) + 0",
        "1d * last(n of 'P')",
    ],
)
def test_numbers_larger_than_can_be_said(attach: str) -> None:
    numbers = [1, 10**12, 10**18, 2**63 - 1, 2**64, 10**30, -(10**300), 1.7e308, -1.7e308, 5e-324]
    said = []
    for number, n in enumerate(numbers * 2):
        said.append(at(number, n=n))
        said.append(at(number, "Product Added", product_id=number % 3, quantity=n, price=n))
    assert difference(scenario(attach, said)) is None


def test_more_products_in_the_cart_than_are_kept() -> None:
    chance = Random(7)
    said = []
    for number in range(250):
        name = chance.choice(("Product Added",) * 8 + ("Product Removed",))
        minutes = max(0, number - chance.randrange(5))
        said.append(at(minutes, name, product_id=f"v{chance.randrange(140)}", quantity=chance.choice((1, 2, None))))
    assert difference(scenario("cart.products", said, when="cart.items > 0")) is None
