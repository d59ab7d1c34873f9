"""Random syntax trees, as the parser would make them."""

from typing import Any, get_args

from hypothesis import strategies as st

from app.segments.language import syntax as s
from app.segments.language.durations import DURATION_MS_MAX
from app.segments.language.functions import AGGREGATES

NAMES = st.sampled_from(["A", "Product Viewed", "page", "it's", "ü", "x y", r"\d"])
KEYS = st.sampled_from(
    [
        "price",
        "a",
        "b_1",
        "order_id",
        "within",
        "not",
        "true",
        "context",
        "properties",
        "odd name",
        "é",
        "$x",
        "cart",
        "items",
        "page",
        "in",
        "traits",
        "timestamp",
    ]
)
DATES = ("2026-11-27", "2026-11-27T18:00Z", "it's")
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(tuple)
DURATIONS = st.integers(1, DURATION_MS_MAX)
NUMBERS = st.one_of(
    st.integers(-(10**15), 10**15),
    st.floats(-(10**9), 10**9, allow_nan=False).map(lambda value: int(value) if value.is_integer() else value),
)
SCALARS: st.SearchStrategy[Any] = st.one_of(
    NUMBERS.map(s.Number), NAMES.map(s.Text), st.booleans().map(s.Boolean), DURATIONS.map(s.Duration)
)
LITERALS = st.one_of(SCALARS, st.lists(SCALARS, min_size=1, max_size=3).map(lambda items: s.ListOf(tuple(items))))
READINGS: st.SearchStrategy[Any] = st.sampled_from(get_args(s.ClockReading))
FIELDS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["items", "quantity", "value", "products", "idle"]).map(s.CartField),  # type: ignore[arg-type]  # literals
    st.sampled_from(["quantity", "price", "idle"]).map(s.CartLineField),  # type: ignore[arg-type]  # literals
    st.sampled_from(["duration", "number", "source"]).map(s.SessionField),  # type: ignore[arg-type]  # literals
    st.sampled_from(["age", "first_seen", "identified", "id"]).map(s.UserField),  # type: ignore[arg-type]  # literals
    PATHS.map(s.Trait),
    PATHS.map(s.ContextValue),
    NAMES.map(s.Membership),
    NAMES.map(s.ValueCount),
    st.sampled_from(["vip", "early-birds"]).map(s.StaticList),
    NAMES.map(s.ScoreValue),
    st.builds(s.SegmentMark, st.sampled_from(["entered", "left"]), NAMES, st.none() | DURATIONS),
    st.builds(s.SegmentMark, st.sampled_from(["since_left", "times"]), NAMES, st.none()),
    NAMES.map(s.Bucket),
    st.builds(s.Near, PATHS.map(s.Trait) | PATHS.map(s.ContextValue), st.integers(-90, 90), st.just(13.4), st.just(25)),
    st.builds(s.Clock, READINGS, st.none() | NAMES.map(s.Text) | PATHS.map(s.Trait) | PATHS.map(s.ContextValue)),
)
ARITHMETIC = st.sampled_from(["+", "-", "*", "/"])
COMPARISONS = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "in", "contains", "starts with", "matches"])


def combined(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Expressions of operators over some leaves."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(s.Arithmetic, ARITHMETIC, inner, inner),
            st.builds(s.Comparison, COMPARISONS, inner, inner),
            st.builds(s.Known, inner),
            st.builds(s.Lower, inner),
            st.builds(s.Version, inner),
            st.builds(s.Not, inner),
            _joined(s.And, inner),
            _joined(s.Or, inner),
        ),
        max_leaves=6,
    )


def _joined(kind: type[s.And] | type[s.Or], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The parser joins `a and (b and c)` into one node."""
    operands = st.lists(inner.filter(lambda node: not isinstance(node, kind)), min_size=2, max_size=3)
    return operands.map(lambda nodes: kind(tuple(nodes)))


EVENT_CLOCKS = st.builds(
    s.Clock, READINGS, st.none() | NAMES.map(s.Text) | PATHS.map(s.Property) | PATHS.map(s.EventContext)
)
OF_ITEMS = combined(
    st.one_of(
        LITERALS,
        PATHS.map(s.ItemProperty),
        PATHS.map(s.EventContext),
        PATHS.map(lambda path: s.ItemCount(s.ItemProperty(path))),
        st.builds(s.AnyItem, PATHS.map(s.ItemProperty), PATHS.map(s.ItemProperty)),
    )
)
FILTERS = combined(
    st.one_of(
        LITERALS,
        PATHS.map(s.Property),
        PATHS.map(s.EventContext),
        EVENT_CLOCKS,
        st.just(s.EventTime()),
        PATHS.map(lambda path: s.ItemCount(s.Property(path))),
        st.builds(s.AnyItem, PATHS.map(s.Property), OF_ITEMS),
    )
)
CALCULATED = st.builds(
    s.Arithmetic,
    ARITHMETIC,
    st.recursive(PATHS.map(s.Property), lambda inner: st.builds(s.Arithmetic, ARITHMETIC, inner, inner), max_leaves=3),
    PATHS.map(s.Property) | NUMBERS.map(s.Number),
)
EVENTS = st.one_of(
    NAMES.map(lambda name: s.EventName("track", name)),
    st.sampled_from(["page", "screen", "identify"]).map(lambda kind: s.EventName(kind, None)),  # type: ignore[arg-type]  # literals
)
SOURCES = st.lists(EVENTS, min_size=1, max_size=3, unique=True).map(
    lambda events: tuple(sorted(events, key=lambda event: (event.kind, event.name or "")))
)
STEPS = st.builds(s.Pattern, SOURCES, st.none() | FILTERS, st.none())


@st.composite
def sequences(draw: st.DrawFn) -> s.Sequence:
    """Sequences that have enough steps."""
    absent = draw(st.none() | STEPS)
    steps = draw(st.lists(STEPS, min_size=1 if absent else 2, max_size=3))
    within_ms = draw(st.none() | DURATIONS) if len(steps) > 1 else None
    absent_ms = draw(DURATIONS) if absent is not None else None
    between = tuple(tuple(draw(st.lists(STEPS, max_size=2))) for _ in steps[1:])
    matching = draw(st.none() | PATHS)
    return s.Sequence(tuple(steps), absent, absent_ms, within_ms, matching, between if any(between) else ())


LATEST = st.none() | st.integers(1, 100)


def patterns() -> st.SearchStrategy[s.Pattern]:
    """Patterns of all kinds."""
    return st.builds(s.Pattern, SOURCES | sequences(), st.none() | FILTERS, st.none() | PATHS, LATEST)


@st.composite
def aggregates(draw: st.DrawFn) -> s.Aggregate:
    """Aggregates of all functions."""
    function = draw(st.sampled_from(list(AGGREGATES)))
    taken = PATHS | CALCULATED if AGGREGATES[function].item == "numbers" else PATHS
    of = draw(taken) if AGGREGATES[function].of_property else None
    per = draw(st.none() | PATHS) if AGGREGATES[function].per else None
    within_ms = draw(st.none() | DURATIONS) if not AGGREGATES[function].ends_at_midnight else None
    since_last = None
    if within_ms is None:
        since_last = draw(st.none() | st.builds(s.Pattern, SOURCES | sequences(), st.none() | FILTERS, st.none()))
    spans = st.builds(s.FixedSpan, st.sampled_from(DATES), st.none() | st.sampled_from(DATES))
    open_ended = within_ms is None and since_last is None and not AGGREGATES[function].ends_at_midnight
    span_of_time = draw(st.none() | spans) if open_ended else None
    rank = draw(st.integers(1, 100) | st.just(99.5)) if AGGREGATES[function].ranked else None
    return s.Aggregate(function, of, draw(patterns()), per, within_ms, since_last, span_of_time, rank)


def keys() -> st.SearchStrategy[s.Key]:
    """`key(count(... per ...))`."""
    return aggregates().filter(lambda aggregate: aggregate.per is not None).map(s.Key)


FIRSTS = PATHS.map(s.ContextValue).map(s.FirstValue)
DATED = st.one_of(
    PATHS.map(s.Trait),
    PATHS.map(s.ContextValue),
    FIRSTS,
    aggregates().filter(lambda node: node.of is not None and node.rank is None),
    keys(),
)
DISTANCES = st.builds(s.Distance, st.sampled_from(["since", "until", "until_anniversary"]), DATED)


def expressions() -> st.SearchStrategy[Any]:
    """Expressions of everything."""
    return combined(st.one_of(LITERALS, FIELDS, FIRSTS, aggregates(), keys(), DISTANCES))
