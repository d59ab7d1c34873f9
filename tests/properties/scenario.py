"""One catalog, one history, and how a partition is fed with it: batches, restarts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from app.segments.time_rules import TimeRules
from tests.model.messages import Advance, Record
from tests.model.oracle import Step
from tests.model.plain import instant_text
from tests.model.story import ms
from tests.properties.catalogs import Writer
from tests.support.histories import USERS, Narrator, rules_for, start_ms

EVENTS_MAX = 40


@dataclass(frozen=True, slots=True)
class Scenario:
    """`cuts`: indexes of steps after which a batch ends; `restarts`: those after which everything is saved and
    restored. `end_ms`: the clock at the end."""

    files: dict[str, str]
    rules: TimeRules
    steps: tuple[Step, ...]
    cuts: frozenset[int]
    restarts: frozenset[int]
    end_ms: int

    def __str__(self) -> str:
        lines = [f"rules: {self.rules}"]
        for path, text in self.files.items():
            lines += [f"--- {path}", text.rstrip()]
        lines.append("--- steps")
        for index, step in enumerate(self.steps):
            if isinstance(step, Advance):
                lines.append(f"clock to {instant_text(step.clock_ms)}")
            else:
                time = "" if step.timestamp < 0 else f" (record {instant_text(step.timestamp)})"
                lines.append(f"{step.offset}: {(step.key or b'-').decode()}{time} {(step.value or b'').decode()}")
            if index in self.restarts:
                lines.append("== restart")
            elif index in self.cuts:
                lines.append("-- batch")
        lines.append(f"clock to {instant_text(self.end_ms)} at the end")
        return "\n".join(lines)


@st.composite
def scenarios(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Scenario:
    """Catalogs of 1 to 4 definitions, histories of at most 40 events of one to three users."""
    writer = Writer(draw)
    files = writer.files()
    durations_ms = sorted({ms(text) for text in writer.durations} | {1_000})
    rules = rules_for(draw, durations_ms)
    start = start_ms(draw)
    narrator = Narrator(
        draw=draw,
        durations_ms=durations_ms,
        names=sorted(writer.names),
        rules=rules,
        users=USERS[: draw(st.sampled_from((1, 1, 2, 3)))],
        clock_ms=start,
    )
    steps = narrator.steps(EVENTS_MAX)
    inside = st.integers(0, len(steps) - 1)
    return Scenario(
        files=files,
        rules=rules,
        steps=tuple(steps),
        cuts=frozenset(draw(st.lists(inside, max_size=6))),
        restarts=frozenset(draw(st.lists(inside, max_size=3))),
        end_ms=max(narrator.times_ms) + draw(st.sampled_from((0, 5_000, 3_600_000, 172_800_000))),
    )


def records_of(scenario: Scenario) -> list[Record]:
    return [step for step in scenario.steps if isinstance(step, Record)]
