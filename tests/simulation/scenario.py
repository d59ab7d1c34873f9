"""Scenario of a run, drawn from its seed: brokers with or without transactions, visitors, settings, faults."""

import json
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from app.events.instants import iso
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import IDENTITY_FILE, SETTINGS_FILE
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.time_rules import TimeRules
from app.settings import Settings, load_settings
from tests.simulation.environment import START_MS

RULES = TimeRules(disorder_ms=500, lateness_ms=900_000, skew_max_ms=300_000, retention_ms=3_600_000)
FIRST_CATALOG = {
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 10m) >= 2\ntopic: true\n",
    "waiting.yaml": "segment: waiting\nwhen: cart.items > 0 and cart.idle >= 5m and cart.idle < 30m\n",
}
SECOND_CATALOG = {
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 10m) >= 3\ntopic: true\n",
    "likers.yaml": "segment: likers\nwhen: exists('Page Liked' within 20m)\n",
}
THIRD_CATALOG = {
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 10m) >= 1\ntopic: true\n",
    "waiting.yaml": "segment: waiting\nwhen: cart.items > 0 and cart.idle >= 2m and cart.idle < 30m\n",
}
EVENTS = ("Product Viewed", "Product Viewed", "Product Viewed", "Product Added", "Page Liked", "Order Completed")
POISON = b"Poisonous"


def _model(base: float, leaf: float) -> str:
    """A model of two small trees: about the views of the last minutes, and about the cart."""
    views, cart = "count('Product Viewed' within 10m)", "cart.items"
    tree = {"feature": [0, -1, -1], "threshold": [1.0, 0.0, 0.0], "left": [1, 0, 0], "right": [2, 0, 0]}
    said = {
        "format": 1,
        "name": "likely",
        "label": "orders",
        "features": "f",
        "features_version": "abcdef",
        "columns": [{"name": "views", "expression": views}, {"name": "items", "expression": cart}],
        "kind": "boosted",
        "trained_from": "2026-01-01",
        "trained_until": "2026-02-01",
        "rows": 100,
        "positives": 10,
        "quality": {"auc": 0.8, "average_precision": 0.3, "brier": 0.1, "top_tenth": 0.4},
        "base": base,
        "trees": [
            {**tree, "value": [0.0, -leaf, leaf]},
            {**tree, "feature": [1, -1, -1], "threshold": [0.5, 0.0, 0.0], "value": [0.0, 0.25, 0.75]},
        ],
        "moments": "exists('Product Viewed' within 1m) or cart.items > 0",
    }
    return json.dumps(said)


SCORED = {
    "scored.yaml": "segment: scored\nwhen: never('Nothing')\nattach: {p: model('likely')}\nupdates: [p]\n",
    "likely.yaml": "segment: likely\nwhen: model('likely') > 0.5\nhold: 2m\n",
}
MODELS: tuple[dict[str, str], ...] = (
    {"likely.model.json": _model(-0.5, 0.4)} | SCORED,
    {"likely.model.json": _model(0.1, 1.5)} | SCORED,
    {},
)
"""With each catalog of a run with models: one, another of the same name, and none."""
OF_ALL = {
    "top.yaml": "segment: top\nwhen: count('Product Viewed' within 10m) >= top(50%)\n",
    "large.yaml": "segment: large\nwhen: segment_size('viewers') >= 2 and exists('Product Viewed' within 20m)\n",
}
TURNED = "segment: turned\nwhen: count(sequence('Product Viewed' then 'Page Liked' within 5m) within 10m) >= 1\n"
NO_WAITS = (0, 0, 0)


@cache
def catalogs(
    waits_ms: tuple[int, ...] = NO_WAITS, *, identity: bool = False, models: bool = False, census: bool = False
) -> tuple[Catalog, ...]:
    """The catalog that holds first, and those that take its place in some runs; with how long events wait under each.

    Where any of them has an order, all look at the order of events.
    """
    loaded = []
    every = (FIRST_CATALOG, SECOND_CATALOG, THIRD_CATALOG)
    for files, wait_ms, scored in zip(every, waits_ms, MODELS, strict=True):
        order = {SETTINGS_FILE: f"order: {{wait: {wait_ms}ms}}\n"} if wait_ms else {}
        people = {IDENTITY_FILE: "switches_max: 2\ndevices_max: 3\n"} if identity else {}
        turned = {"turned.yaml": TURNED} if any(waits_ms) else {}
        loaded.append(
            load_catalog(files | turned | order | people | (scored if models else {}) | (OF_ALL if census else {}))
        )
    return tuple(loaded)


@cache
def programs(
    waits_ms: tuple[int, ...] = NO_WAITS, *, identity: bool = False, models: bool = False, census: bool = False
) -> tuple[Program, ...]:
    """The same, compiled."""
    loaded = catalogs(waits_ms, identity=identity, models=models, census=census)
    return tuple(compile_catalog(catalog, RULES) for catalog in loaded)


@cache
def _base() -> Settings:
    return load_settings(
        {},
        app_id="shop",
        pace_ms=0,
        fetch_wait_ms=4_000,
        poison_tries=2,
        request_timeout_ms=2_000,
        batch_timeout_ms=5_000,
        commit_timeout_ms=6_000,
        drain_timeout_ms=2_000,
        session_timeout_ms=6_000,
        retry_wait_max_ms=2_000,
        stall_exit_ms=30_000,
        commit_stall_exit_ms=60_000,
        disorder_ms=RULES.disorder_ms,
        lateness_ms=RULES.lateness_ms,
        skew_max_ms=RULES.skew_max_ms,
        retention_ms=RULES.retention_ms,
    )


@dataclass(frozen=True, slots=True)
class Event:
    """One input record: when it arrives (ms after the start), in which partition, what it holds."""

    at_ms: float
    partition: int
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Scenario:
    """`fault_share`: how many requests meet a fault. `until_ms`: when the faults are over, and all input is there.

    `compactions`, `outages` (beginning, length), `comings` (a worker more) and `goings` (one less): in ms.
    `new_catalogs_ms`: when others are published; a worker hears of them `hearing_ms` later for each letter of its name,
    and evaluates `sweep_profiles` at a time. `timers_max` instants of timers fire in one batch, records wait for others
    for `timers_first_s`. `waits_ms`: how long events wait for those before them under each catalog, 0: not at all.
    `identity`: users claim the anonymous ids of their devices. `models`: catalogs have a model, and another later.
    `census`: segments compare with all users.
    """

    transactions: bool
    settings: Settings
    workers: int
    events: tuple[Event, ...]
    fault_share: float
    until_ms: float
    marker_ms: float
    compactions: tuple[float, ...]
    outages: tuple[tuple[float, float], ...]
    comings: tuple[float, ...]
    goings: tuple[float, ...]
    new_catalogs_ms: tuple[float, ...]
    hearing_ms: float
    sweep_profiles: int
    timers_max: int
    timers_first_s: float
    waits_ms: tuple[int, ...] = NO_WAITS
    identity: bool = False
    models: bool = False
    census: bool = False

    @property
    def programs(self) -> tuple[Program, ...]:
        """The catalogs of the run, in the order in which they are published."""
        return programs(self.waits_ms, identity=self.identity, models=self.models, census=self.census)

    @property
    def catalogs(self) -> tuple[Catalog, ...]:
        """The same, before they are compiled."""
        return catalogs(self.waits_ms, identity=self.identity, models=self.models, census=self.census)


OUTAGES_MS = (200.0, 3_000.0, 10_000.0)


def draw(
    chance: Random, *, transactions: bool | None = None, catalogs: Random | None = None, order: Random | None = None
) -> Scenario:
    """A scenario; `transactions` None: with, more often than without. `catalogs`: the chance of new definitions,
    `order`: of catalogs with an order, without it there are none."""
    catalogs = catalogs or Random(0)
    partitions = chance.choice((1, 1, 2))
    until_ms = chance.uniform(8_000, 40_000)
    speed = chance.choice((1.0, 30.0, 120.0, 600.0))
    settings = replace(
        _base(),
        partitions=partitions,
        batch_records_max=chance.choice((1, 3, 10)),
        idle_clock=chance.random() < 0.8,
        idle_clock_speed=speed,
    )
    if transactions is None:
        transactions = chance.random() < 0.75
    # A worker suspended for longer than a session may write although it was replaced: only transactions fence it.
    longest_ms = OUTAGES_MS[-1] if transactions else settings.session_timeout_ms / 2

    def moments(most: int) -> tuple[float, ...]:
        return tuple(sorted(until_ms * chance.random() for _ in range(chance.randrange(most + 1))))

    return Scenario(
        transactions=transactions,
        settings=settings,
        workers=chance.choice((1, 2, 2, 3)),
        events=tuple(_events(chance, partitions, until_ms, speed)),
        fault_share=chance.choice((0.01, 0.03, 0.06, 0.12)),
        until_ms=until_ms,
        marker_ms=chance.choice((5.0, 5.0, 500.0)),
        compactions=moments(3),
        outages=tuple((begin, min(chance.choice(OUTAGES_MS), longest_ms)) for begin in moments(1)),
        comings=moments(1),
        goings=moments(1),
        new_catalogs_ms=_new_catalogs(chance, catalogs, until_ms, transactions=transactions),
        hearing_ms=catalogs.choice((99.0, 99.0, 700.0, 4_000.0)),
        sweep_profiles=catalogs.choice((1, 1, 2, 1_000)),
        timers_max=catalogs.choice((1, 1, 2, 1_000)),
        timers_first_s=catalogs.choice((0.001, 0.5)),
        waits_ms=NO_WAITS if order is None else _waits(order),
    )


def _waits(order: Random) -> tuple[int, ...]:
    """In two of three runs no event waits; else shorter or longer than events are allowed to be out of order."""
    if order.random() < 0.66:
        return NO_WAITS
    waits = [order.choice((0, 200, 500, 5_000, 60_000)) for _ in range(2)]
    return order.choice((200, 500, 5_000, 60_000)), *waits


def _new_catalogs(chance: Random, catalogs: Random, until_ms: float, *, transactions: bool) -> tuple[float, ...]:
    """None, or one, or a second while the first may still be on its way to everybody.

    Without transactions half a batch may be there when another catalog comes: that is not promised.
    """
    if chance.random() >= 0.2 or not transactions:
        return ()
    first_ms = until_ms * chance.uniform(0.3, 0.9)
    if catalogs.random() < 0.3:
        first_ms *= 0.3  # there may be no user by then
    if catalogs.random() < 0.4:
        return (first_ms,)
    return first_ms, first_ms + catalogs.choice((300.0, 4_000.0, 12_000.0)) * catalogs.random()


def _events(chance: Random, partitions: int, until_ms: float, speed: float) -> list[Event]:
    """Bursts of visitors, a few of them late, repeated, or broken."""
    poisonous = chance.random() < 0.15
    bursts = [until_ms * chance.random() * 0.9 for _ in range(chance.randrange(1, 5))]
    pace_ms = chance.choice((5, 50))
    events: list[Event] = []
    for number in range(chance.randrange(6, 30)):
        at_ms = chance.choice(bursts) + pace_ms * 20 * chance.random()
        user = chance.randrange(3 * partitions)
        key = b"u%d" % user
        # Time passes at the speed of the idle clock.
        t_ms = START_MS + int(at_ms * speed) - (chance.randrange(60_000) if chance.random() < 0.3 else 0)
        message = {
            "type": "track",
            "event": chance.choice(EVENTS),
            "userId": key.decode(),
            "messageId": f"m{number}",
            "timestamp": iso(t_ms),
            "receivedAt": iso(t_ms),
            "properties": {"product_id": f"p{number % 3}", "price": 5},
        }
        if chance.random() < 0.03:
            message["timestamp"] = iso(t_ms - 2_000_000)
        value = json.dumps(message).encode()
        if chance.random() < 0.03:
            value = value[:20]
        elif poisonous and chance.random() < 0.1:
            value = value.replace(b'"product_id"', b'"' + POISON + b'"')
        events.append(Event(at_ms, user % partitions, key, value))
        if chance.random() < 0.05:
            events.append(events[-1])
    return sorted(events, key=lambda event: event.at_ms)
