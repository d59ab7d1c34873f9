"""Random values of functions that conditions seldom need, so that each function of the language is drawn."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.properties.item_expressions import ARITHMETIC, item_filter
from tests.properties.places import near, version_test

if TYPE_CHECKING:
    from tests.properties.catalogs import Writer

TOLD_PERCENT, MOMENT_PERCENT, WAIT_PERCENT = 45, 35, 10
CLOCKS = ("hour_of_day", "day_of_week", "day_of_month", "month", "week_of_year", "date")
RANKS = ("1", "33.3", "50", "75", "90", "100")


def told(writer: "Writer") -> list[dict[str, Any]]:
    """Segments that tell such values, and instants that time alone brings; in some catalogs."""
    segments = [told_segment(writer, "t")] if writer.chance(TOLD_PERCENT) else []
    segments += [told_moment(writer, name) for name in ("u", "v")] if writer.chance(MOMENT_PERCENT) else []
    return segments + ([told_wait(writer, "w")] if writer.segments and writer.chance(WAIT_PERCENT) else [])


def told_segment(writer: "Writer", name: str) -> dict[str, Any]:
    """A segment that sends 4 to 7 values of different functions: at each change of one, or at events of a name."""
    is_updated = writer.chance(60)
    makers = writer.shuffled(VALUES if is_updated else (*VALUES, *MOVING * 2))[: writer.whole(4, 7)]
    values = {f"v{number}": make(writer) for number, make in enumerate(makers)}
    if is_updated:
        return {"segment": name, "when": "never('Nothing')", "attach": values, "updates": sorted(values)}
    return {"segment": name, "when": f"exists({writer.names_only()} within {writer.duration()})", "attach": values}


def told_moment(writer: "Writer", name: str) -> dict[str, Any]:
    """A segment of which time alone changes the members: its changes tell the very instant."""
    return {"segment": name, "when": f"exists({writer.names_only()}) and {writer.one_of(*MOMENTS)(writer)}"}


def told_wait(writer: "Writer", name: str) -> dict[str, Any]:
    """A segment that waits until what it looks back at has been seen in full."""
    other = writer.one_of(*writer.segments)
    asked = f"{writer.one_of('entered', 'left')}('{other}' within {writer.duration()})"
    return {"segment": name, "warmup": "wait", "when": f"exists({writer.names_only()}) and not {asked}"}


def distance_of_event(writer: "Writer") -> str:
    """The time to a date that events name often."""
    ending = "" if writer.chance(60) else writer.ending()
    value = writer.one_of(f"last(day of {writer.name()}{ending})", f"last(day of {writer.name()})", "traits.day")
    duration = writer.one_of("0s", "0s", "1s", "2s", "1h", "1d", "2d")
    writer.durations.add("2s")
    function = writer.one_of("since", "until", "until_anniversary")
    return f"{function}({value}) {writer.one_of('<', '<=', '>', '>=')} {duration}"


def amount(writer: "Writer", function: str) -> str:
    """A number out of the numbers of events."""
    last = f"last {writer.one_of('1', '2', '2', '3')} " if writer.chance(35) else ""
    path = writer.one_of(*ARITHMETIC) if writer.chance(20) else writer.one_of("x", "x", "x", "products.x", "price")
    scope = "" if writer.chance(30) else writer.scope()
    return f"{function}({path} of {last}{writer.name()}{writer.filtered()}{scope})"


def days(writer: "Writer", function: str) -> str:
    """A number of days, weeks or months."""
    scope = f" within {writer.day()}" if writer.chance(60) else ""
    return f"{function}({writer.name()}{scope})"


def entries(writer: "Writer", function: str) -> str:
    """Entries into another segment and exits from it, or a number of events where there is no segment."""
    if not writer.segments:
        return writer.count()
    name = f"'{writer.one_of(*writer.segments)}'"
    return (
        f"{function}({name} within {writer.duration()})" if function in ("entered", "left") else f"{function}({name})"
    )


def condition_of(writer: "Writer", condition: str) -> str:
    """The number of events for which a condition is true."""
    scope = f" within {writer.duration()}" if writer.chance(50) else ""
    return f"count({writer.name()} where {condition}{scope})"


def clock(writer: "Writer", function: str) -> str:
    """The number of events at which a clock showed something."""
    zone = writer.one_of("", "'Asia/Kolkata'", "'America/St_Johns'", "context.timezone", "zone")
    if function == "day_of_week":
        return condition_of(writer, f"{function}({zone}) {writer.one_of('=', '!=')} 'monday'")
    said = "'2026-06-01'" if function == "date" else writer.one_of("1", "3", "6", "12")
    return condition_of(writer, f"{function}({zone}) {writer.one_of('>=', '<', '!=')} {said}")


Make = Callable[["Writer"], str]


def _named(make: Callable[["Writer", str], str], *functions: str) -> tuple[Make, ...]:
    return tuple(lambda writer, function=function: make(writer, function) for function in functions)


VALUES: tuple[Make, ...] = (
    *_named(amount, "sum", "avg", "min", "max", "median"),
    lambda writer: amount(writer, "percentile").replace("(", f"({writer.one_of(*RANKS)}, ", 1),
    *_named(days, "days", "weeks", "months"),
    lambda writer: f"streak({writer.name()})",
    *[lambda writer: f"count({writer.name()}{writer.span_of_time()})"] * 3,
    lambda writer: f"distinct({writer.value_path()} of {writer.latest()}{writer.scope()})",
    lambda writer: f"sum({writer.one_of(*ARITHMETIC)} of {writer.name()}{writer.scope()})",
    lambda writer: condition_of(writer, item_filter(writer)),
    lambda writer: condition_of(writer, f"count(products) {writer.order()} {writer.threshold()}"),
    lambda writer: condition_of(writer, near(writer, "place")),
    lambda writer: condition_of(writer, version_test(writer, "version")),
    lambda writer: condition_of(writer, f"{writer.value_path()} is {writer.one_of('known', 'missing')}"),
    lambda writer: condition_of(writer, f"lower({writer.value_path()}) = 'b1'"),
    lambda writer: near(writer, writer.one_of("context.location", "traits.home")),
    lambda writer: version_test(writer, writer.one_of("traits.version", "context.app.version")),
    *_named(entries, "times", "times", *("entered", "left") * 2),
    *_named(clock, *CLOCKS, "week_of_year"),
    lambda writer: f"never({writer.pattern()}{writer.scope()})",
    lambda writer: writer.static_list(),
    lambda writer: f"bucket('{writer.one_of('a', 'b')}')",
    lambda writer: writer.first_touch(),
)
MOMENTS: tuple[Make, ...] = (
    distance_of_event,
    distance_of_event,
    distance_of_event,
    lambda writer: writer.clock(),
    lambda writer: f"{days(writer, writer.one_of('days', 'weeks', 'months'))} >= {writer.one_of('1', '2')}",
    lambda writer: f"streak({writer.name()}) {writer.one_of('>=', '=')} {writer.one_of('1', '2')}",
    lambda writer: f"median(x of {writer.name()} within {writer.duration()}) >= {writer.one_of('1', '2')}",
    lambda writer: f"exists({writer.name()}{writer.span_of_time()})",
)
MOVING: tuple[Make, ...] = (
    *_named(entries, "since_left", "since_left"),
    lambda writer: f"since({writer.dated()})",
    lambda writer: f"until({writer.dated()})",
    lambda writer: f"until_anniversary({writer.dated()})",
    lambda writer: f"since({writer.pattern()})",
)
"""What moves by itself, which cannot be a reason to send values."""


def told_gaps(writer: "Writer") -> dict[str, Any]:
    """A segment of all users that counts sequences, and what came since one."""
    attach = writer.values_by_name(lambda: f"count({writer.sequence()}) + 0", 5, 8)
    last = [f"count({writer.name()} since last {writer.last_pattern(100)}) + 0" for _ in range(3)]
    attach |= {f"w{place}": text for place, text in enumerate(last)}
    return {"segment": "o", "when": "never('Nothing')", "attach": attach, "updates": sorted(attach)}
