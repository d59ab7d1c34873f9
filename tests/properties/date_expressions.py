"""Random expressions about dates and clocks."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from tests.model.messages import instant_ms
from tests.model.plain import instant_text
from tests.support.choices import Choices
from tests.support.histories import STARTS

ZONES = (
    *("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"),
    *("America/St_Johns", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe"),  # half hours, changes at midnight
)


class DateExpressions(Choices, ABC):
    """Writes them. `clock_ms`: the beginning of the history; `instants_ms`: fixed ones that events should aim at;
    `bounds_ms`: those of spans."""

    clock_ms = instant_ms(next(iter(STARTS)))

    def __init__(self, below: Callable[[int], int]) -> None:
        super().__init__(below)
        self.instants_ms: set[int] = set()
        self.bounds_ms: set[int] = set()

    @abstractmethod
    def name(self) -> str: ...

    @abstractmethod
    def duration(self) -> str: ...

    @abstractmethod
    def order(self) -> str: ...

    @abstractmethod
    def first_or_last(self) -> str: ...

    @abstractmethod
    def known(self) -> str: ...

    def any_of(self, *options: Callable[[], str]) -> str:
        return self.one_of(*options)()

    def span_of_time(self) -> str:
        """From an instant near the beginning of the history on, perhaps to another."""
        start_ms = self.clock_ms + self.one_of(-3_600_000, 0, 1_000, 2_000, 3_000, 10_000, 60_000, 3_600_000)
        end_ms = start_ms + self.one_of(1, 1_000, 3_000, 10_000, 60_000, 3_600_000, 86_400_000)
        if self.chance(40):
            days = [instant_text(start_ms + days * 86_400_000)[:10] for days in (0, self.one_of(1, 2))]
            self.bounds_ms |= {instant_ms(f"{day}T00:00:00Z") for day in days}
            return f" from '{days[0]}' to '{days[1]}'" if self.chance(50) else f" from '{days[self.one_of(0, 1)]}'"
        self.bounds_ms |= {start_ms, end_ms}
        start, end = instant_text(start_ms), instant_text(end_ms)
        return f" from '{start}' to '{end}'" if self.chance(60) else f" from '{start}'"

    def dated(self) -> str:
        """A value that may be an instant."""
        return self.any_of(
            lambda: "traits.day",
            lambda: "traits.day",
            lambda: f"last(day of {self.name()})",
            lambda: f"{self.one_of('first', 'last')}(day of {self.name()}{self.ending()})",
            lambda: f"key(count({self.name()} per day{self.one_of('', self.ending())}))",
            self.first_or_last,
            self.known,
        )

    def ending(self) -> str:
        """A window, or a span that a Q begins, so that a value can come to an end."""
        return self.one_of(f" within {self.duration()}", f" within {self.duration()}", f" since last {self.name()}")

    def distance(self) -> str:
        return f"{self.one_of('since', 'until', 'until_anniversary')}({self.dated()})"

    def distance_atom(self) -> str:
        order = self.one_of("<", "<=", ">", ">=", "=")
        if self.chance(15):
            return f"{self.distance()} {self.one_of('- 1h', '+ 30m', '* 2')} {order} {self.duration()}"
        if self.chance(8):
            return f"{self.distance()} is {self.one_of('known', 'missing')}"
        duration = self.one_of("0s", "0s", "1s", "1h", "3h", "1d", "2d", self.duration())
        return f"{self.distance()} {order} {duration}"

    def zone(self) -> str:
        """The zone of a clock: none, a fixed one, or one that the data may name."""
        return self.one_of("", "", *(f"'{zone}'" for zone in ZONES), *["context.timezone"] * 4, "traits.zone")

    def clock_value(self, zone: str) -> str:
        """A comparison of a clock with something fixed; clocks of histories begin at the beginning of these days."""
        day = instant_text(self.clock_ms + self.one_of(0, 0, 1, 1, 2, -1) * 86_400_000)[:10]
        number = self.one_of(int(day[8:]), int(day[8:]), 1, 28, 31)
        return self.any_of(
            lambda: f"hour_of_day({zone}) {self.order()} {self.one_of('0', '1', '2', '3', '12', '22', '23')}",
            lambda: f"day_of_week({zone}) in ['sunday', 'monday']",
            lambda: f"day_of_week({zone}) = 'saturday'",
            lambda: f"day_of_month({zone}) {self.order()} {number}",
            lambda: f"month({zone}) {self.order()} {int(day[5:7])}",
            lambda: f"week_of_year({zone}) {self.order()} {self.one_of(1, 9, 10, 13, 14, 43, 44, 53)}",
            lambda: f"date({zone}) {self.order()} '{day}'",
            lambda: f"date({zone}) in ['{day}', '2026-01-01']",
            lambda: f"date({zone}) starts with '{day[:7]}'",
            lambda: f"hour_of_day({zone}) * 2 - 1 > {self.one_of('0', '3', '45')}",
        )

    def clock(self) -> str:
        """Also beside a value of the user, and with a zone of an event."""
        zone = f"last(zone of {self.name()}{self.one_of('', self.ending())})" if self.chance(12) else self.zone()
        if self.chance(20):
            value = self.one_of(f"hour_of_day({zone}) >= ", f"date({zone}) >= ", f"day_of_month({zone}) = ")
            return value + self.one_of("traits.plan", "traits.day", f"last(x of {self.name()})")
        return self.clock_value(zone)

    def first_seen(self) -> str:
        """An instant of the user beside a fixed one."""
        at = self.fixed_instant()
        if self.chance(15):
            return f"user.last_seen - user.first_seen {self.order()} {self.duration()}"
        field = self.one_of("user.first_seen", "user.last_seen", "user.last_seen - 1s", "user.first_seen + 1h")
        return self.one_of(f"{field} {self.one_of('<', '<=', '>', '>=')} '{at}'", f"'{at}' > {field}")

    def fixed_instant(self) -> str:
        at_ms = self.clock_ms + self.one_of(-3_600_000, 0, 1_000, 3_000, 60_000, 3_600_000, 86_400_000)
        self.instants_ms.add(at_ms)
        at = instant_text(at_ms)
        return self.one_of(at, at, at[:10], at[:19], at[:16] + "+01:00")

    def time_filter(self) -> str:
        """The time of the event inside `where`."""
        zone = self.one_of("", "", "'America/St_Johns'", "context.timezone", "zone")
        return self.any_of(
            lambda: f"timestamp {self.one_of('<', '<=', '>', '>=')} '{self.fixed_instant()}'",
            lambda: self.clock_value(zone),
        )
