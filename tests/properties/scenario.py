"""One catalog, one history, and how a partition is fed with it: batches, restarts."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hypothesis import strategies as st

from app.segments.time_rules import TimeRules
from tests.model.messages import Advance, Record
from tests.model.oracle import Step
from tests.model.plain import instant_text
from tests.model.story import ms
from tests.properties.catalogs import Writer
from tests.support.histories import USERS, Narrator, rules_for, start_ms

EVENTS_MAX = 40
Pause = Literal["", "batch", "restart"]


@dataclass(frozen=True, slots=True, repr=False)
class Scenario:
    """Each step with what comes after it: nothing, the end of a batch, or that everything is saved and restored.
    `end_ms`: the clock at the end."""

    files: dict[str, str]
    rules: TimeRules
    moments: tuple[tuple[Step, Pause], ...]
    end_ms: int

    @property
    def steps(self) -> list[Step]:
        return [step for step, _ in self.moments]

    def to_json(self) -> str:
        """As a file of examples has it."""
        moments: list[dict[str, Any]] = []
        for step, pause in self.moments:
            if isinstance(step, Advance):
                moments.append({"clock_ms": step.clock_ms, "pause": pause})
            else:
                texts = [
                    None if data is None else data.decode(errors="surrogateescape") for data in (step.key, step.value)
                ]
                at = {"offset": step.offset, "timestamp": step.timestamp}
                moments.append({**at, "record": texts, "pause": pause})
        said = {"files": self.files, "rules": asdict(self.rules), "moments": moments, "end_ms": self.end_ms}
        return json.dumps(said, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Scenario":
        said = json.loads(text)
        moments: list[tuple[Step, Pause]] = []
        for moment in said["moments"]:
            if "clock_ms" in moment:
                moments.append((Advance(moment["clock_ms"]), moment["pause"]))
                continue
            key, value = (None if text is None else text.encode(errors="surrogateescape") for text in moment["record"])
            moments.append((Record(moment["offset"], moment["timestamp"], key, value), moment["pause"]))
        return cls(said["files"], TimeRules(**said["rules"]), tuple(moments), said["end_ms"])

    def __repr__(self) -> str:
        return f"a scenario of {len(self.moments)} steps"

    def __str__(self) -> str:
        lines = [f"rules: {self.rules}"]
        for path, text in self.files.items():
            lines += [f"--- {path}", text.rstrip()]
        lines.append("--- steps")
        for step, pause in self.moments:
            if isinstance(step, Advance):
                lines.append(f"clock to {instant_text(step.clock_ms)}")
            else:
                time = "" if step.timestamp < 0 else f" (record {instant_text(step.timestamp)})"
                lines.append(f"{step.offset}: {(step.key or b'-').decode()}{time} {(step.value or b'').decode()}")
            if pause:
                lines.append(f"-- {pause}")
        lines.append(f"clock to {instant_text(self.end_ms)} at the end")
        return "\n".join(lines)


@st.composite
def scenarios(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Scenario:
    """Catalogs of 1 to 4 definitions, histories of at most 40 events of one to three users."""
    writer = Writer(draw)
    files = writer.files()
    durations_ms = sorted({ms(text) for text in writer.durations} | {1_000})
    rules = rules_for(draw, durations_ms)
    narrator = Narrator(
        draw=draw,
        durations_ms=durations_ms,
        names=sorted(writer.names),
        rules=rules,
        users=USERS[: draw(st.sampled_from((1, 1, 2, 3)))],
        clock_ms=start_ms(draw),
    )
    steps = narrator.steps(EVENTS_MAX)
    pauses: list[Pause] = [draw(st.sampled_from(("", "", "", "", "", "batch", "restart"))) for _ in steps]
    return Scenario(
        files=files,
        rules=rules,
        moments=tuple(zip(steps, pauses, strict=True)),
        end_ms=max(narrator.times_ms) + draw(st.sampled_from((0, 5_000, 3_600_000, 172_800_000))),
    )
