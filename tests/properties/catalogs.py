"""Random catalogs: definitions over the whole language, with windows so small that their edges are met often."""

import json
from collections.abc import Callable
from typing import Any

from app.segments.language.functions import AGGREGATES
from tests.properties.date_expressions import DateExpressions
from tests.properties.drawn_models import model_atoms, model_files, model_values
from tests.properties.item_expressions import ARITHMETIC, item_atom, item_value
from tests.properties.terms import atoms, filter_terms, value_atom
from tests.properties.told_values import told, told_gaps
from tests.support.choices import Choices
from tests.support.histories import LONG_TEXTS

NAMES = ("A", "B", "C")
SHOP_NAMES = ("Product Added", "Product Removed", "Order Completed", "Cart Cleared")
TEXTS = ("a", "b", "a", "b", "ab", "B1", "é", "2", "1.0")
POINTS = ("1", "2", "5", "7.5", "0.000001")
LISTS = ("vip", "vip", "b-list")
NUMBERS = ("0", "1", "2", "3", "1.5", "-1", "10", "0.1")
DURATIONS = ("2s", "3s", "5s", "10s", "10s", "1m", "1m", "1s", "1500ms")
DAYS = ("1d", "1d", "12h", "36h", "2d", "7d")
LONG_DURATIONS = ("30m", "1h", "6h", "1d")
VALUE_PATHS = ("c", "p", "x", "c", "p", "x", "tags", "o.x", "products.c", "products.x", "product_id", "price")
NUMBER_PATHS = ("x", "x", "x", "price", "quantity", "products.x", "o.x", "c")
ORDERS = (*[">=", ">"] * 3, "<", "<=", "=", "!=", "!=")


class Writer(DateExpressions):
    """Writes one catalog. `durations`, `names` and `lists` collect what the histories should aim at.

    Every fourth is `plain`: two names, durations and values, hardly a filter, so that events meet what asks for them,
    often at the very edge of a window. Some of these are about a `shop` and its carts, or (`item_catalog`) about
    lists in events, which come more often then. Every fifth has `gaps`: it tells each time that a sequence with `no B`
    between steps occurs.
    """

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices.below)
        self.gaps = self.chance(20)
        self.item_catalog = not self.gaps and self.chance(15)
        self.plain = self.gaps or self.item_catalog or self.chance(25)
        self.shop = self.plain and not self.gaps and self.chance(30)
        self.dated_catalog = self.chance(20)
        self.once_percent = 10 if self.plain else 28
        self.segments: list[str] = []
        self.scores: list[str] = []
        self.models: list[str] = []
        self.durations: set[str] = set()
        self.names: set[str] = set()
        self.lists: set[str] = set()

    # ---- literals

    def duration(self) -> str:
        if self.plain:
            text = self.one_of("2s", "3s")
        else:
            text = self.one_of(*DURATIONS) if not self.chance(5) else self.one_of(*LONG_DURATIONS)
        self.durations.add(text)
        return text

    def number(self) -> str:
        return self.one_of(*NUMBERS)

    def threshold(self) -> str:
        return self.one_of("1", "2", "2", "3", "1", "2", "4", "0", "2.5")

    def text(self) -> str:
        return f"'{self.one_of(*(LONG_TEXTS if self.chance(8) else TEXTS))}'"

    def scalar(self) -> str:
        return self.any_of(self.text, self.number, lambda: self.one_of("true", "false"))

    def list_of_scalars(self) -> str:
        return f"[{', '.join(self.some(self.scalar, 1, 3))}]"

    def order(self) -> str:
        return self.one_of(*ORDERS)

    # ---- patterns

    def name(self) -> str:
        if self.plain:
            name = self.one_of(*(SHOP_NAMES[:3] if self.shop else NAMES if self.gaps else NAMES[:2]))
        else:
            name = self.one_of(*NAMES, *NAMES[:2], *NAMES[:2], *SHOP_NAMES[:3])
        self.names.add(name)
        return f"'{name}'"

    def names_only(self) -> str:
        if self.plain:
            return self.name()
        if self.chance(15):
            return f"any({', '.join(self.some(self.name, 1, 2))}, {self.one_of('page', 'screen', 'identify')})"
        return self.one_of("page", "identify") if self.chance(10) else self.name()

    def filtered(self) -> str:
        often = 40 if self.dated_catalog else 3 if self.plain else 25
        return f" where {self.filter(1)}" if self.chance(often) else ""

    def simple_pattern(self) -> str:
        return self.names_only() + self.filtered()

    def pattern(self) -> str:
        source = self.sequence() if self.chance(40 if self.plain else 20) else self.names_only()
        once = f" once per {self.value_path()}" if self.chance(self.once_percent) else ""
        return source + self.filtered() + once

    def latest(self) -> str:
        """A pattern whose events are told apart."""
        last = f"last {self.one_of('1', '2', '2', '3', '5')} " if self.chance(20) else ""
        return last + (self.name() if self.chance(40) else self.pattern())

    def sequence(self) -> str:
        parts = self.steps()
        over = self.one_of("10s", "1m") if self.gaps else self.duration()
        closing = f" then no {self.simple_pattern()} for {over}" if self.chance(50) else ""
        if " then " not in parts and not closing:
            parts += " then " + self.simple_pattern()
        within = f" within {self.duration()}" if " then " in parts and self.chance(20 if self.gaps else 50) else ""
        matching = f" matching {self.value_path()}" if self.chance(10 if self.plain else 40) else ""
        return f"sequence({parts}{closing}{within}{matching})"

    def steps(self) -> str:
        """1 to 3 steps, now and then with what must not lie between them."""
        written, *more = self.some(self.simple_pattern, *((2, self.one_of(2, 2, 3)) if self.gaps else (1, 3)))
        often = (0, 1, 1, 1, 1, 2) if self.gaps or self.chance(25) else (0,)
        for step in more:
            for _ in range(self.one_of(*often)):
                written += f" then no {self.simple_pattern()}"
            written += f" then {step}"
        return written

    def last_pattern(self, sequences_percent: int = 15) -> str:
        """Q of `since last Q`."""
        if not self.chance(sequences_percent):
            return self.simple_pattern()
        return self.sequence() + (f" where {self.filter(0)}" if self.chance(50) else "")

    def value_path(self) -> str:
        return self.one_of("c", "x") if self.plain else self.one_of(*VALUE_PATHS)

    def filter(self, depth: int) -> str:
        if depth and self.chance(30):
            left, right = self.filter(depth - 1), self.filter(depth - 1)
            return self.one_of(f"({left} and {right})", f"({left} or {right})", f"not ({left})")
        return self.any_of(
            *[self.time_filter] * (4 if self.dated_catalog else 1),
            lambda: f"x {self.order()} {self.number()}",
            lambda: f"{self.value_path()} {self.one_of('=', '!=')} {self.scalar()}",
            lambda: f"{self.value_path()} {self.order()} {self.text()}",
            lambda: f"{self.value_path()} in {self.list_of_scalars()}",
            lambda: f"{self.value_path()} {self.one_of('contains', 'starts with')} {self.text()}",
            lambda: f"c matches '{self.one_of('^a', 'b$', '[0-9]', '^a?b$')}'",
            lambda: f"x {self.one_of('+', '-', '*', '/')} {self.number()} {self.order()} {self.number()}",
            lambda: f"context.device.type = {self.text()}",
            lambda: f"properties['odd name'] = {self.scalar()}",
            *filter_terms(self),
        )

    # ---- values

    def scope(self) -> str:
        return self.any_of(
            lambda: "",
            *[lambda: f" within {self.duration()}"] * 4,
            *[self.span_of_time] * (4 if self.dated_catalog else 1),
            lambda: f" since last {self.last_pattern()}",
        )

    def function(self, item: str, *, often: str = "") -> str:
        """One of the functions that get such an item of an event; `often` twice as often as the others."""
        names = [name for name, entry in AGGREGATES.items() if entry.item == item]
        weighted = [name for each in names for name in [each] * (1 + (each == often))]
        return self.one_of(*weighted) if names[1:] else names[0]

    def count(self) -> str:
        return f"count({self.pattern()}{self.scope()})"

    def count_per(self) -> str:
        return f"count({self.pattern()} per {self.value_path()}{self.scope()})"

    def latest_per(self) -> str:
        return f"count({self.latest()} per {self.value_path()}{self.scope()})"

    def amount(self) -> str:
        function = self.function("numbers", often="avg")
        scope = "" if self.chance(40) else self.scope()
        pattern = self.latest()
        path = "x" if self.chance(30) else self.one_of(*NUMBER_PATHS) if self.chance(80) else self.one_of(*ARITHMETIC)
        rank = f"{self.one_of('1', '33.3', '50', '75', '90', '100')}, " if AGGREGATES[function].ranked else ""
        return f"{function}({rank}{path} of {pattern}{scope})"

    def days(self) -> str:
        """Days are long, so that events have to be far from each other."""
        function = self.one_of("days", "days", "weeks", "months")
        scope = self.any_of(lambda: "", *[lambda: f" within {self.day()}"] * 3, self.scope)
        return f"{function}({self.name() if self.chance(50) else self.pattern()}{scope})"

    def streak(self) -> str:
        self.day()
        scope = f" since last {self.simple_pattern()}" if self.chance(20) else ""
        return f"streak({self.name() if self.chance(70) else self.pattern()}{scope})"

    def day(self) -> str:
        text = self.one_of(*DAYS)
        self.durations.add(text)
        return text

    def distinct(self) -> str:
        return f"{self.function('keys')}({self.value_path()} of {self.latest()}{self.scope()})"

    def first_or_last(self) -> str:
        scope = "" if self.chance(40) else self.scope()
        pattern = self.latest()
        return f"{self.function('value')}({self.value_path()} of {pattern}{scope})"

    def key(self) -> str:
        return f"key({self.latest_per()})"

    def since(self) -> str:
        scope = "" if self.chance(60) else f" since last {self.simple_pattern()}"
        return f"since({self.pattern()}{scope})"

    def number_value(self) -> str:
        value = self.any_of(
            self.count,
            self.count_per,
            lambda: f"{self.latest_per()} + 0",
            self.amount,
            self.amount,
            self.distinct,
            lambda: f"{self.days()} + 0",
            self.streak,
            lambda: self.one_of("cart.items", "cart.quantity", "cart.value"),
            lambda: self.one_of("session.pages", "session.events", "session.number"),
        )
        if self.chance(15):
            return f"{value} {self.one_of('+', '-', '*', '/')} {self.one_of('2', '3', '0.5', '0')}"
        return value

    def any_value(self) -> str:
        return self.any_of(self.first_or_last, self.key, self.known)

    def known(self) -> str:
        return self.one_of("traits.plan", "traits.address.city", "context.device.type", self.first_touch())

    def first_touch(self) -> str:
        return f"first(context.{self.one_of('device.type', 'device.type', 'campaign.source', 'page.path')})"

    def visit_text(self) -> str:
        return self.one_of("session.source", "session.landing_page")

    def moving(self) -> str:
        known = ("cart.idle",) if self.shop else ("cart.idle", "session.idle", "user.idle", "user.age")
        value = self.any_of(self.since, self.since, self.distance, lambda: self.one_of(*known))
        return self.one_of(f"{value} * 2", f"{value} - 1s", f"2s + {value}") if self.chance(15) else value

    def moving_atom(self) -> str:
        order = self.one_of("<", "<=", ">", ">=", "=")
        if self.chance(20):
            return f"since({self.pattern()} within {self.one_of('3s', '5s', '1m')}) {order} {self.one_of('1s', '2s')}"
        return f"{self.moving()} {order} {self.duration()}"

    def attached(self) -> str:
        if self.item_catalog and self.chance(75):
            return item_value(self)
        return self.any_of(
            self.number_value,
            self.days,
            self.streak,
            self.any_value,
            self.key,
            self.first_touch,
            self.visit_text,
            lambda: self.one_of("cart.products", "cart.value", "session.duration", "user.first_seen"),
            lambda: self.one_of("user.id", "bucket('a')", f"lower({self.any_value()})"),
        )

    def anything(self) -> str:
        """Also what moves by itself, and truths."""
        options: list[Callable[[], str]] = [
            self.attached,
            self.attached,
            self.moving,
            *[self.distance, self.clock] * (4 if self.dated_catalog else 1),
            lambda: f"exists({self.pattern()}{self.scope()})",
        ]
        if self.scores:
            options += [lambda: f"score('{self.one_of(*self.scores)}')"] * 4
        if self.segments:
            options.append(lambda: f"segment('{self.one_of(*self.segments)}')")
        options += model_values(self)
        return self.one_of(*options)()

    def values_by_name(self, make: Callable[[], str], least: int, most: int) -> dict[str, str]:
        return {f"v{index}": text for index, text in enumerate(self.some(make, least, most))}

    # ---- conditions

    def atom(self) -> str:
        options: list[Callable[[], str]] = [
            *[lambda: f"{self.count()} {self.order()} {self.threshold()}"] * 4,
            *[lambda: f"{self.count_per()} {self.order()} {self.threshold()}"] * 2,
            *[lambda: f"exists({self.pattern()}{self.scope()})"] * 2,
            lambda: f"exists({self.pattern()}{self.scope()})",
            lambda: f"never({self.pattern()}{self.scope()})",
            self.moving_atom,
            *[self.distance_atom] * (10 if self.dated_catalog else 1),
            *[lambda: item_atom(self)] * (60 if self.item_catalog else 1),
            *[self.first_seen] * (3 if self.dated_catalog else 1),
            lambda: f"{self.number_value()} {self.order()} {self.number()}",
            lambda: f"{self.distinct()} {self.order()} {self.threshold()}",
            lambda: f"{self.days()} {self.one_of('>=', '>', '=', '!=', '<')} 1",
            lambda: f"{self.days()} {self.one_of('>=', '=', '!=', '<')} 2",
            lambda: f"{self.streak()} {self.order()} {self.one_of('1', '2', '1', '2', '3', '0', '1.5')}",
            lambda: f"{self.any_value()} {self.one_of('=', '!=')} {self.scalar()}",
            lambda: f"{self.any_value()} in {self.list_of_scalars()}",
            lambda: f"{self.visit_text()} {self.order()} {self.text()}",
            lambda: f"{self.any_value()} {self.one_of('contains', 'starts with')} {self.text()}",
            *[lambda: value_atom(self)] * 3,
            lambda: f"{self.any_value()} matches '{self.one_of('^a', 'b$', 'qb', '[0-9]')}'",
            lambda: f"session.duration {self.one_of('<', '<=', '>', '>=')} {self.duration()}",
            lambda: f"{self.threshold()} {self.one_of('<', '<=', '>', '>=')} {self.count()}",
            lambda: f"{self.count()} {self.order()} {self.count()}",
            lambda: f"{self.count()} in [1, 3]",
            lambda: f"cart.products contains {self.text()}",
            lambda: "user.identified",
            *[self.static_list] * 2,
            lambda: "user.first_seen < user.last_seen",
            *atoms(self),
        ]
        if self.segments:
            options += [lambda: f"segment('{self.one_of(*self.segments)}')"] * 3
        if self.scores:
            options += [lambda: f"score('{self.one_of(*self.scores)}') {self.order()} {self.one_of(*POINTS)}"] * 4
        options += model_atoms(self)
        return self.one_of(*options)()

    def static_list(self) -> str:
        name = self.one_of(*LISTS)
        self.lists.add(name)
        return f"list('{name}')"

    def condition(self, depth: int) -> str:
        if depth and self.chance(50):
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            return self.one_of(
                f"{left} and {right}", f"({left} or {right})", f"{left} and not ({right})", f"not ({left})"
            )
        return self.atom()

    def whole_condition(self) -> str:
        condition = self.condition(2)
        if self.chance(60 if self.dated_catalog else 10):
            return f"exists({self.simple_pattern()}) and {self.clock()} and {condition}"
        return condition

    # ---- definitions

    def segment(self, name: str) -> str:
        keys: dict[str, Any] = {"segment": name}
        kind = self.below(40 if self.item_catalog else 100)
        if kind < 30:
            # All users are in, and each change of a value is sent.
            keys["when"] = "never('Nothing')"
            keys["attach"] = self.values_by_name(self.attached, 2, 5)
            keys["updates"] = sorted(keys["attach"])
            self.segments.append(name)
            return yaml_of(keys)
        if kind < 50:
            # In and out again at once: everything that changes with time is evaluated often.
            keys["when"] = f"exists({self.names_only()} within {self.one_of('1s', '2s')})"
            keys["attach"] = self.values_by_name(self.anything, 2, 5)
            self.segments.append(name)
            return yaml_of(keys)
        if kind < 60:
            keys |= {"enter": self.whole_condition(), "exit": self.whole_condition()}
        else:
            keys["when"] = self.whole_condition()
        if self.chance(5):
            keys["status"] = self.one_of("draft", "retired")
        looks_back = any(function in keys.get("when", "") for function in ("streak(", "entered(", "left("))
        if self.chance(40 if looks_back else 8):
            keys["warmup"] = "wait"
        for key in ("for", "hold", "cooldown"):
            if self.chance(20):
                keys[key] = self.duration()
        if self.chance(40):
            keys["attach"] = self.values_by_name(self.attached, 1, 3)
            if self.chance(60):
                keys["updates"] = self.shuffled(sorted(keys["attach"]))[: self.whole(1, 2)]
        if "status" not in keys:
            self.segments.append(name)
        return yaml_of(keys)

    def score(self, name: str) -> str:
        keys: dict[str, Any] = {"score": name}
        match self.one_of("", "half_life", "within"):
            case "":
                pass
            case key:
                keys[key] = self.duration()
        keys["points"] = self.some(self.points, 1, 3)
        self.scores.append(name)
        return yaml_of(keys)

    def points(self) -> dict[str, Any]:
        add = self.one_of(1, 2, 5, 0.1, -1)
        if self.chance(30):
            return {"when": self.condition(1), "add": add}
        return {"on": self.pattern(), "add": add}

    def files(self) -> dict[str, str]:
        """1 to 4 definitions; later ones may use earlier ones, whatever their names."""
        names = self.shuffled(("k", "l", "m", "n"))[: self.whole(1, 4)]
        files: dict[str, str] = {}
        models = model_files(self)
        for name in names:
            make = self.score if len(files) < len(names) - 1 and self.chance(25) else self.segment
            files[f"{name}.yaml"] = make(name)
        if self.gaps:
            files["o.yaml"] = yaml_of(told_gaps(self))
        else:
            files |= {f"{keys['segment']}.yaml": yaml_of(keys) for keys in told(self)}
        return files | models

    def others(self, files: dict[str, str]) -> tuple[dict[str, str], ...]:
        """Now and then: definitions that somebody else adds and takes away; some are the same under another name."""
        if not self.chance(20):
            return ()
        own_segments, own_scores = list(self.segments), list(self.scores)
        found = []
        for _ in range(self.whole(1, 3)):
            self.segments, self.scores = list(own_segments), list(own_scores)
            others = {f"x{path}": text.replace(': "', ': "x', 1) for path, text in files.items() if self.chance(40)}
            for name in ("ya", "yb"):
                if self.chance(50):
                    others[f"{name}.yaml"] = self.segment(name)
            found.append(others)
        return tuple(found)


def yaml_of(keys: dict[str, Any]) -> str:
    """A definition as YAML: each value is JSON, which YAML includes."""
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in keys.items())
