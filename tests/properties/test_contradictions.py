"""A condition that is said to be never true is true of no history, and one that is always true is false of none.

Random conditions over a few terms with small bounds, so that many contradict themselves; the oracle evaluates each over
random small histories, out of order too, at every event and long after.
"""

import json
from collections import Counter
from random import Random

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.language import syntax as s
from app.segments.language.contradictions import contradictions, never_entered
from app.segments.language.parser import parse_condition
from app.segments.language.satisfiability import can_be_false, can_be_true
from app.segments.language.walk import walk
from tests.model.history import History
from tests.model.messages import Record, read
from tests.model.plain import instant_text, name_of
from tests.model.view import View

SEEDS = range(12)
CONDITIONS = 80
HISTORIES = 20
HOUR_MS = 3_600_000
START_MS = 1_767_571_200_000 + 20 * HOUR_MS
CATALOG = load_catalog({"a.yaml": "segment: a\nwhen: exists('A')\n"})

PRODUCT = name_of("0")
"""That of `item.quantity`; half of the events have it."""
WINDOWS = ("", " within 2h", " within 6h", " from '2026-01-05' to '2026-01-06'", " since last 'B'")
PATTERNS = ("'A'", "'A' where x > 1", "any('A', 'B')", "'A' once per x", "sequence('A' then 'B')")
NUMBERS = ("count({p}{w})", "distinct(x of {p}{w})", "sum(x of {p}{w})", "max(x of {p}{w})", "avg(x of {p}{w})")
NEWER_NUMBERS = (
    "days({p}{w})",
    "weeks({p}{w})",
    "median(x of {p}{w})",
    "percentile(90, x of last 2 'A')",
    "streak({p})",
)
NUMBERS_OF_THE_USER = (
    "cart.items",
    "cart.quantity",
    "item.quantity",
    "item.price",
    "session.pages",
    "session.events",
    "session.number",
    "bucket('a')",
)
DURATIONS = ("since({p}{w})", "cart.idle", "item.idle", "session.idle", "session.duration", "user.idle", "user.age")
DISTANCES = ("since(traits.d)", "until(traits.d)", "until_anniversary(traits.d)", "since(last(d of {p}{w}))")
OPEN = ("last(x of 'A')", "traits.x", "context.x", "key(count('A' per x))")
DAYS = ("'monday'", "'tuesday'", "'sunday'")
FILTERS = ("x = 1", "x > 1", "x < 2", "x in ['a', 1]", "not x = 1", "x = y", "x contains 'a'")
TIME_FILTERS = ("hour_of_day() > 20", "hour_of_day() < 3", "day_of_week() = 'monday'", "count(x) > 1", "count(x) < 2")
ALL_FILTERS = (*FILTERS, *TIME_FILTERS)


def condition(random: Random, depth: int = 2, about: tuple[int, str, int] | None = None) -> str:
    """A condition; `about`: the kind of its comparisons, their pattern and their term, so that they meet each other."""
    if about is None and random.random() < 0.5:
        about = random.randrange(8), random.choice(PATTERNS), random.randrange(100)
    if depth and random.random() < 0.75:
        joined = [condition(random, depth - 1, about) for _ in range(random.randint(2, 3))]
        return "(" + random.choice((" and ", " and ", " or ")).join(joined) + ")"
    atom = comparison(random, *(about or (random.randrange(8), random.choice(PATTERNS), random.randrange(100))))
    return f"not {atom}" if random.random() < 0.25 else atom


def comparison(random: Random, kind: int, pattern: str, term: int) -> str:
    window = random.choice(WINDOWS[:-1] if random.random() < 0.8 else WINDOWS)
    sign = random.choice(("<", "<=", ">", ">=", "=", "!="))

    def chosen(terms: tuple[str, ...]) -> str:
        return terms[term % len(terms)].format(p=pattern, w=window)

    match kind:
        case 0 | 1 | 2:
            number = random.choice(("-1", "0", "1", "2", "2.5", "3"))
            left = chosen((NUMBERS[0], NUMBERS[0], *NUMBERS, *NEWER_NUMBERS, *NUMBERS_OF_THE_USER))
            if random.random() < 0.1:
                left += random.choice((" * 2", " - 1", " / 2"))
            return f"{left} in [{number}, 1.5]" if random.random() < 0.1 else f"{left} {sign} {number}"
        case 3:
            return f"{random.choice(('exists', 'never'))}({pattern}{window})" + random.choice(
                ("", " = true", " = false")
            )
        case 4:
            return f"{chosen((*DURATIONS, *DISTANCES))} {sign} {random.choice(('0s', '1h', '3h'))}"
        case 5 if term % 2:
            return f"hour_of_day('UTC') {sign} {random.choice(('0', '5', '23'))}"
        case 5:
            return f"day_of_week('UTC') {random.choice(('=', '!='))} {random.choice(DAYS)}"
        case 6:
            return f"{chosen(OPEN)} {sign} {random.choice(('1', '2', '3'))}"
        case _:
            return f"exists('A' where {random.choice((' and ', ' or ')).join(random.sample(ALL_FILTERS, 2))})"


def history(random: Random) -> History:
    """A few events, some of them late, with lists among the values."""
    found = History(session_gap_ms=HOUR_MS // 2, lateness_ms=24 * HOUR_MS)
    at_ms = now = START_MS
    for index in range(random.randint(1, 6)):
        at_ms += random.choice((0, 1, 600_000, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS))
        t = at_ms - random.choice((0, 0, 0, HOUR_MS))
        value = random.choice((1, 2, 3, 1.5, "a", "b", [1, 2], [1, 3], ["a", 3], None))
        date = random.choice(("2026-01-06", "2026-01-05T23:00", "01-06", at_ms, None))
        message = {"anonymousId": "u", "timestamp": instant_text(t), "context": {"x": value}}
        kind = random.choice(("A", "A", "A", "B", "Product Added", "Order Completed", "page", "identify", "identify"))
        if kind in ("page", "identify"):
            message |= {"type": kind, "traits": {"x": value, "d": date}}
        else:
            message |= {
                "type": "track",
                "event": kind,
                "properties": {"x": value, "y": 1, "d": date, "product_id": str(index % 2)},
            }
        read_message = read(Record(index, -1, b"u", json.dumps(message).encode()), HOUR_MS)
        now = max(now, t)
        found.take(read_message, now)
    return found


def views(random: Random) -> list[View]:
    """A user after each of their events, and later."""
    whole = history(random)
    seen = []
    for count in range(1, len(whole.arrivals) + 1):
        part = History(session_gap_ms=whole.session_gap_ms, lateness_ms=whole.lateness_ms)
        for arrival in whole.arrivals[:count]:
            part.take(arrival.message, arrival.now)
        now = part.arrivals[-1].now
        later = () if count < len(whole.arrivals) else (1, HOUR_MS, 3 * HOUR_MS, 24 * HOUR_MS)
        seen += [View("u", CATALOG, part, frozenset(), now + more, product=PRODUCT) for more in (0, *later)]
    return seen


def parts(node: s.Expression) -> list[s.Expression]:
    """The condition, and all conditions in it that are not inside an aggregate."""
    match node:
        case s.And(operands=operands) | s.Or(operands=operands):
            return [node, *(part for operand in operands for part in parts(operand))]
        case s.Not(operand=operand):
            return [node, *parts(operand)]
        case _:
            return [node]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.long
def test_what_is_said_to_be_impossible_never_happens(seed: int) -> None:
    random = Random(seed)
    seen = [view for _ in range(HISTORIES) for view in views(random)]
    told: Counter[str] = Counter()
    for _ in range(CONDITIONS):
        node = parse_condition(condition(random))
        outcomes = {view.is_true(node) for view in seen}
        told["conditions"] += 1
        told["seen both ways"] += len(outcomes) == 2
        for part in parts(node):
            if not can_be_true(part):
                told["never"] += 1
                assert not any(view.is_true(part) for view in seen), (seed, part)
            if not can_be_false(part):
                told["always"] += 1
                assert all(view.is_true(part) for view in seen), (seed, part)
    assert told["never"] >= 5, told
    assert told["always"] >= 1, told
    assert told["seen both ways"] >= CONDITIONS // 4, told


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_enters_where_that_is_said(seed: int) -> None:
    random = Random(seed)
    seen = [view for _ in range(HISTORIES) for view in views(random)]
    for _ in range(CONDITIONS):
        enter, leave = (parse_condition(condition(random, 1)) for _ in range(2))
        if never_entered(enter, leave) is not None:
            assert not any(view.is_true(enter) and not view.is_true(leave) for view in seen), (seed, enter, leave)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_remark_is_about_a_part_of_the_condition(seed: int) -> None:
    random = Random(seed)
    for _ in range(CONDITIONS):
        text = condition(random)
        node = parse_condition(text)
        spans = {each.span.start for each in walk(node)}
        for remark in contradictions(node):
            assert remark.span.start in spans
            assert remark.message.endswith(" true") or "at once" in remark.message
