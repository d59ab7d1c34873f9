"""One catalog, one history, and how a partition is fed with it: batches, restarts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import yaml
from hypothesis import strategies as st

from app.segments.definitions.catalog_settings import IDENTITY_FILE, SETTINGS_FILE
from app.segments.evaluation.time_rules import TimeRules
from tables.timers import UNBOUNDED
from tests.model.messages import Advance, Clean, Merge, Order, Record, Regroup
from tests.model.oracle import Step
from tests.model.plain import instant_text
from tests.model.story import ms
from tests.properties.catalogs import NAMES, SHOP_NAMES, Writer, yaml_of
from tests.properties.date_expressions import ZONES
from tests.properties.drawn_models import MODEL
from tests.support.choices import Choices, Draw
from tests.support.histories import USERS, Narrator, midnights_ms, rules_for, start_ms, zone_of_start
from tests.support.people_histories import People, PeopleNarrator, identity_of

EVENTS_MAX = 40
ORDERED_PERCENT = 30
MERGING_PERCENT = 60
PEOPLE_PERCENT = 35
ZONED_PERCENT = 50
WAITS_MS = (5_000, 5_000, 2_000, 1_000, 10_000, 20_000, 1)
PEOPLE_FILES = {
    "viewers.yaml": "segment: viewers\nwhen: count('A') >= 2\nattach: {views: count('A')}\nupdates: [views]\n",
    "vip.yaml": "segment: vip\nwhen: list('vip')\n",
    "known.yaml": "segment: known\nwhen: user.identified\n",
    "slow.yaml": "segment: slow\nwhen: exists('A' within 1h)\nfor: 1m\ncooldown: 2m\n",
}
Pause = Literal["", "batch", "slice", "restart", "crash", "edit"]


CART_PERCENT = 90
SHOP_SEGMENT = (
    'segment: "shop"\nwhen: "never(\'Nothing\')"\n'
    'attach: {"p": "cart.products", "v": "cart.value", "q": "cart.quantity"}\nupdates: ["p", "v", "q"]\n'
)
"""Tells each change of the cart."""
IDLE_SEGMENT = 'segment: "idle"\nwhen: "cart.idle < 2s"\n'
"""Tells the instant of each change of the cart."""

CARTS = (
    "cart: {order_takes: all}\n",
    "cart: {replace: [Cart Cleared], clear: []}\n",
    "cart: {order_takes: listed}\n",
    "cart: {remove: [], replace: [Product Removed]}\n",
    "cart: {clear: [], replace: [Cart Cleared], order_takes: listed}\n",
    "cart: {add: [Product Removed], remove: [Product Added]}\n",
    "cart: {clear: [], order: [Order Completed, Cart Cleared], order_takes: listed}\n",
    "cart: {add: [], clear: [], replace: [Product Added, Cart Cleared]}\n",
    "cart: {key: [product_id, c]}\n",
    "cart: {key: [c, product_id, x], order_takes: listed}\n",
    "cart: {key: [c], quantity: x, price: p}\n",
    "cart: {clear: [], replace: [Cart Cleared], key: [product_id, x]}\n",
)
PRODUCTS_PERCENT, DATES_PERCENT = 85, 60
"""Events with products, and with dates and zones, where definitions ask for them."""
DAY_FUNCTIONS = ("days(", "weeks(", "months(", "streak(", "day_of", "date(", "until")


@dataclass(frozen=True, slots=True, repr=False)
class Scenario:
    """Each step with what comes after it: nothing, the end of a batch, a slice (more of the timers that are overdue
    fire), a restart (everything is saved and restored), a crash (the position is lost, the records come again), an edit
    (the next of `others`, definitions that those in `files` do not use, comes for the one before). `end_ms`: the clock
    at the end. `timers_max`: instants of timers that fire in one batch."""

    files: dict[str, str]
    rules: TimeRules
    moments: tuple[tuple[Step, Pause], ...]
    end_ms: int
    others: tuple[dict[str, str], ...] = ()
    timers_max: int = UNBOUNDED

    @property
    def is_of_people(self) -> bool:
        """True if a user can have several keys."""
        return IDENTITY_FILE in self.files

    @property
    def records_at_once(self) -> int | None:
        """Most records of a batch: one where what waits can make a claim, so that it is seen at once; None: any."""
        return 1 if self.is_of_people and SETTINGS_FILE in self.files else None

    @property
    def unordered(self) -> str:
        """The lines of `catalog.yaml` about the cart and the holdout; empty without one."""
        lines = self.files.get(SETTINGS_FILE, "").splitlines(keepends=True)
        return "".join(line for line in lines if line.startswith(("cart:", "holdout:")))

    @property
    def steps(self) -> list[Step]:
        return [step for step, _ in self.moments]

    def to_json(self) -> str:
        """As a file of examples has it."""
        moments: list[dict[str, Any]] = []
        for step, pause in self.moments:
            if isinstance(step, Advance):
                moments.append({"clock_ms": step.clock_ms, "pause": pause})
            elif isinstance(step, Order):
                moments.append({"wait_ms": step.wait_ms, "pause": pause})
            elif isinstance(step, Merge):
                moments.append({"user": step.user, "given": step.given, "pause": pause})
            elif isinstance(step, Clean):
                moments.append({"cleaning": step.text, "pause": pause})
            elif isinstance(step, Regroup):
                moments.append({"experiments": step.experiments, "holdout": step.holdout, "pause": pause})
            else:
                texts = [
                    None if data is None else data.decode(errors="surrogateescape") for data in (step.key, step.value)
                ]
                at = {"offset": step.offset, "timestamp": step.timestamp}
                moments.append({**at, "record": texts, "pause": pause})
        said = {
            "files": self.files,
            "others": self.others,
            "rules": times_of(self.rules),
            "moments": moments,
            "end_ms": self.end_ms,
            "timers_max": self.timers_max,
        }
        return json.dumps(said, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Scenario":
        said = json.loads(text)
        moments: list[tuple[Step, Pause]] = []
        for moment in said["moments"]:
            if "clock_ms" in moment:
                moments.append((Advance(moment["clock_ms"]), moment["pause"]))
                continue
            if "wait_ms" in moment:
                moments.append((Order(moment["wait_ms"]), moment["pause"]))
                continue
            if "experiments" in moment:
                moments.append((Regroup(moment["experiments"], moment["holdout"]), moment["pause"]))
                continue
            if "cleaning" in moment:
                moments.append((Clean(moment["cleaning"]), moment["pause"]))
                continue
            if "given" in moment:
                moments.append((Merge(moment["user"], moment["given"]), moment["pause"]))
                continue
            key, value = (None if text is None else text.encode(errors="surrogateescape") for text in moment["record"])
            moments.append((Record(moment["offset"], moment["timestamp"], key, value), moment["pause"]))
        others = tuple(said.get("others", ()))
        timers_max = said.get("timers_max", UNBOUNDED)
        return cls(said["files"], TimeRules(**said["rules"]), tuple(moments), said["end_ms"], others, timers_max)

    def __repr__(self) -> str:
        return f"a scenario of {len(self.moments)} steps"

    def __str__(self) -> str:
        lines = [f"rules: {self.rules}"]
        for path, text in self.files.items():
            lines += [f"--- {path}", text.rstrip()]
        for number, others in enumerate(self.others):
            for path, text in others.items():
                lines += [f"--- others {number}: {path}", text.rstrip()]
        lines.append("--- steps")
        for step, pause in self.moments:
            if isinstance(step, Advance):
                lines.append(f"clock to {instant_text(step.clock_ms)}")
            elif isinstance(step, Order):
                lines.append(f"order: wait {step.wait_ms} ms")
            elif isinstance(step, Merge):
                lines.append(f"{step.given} is {step.user}")
            elif isinstance(step, Clean):
                lines.append(f"cleaning: {step.text or None}")
            elif isinstance(step, Regroup):
                lines.append(f"experiments: {dict(step.experiments)}, holdout: {step.holdout or None}")
            else:
                time = "" if step.timestamp < 0 else f" (record {instant_text(step.timestamp)})"
                lines.append(f"{step.offset}: {(step.key or b'-').decode()}{time} {(step.value or b'').decode()}")
            if pause:
                lines.append(f"-- {pause}")
        lines.append(f"clock to {instant_text(self.end_ms)} at the end")
        if self.timers_max < UNBOUNDED:
            lines.append(f"{self.timers_max} timers a batch")
        return "\n".join(lines)


def regrouped(files: Mapping[str, str], step: Regroup) -> dict[str, str]:
    """Definition files with the experiments of a step in place of their own."""
    found = {}
    for path, text in files.items():
        said = yaml.safe_load(text) or {}
        own = step.holdout if path == SETTINGS_FILE else step.experiments.get(said.get("segment", ""), "")
        key = "holdout" if path == SETTINGS_FILE else "experiment"
        less = {name: value for name, value in said.items() if name != key}
        found[path] = (text if less == said else yaml_of(less)) + (f"{key}: {own}\n" if own else "")
    if step.holdout:
        found.setdefault(SETTINGS_FILE, f"holdout: {step.holdout}\n")
    return found


def times_of(rules: TimeRules) -> dict[str, Any]:
    """The rules that are times; the ids that name nobody are the usual ones in all histories."""
    return {name: value for name, value in asdict(rules).items() if name.endswith("_ms")}


@st.composite
def scenarios(draw: Draw) -> Scenario:
    """For Hypothesis."""
    return scenario_of(Choices.drawn(draw))


def scenario_of(choices: Choices, writer_type: type[Writer] = Writer) -> Scenario:
    """Catalogs of 1 to 4 definitions, histories of at most 40 events of one to three users."""
    writer = writer_type(choices)
    writer.clock_ms = start_ms(choices)
    files = writer.files()
    others = writer.others(files)
    durations_ms = sorted({ms(text) for text in writer.durations} | {1_000})
    rules = rules_for(choices, durations_ms)
    people = People.drawn(choices) if choices.chance(PEOPLE_PERCENT) else None
    narrator_type = Narrator if people is None else partial(PeopleNarrator, people=people)
    narrator = narrator_type(
        choices=choices,
        durations_ms=durations_ms,
        names=sorted(writer.names),
        rules=rules,
        users=USERS[: choices.one_of(1, 1, 2, 3)],
        clock_ms=writer.clock_ms,
        lists=sorted(writer.lists),
    )
    narrator.dates_percent = DATES_PERCENT if writer.dated_catalog else narrator.dates_percent
    midnights = midnights_ms(writer.clock_ms) if ask_days(files) else set()
    narrator.are_bounds = bool(writer.bounds_ms)
    narrator.instants_ms = [*sorted(writer.bounds_ms) * 6, *sorted(writer.instants_ms) * 2, *sorted(midnights)]
    if writer.gaps:
        narrator.focus = list(NAMES)
    cart = cart_of(choices, files)
    if cart:
        narrator.focus = [*SHOP_NAMES[:1] * 4, *SHOP_NAMES, *SHOP_NAMES[1:2] * choices.one_of(0, 2)]
        narrator.product_ids = ("a", "a", "b", 1)
    narrator.products_percent = PRODUCTS_PERCENT if writer.item_catalog or cart else narrator.products_percent
    steps = narrator.steps(EVENTS_MAX)
    kinds: tuple[Pause, ...] = ("", "", "", "", "", "", "", "batch", "slice", "restart", "crash")
    if others:
        kinds = (*kinds, "edit")
    moments: list[tuple[Step, Pause]] = [(step, choices.one_of(*kinds)) for step in steps]
    end_ms = max(narrator.times_ms) + choices.one_of(0, 5_000, 3_600_000, 172_800_000)
    timers_max = choices.one_of(UNBOUNDED, UNBOUNDED, 1, 2)
    zone = choices.one_of(*ZONES, *[zone_of_start(writer.clock_ms)] * 8) if choices.chance(ZONED_PERCENT) else "UTC"
    if zone != "UTC":
        files[SETTINGS_FILE] = settings_of(0, zone)
    if people is not None:
        files[IDENTITY_FILE] = identity_of(choices)
        if choices.chance(ORDERED_PERCENT):
            files[SETTINGS_FILE] = settings_of(choices.one_of(*WAITS_MS), zone)
            timers_max = UNBOUNDED
        add_cart(files, cart)
        return Scenario(files, rules, tuple(moments), end_ms, others, timers_max)
    if choices.chance(ORDERED_PERCENT):
        put_in_order(choices, files, moments, zone)
    add_cart(files, cart)
    if len(narrator.users) > 1 and not narrator.lists and choices.chance(MERGING_PERCENT):
        make_one(choices, narrator.users, moments)
    return Scenario(files, rules, tuple(moments), end_ms, others, timers_max)


def model_scenario_of(choices: Choices) -> Scenario:
    """The next of these that has a model."""
    while True:
        scenario = scenario_of(choices)
        if f"{MODEL}.model.json" in scenario.files:
            return scenario


def ask_days(files: Mapping[str, str]) -> bool:
    """True if definitions ask for days, so that midnights matter."""
    return any(function in text for text in files.values() for function in DAY_FUNCTIONS)


def put_in_order(choices: Choices, files: dict[str, str], moments: list[tuple[Step, Pause]], zone: str = "UTC") -> None:
    """A catalog whose events wait for those before them; now and then another `wait` takes effect."""
    if choices.chance(85):
        files[SETTINGS_FILE] = settings_of(choices.one_of(*WAITS_MS), zone)
    if choices.chance(30):
        for _ in range(choices.whole(1, 2)):
            at = choices.whole(0, len(moments))
            moments.insert(at, (Order(choices.one_of(0, *WAITS_MS)), ""))


def merging_scenario_of(choices: Choices) -> Scenario:
    """Two users with events of the same few names, of whom one turns out to be the other when both have a history.

    Nothing comes between: no restart, no edit, no slice.
    """
    writer = Writer(choices)
    writer.plain, writer.shop, writer.once_percent = True, choices.chance(30), 40
    writer.clock_ms = start_ms(choices)
    files = writer.files()
    durations_ms = sorted({ms(text) for text in writer.durations} | {1_000})
    narrator = Narrator(
        choices=choices,
        durations_ms=durations_ms,
        names=sorted(writer.names),
        rules=rules_for(choices, durations_ms),
        users=USERS[:2],
        clock_ms=writer.clock_ms,
    )
    if writer.gaps and not writer.shop:
        narrator.focus = list(NAMES)
    cart = cart_of(choices, files)
    if cart:
        narrator.focus = [*SHOP_NAMES[:1] * 4, *SHOP_NAMES, *SHOP_NAMES[1:2] * choices.one_of(0, 2)]
        narrator.product_ids = ("a", "a", "b", 1)
    narrator.products_percent = PRODUCTS_PERCENT if writer.item_catalog or cart else narrator.products_percent
    moments: list[tuple[Step, Pause]] = [(step, "") for step in narrator.steps(EVENTS_MAX)]
    if choices.chance(10):
        put_in_order(choices, files, moments)
    add_cart(files, cart)
    user, given = choices.shuffled(USERS[:2])
    for _ in range(choices.one_of(1, 1, 2)):
        at = choices.whole(len(moments) // 3, len(moments))
        moments.insert(at, (Merge(user, given), ""))
    end_ms = max(narrator.times_ms) + choices.one_of(0, 5_000, 3_600_000, 172_800_000)
    return Scenario(files, narrator.rules, tuple(moments), end_ms)


def people_scenario_of(choices: Choices) -> Scenario:
    """People with several keys and few definitions: many logins, logouts and changes of hands, over weeks."""
    narrator = PeopleNarrator(
        choices,
        people=replace(
            People.drawn(choices), gap_percent=choices.one_of(0, 5, 15), switch_percent=choices.one_of(15, 40)
        ),
        durations_ms=[60_000],
        names=["A", "B"],
        rules=rules_for(choices, [60_000]),
        users=USERS[:1],
        clock_ms=start_ms(choices),
        lists=("vip",),
    )
    narrator.focus = ["A"]
    moments: list[tuple[Step, Pause]] = [
        (step, choices.one_of("", "", "", "", "", "batch", "restart", "crash")) for step in narrator.steps(EVENTS_MAX)
    ]
    end_ms = max(narrator.times_ms) + choices.one_of(0, 5_000, 172_800_000)
    return Scenario(PEOPLE_FILES | {IDENTITY_FILE: identity_of(choices)}, narrator.rules, tuple(moments), end_ms)


def make_one(choices: Choices, users: Sequence[str], moments: list[tuple[Step, Pause]]) -> None:
    """One of the users turns out to be the others as well, some of them more than once."""
    user = choices.one_of(*users)
    for _ in range(choices.whole(1, 3)):
        given = choices.one_of(*(each for each in users if each != user))
        at = choices.whole(0, len(moments))
        moments.insert(at, (Merge(user, given), choices.one_of("", "", "restart", "crash")))


def cart_of(choices: Choices, files: Mapping[str, str]) -> str:
    """The events of another shop's cart, where a definition reads it; empty for the usual ones."""
    reads = any("cart." in text for text in files.values())
    return choices.one_of(*CARTS) if reads and choices.chance(CART_PERCENT) else ""


def add_cart(files: dict[str, str], cart: str) -> None:
    """Adds a line about the cart to `catalog.yaml`, and segments that tell each change of the cart."""
    if cart:
        files |= {"shop.yaml": SHOP_SEGMENT, "idle.yaml": IDLE_SEGMENT}
        files[SETTINGS_FILE] = files.get(SETTINGS_FILE, "") + cart


def settings_of(wait_ms: int, zone: str = "UTC") -> str:
    """`catalog.yaml`; 0: no event waits."""
    return (f"order: {{wait: {wait_ms}ms}}\n" if wait_ms else "") + (f"zone: {zone}\n" if zone != "UTC" else "")
