"""Histories of users who are compared with numbers of all users: of all kinds, with censuses and other numbers now and
then, at any place of the log."""

from dataclasses import replace

from app.events.control_record import Control, write_control
from tests.model.messages import Record
from tests.model.oracle import Step
from tests.model.population import asked
from tests.properties.erasures import erasing_scenario_of
from tests.properties.playing import catalog_of
from tests.properties.scenario import Pause, Scenario, merging_scenario_of, people_scenario_of, scenario_of
from tests.support.choices import Choices

MEASURES = (
    "count('A')",
    "count('A' within 3s)",
    "count('B' since last 'A')",
    "sum(x of 'A')",
    "sum(x of 'A' within 5s)",
    "max(x of any('A', 'B') within 10s)",
    "avg(x of 'A')",
    "count('A' per c within 10s)",
    "distinct(c of 'A')",
    "cart.value",
    "cart.quantity",
    "sum(x of 'A') / count('A')",
    "count('A') * 2 + 0.5",
    "count(sequence('A' then no 'B' for 2s) within 10s)",
)
SHARES = ("10%", "50%", "50%", "33.33%", "67%", "99.99%", "0.01%", "1 user", "2 users", "3 users", "100 users")
ORDERS = (">=", ">=", ">=", ">", "<", "<=")
NUMBERS = (1, 2, 1, 2, 3, 0.99, 1.5, 5, 0.5, 2.000001, None, 10)
KEYS = ("", "", "", "for: 2s\n", "hold: 3s\n", "cooldown: 2s\n", "warmup: wait\n")


def population_scenario_of(choices: Choices) -> Scenario:
    """A scenario of any kind in which some segments compare with numbers of all users."""
    kinds = (scenario_of, scenario_of, merging_scenario_of, people_scenario_of, erasing_scenario_of)
    scenario = choices.one_of(*kinds)(choices)
    files = dict(scenario.files)
    for number in range(choices.one_of(1, 2, 2, 3)):
        files[f"top{number}.yaml"] = f"segment: top{number}\n{_conditions(choices)}{choices.one_of(*KEYS)}"
    if choices.chance(20):
        points = f'points: [{{when: "{_comparison(choices)}", add: 2}}]\n'
        files["rank.yaml"] = f"score: rank\n{points}"
        files["ranked.yaml"] = "segment: ranked\nwhen: score('rank') >= 2\n"
    if choices.chance(50):
        files["large.yaml"] = f"segment: large\nwhen: segment_size('top0') {_size(choices)} and exists('A' within 1h)\n"
    names = sorted(asked(catalog_of(files)))
    moments = list(scenario.moments)
    census = choices.whole(1, 3)
    for _ in range(choices.whole(2, 7)):
        census += choices.one_of(-1, 0, 1, 1, 1, 2)
        said = None
        if choices.chance(75):
            said = {name: choices.one_of(*NUMBERS) for name in (*names, "top(1%) of what nobody asks")}
            said = {name: number for name, number in said.items() if choices.chance(80)}
        pause: Pause = choices.one_of("", "", "batch", "restart", "crash")
        at = choices.whole(len(moments) // 5, len(moments))
        moments.insert(at, (record_of(choices, scenario, census, said), pause))
    return replace(scenario, files=files, moments=renumbered(moments))


def _conditions(choices: Choices) -> str:
    if choices.chance(25):
        measure = choices.one_of(*MEASURES)
        return f'enter: "{measure} >= top(33.33%)"\nexit: "{measure} < top(50%)"\n'
    condition = _comparison(choices)
    if choices.chance(30):
        condition = choices.one_of(
            f"not ({condition}) and exists('A')",
            f"{condition} and {_comparison(choices)}",
            f"{condition} or {_comparison(choices)}",
            f"{condition} and user.idle < 3s",
        )
    return f'when: "{condition}"\n'


def _comparison(choices: Choices) -> str:
    return f"{choices.one_of(*MEASURES)} {choices.one_of(*ORDERS)} top({choices.one_of(*SHARES)})"


def _size(choices: Choices) -> str:
    return choices.one_of(">= 1", "> 1", "< 2", "= 2", "is known", ">= 2", "+ 1 > 2")


def record_of(
    choices: Choices, scenario: Scenario, census: int, numbers: dict[str, int | float | None] | None
) -> Record:
    """A control record of a census; with numbers, of their publication."""
    control = Control(
        deed="census" if numbers is None else "publish",
        app=choices.one_of(*[scenario.rules.app] * 9, "another"),
        id=str(census),
        source="",
        to="",
        n=census,
        at_ms=0,
        numbers=numbers or {},
    )
    return Record(0, -1, None, write_control(control))


def renumbered(moments: list[tuple[Step, Pause]]) -> tuple[tuple[Step, Pause], ...]:
    """The records with offsets from 0 on, in order."""
    offset = 0
    found: list[tuple[Step, Pause]] = []
    for step, pause in moments:
        if isinstance(step, Record):
            step = replace(step, offset=offset)
            offset += 1
        found.append((step, pause))
    return tuple(found)
