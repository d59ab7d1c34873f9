"""Marks of one user in one segment."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Standing:
    """State of a user in a segment. All marks are instants of evaluations. `groups`: what the entry has told of
    experiments, as the fields of a change."""

    inside: bool = False
    true_since_ms: int | None = None
    entered_ms: int | None = None
    left_ms: int | None = None
    times: int = 0
    sent: tuple[tuple[str, Any], ...] = ()
    groups: dict[str, Any] = field(default_factory=lambda: {"group": None})

    def value(self, function: str) -> int | None:
        """The instant, or the number of times, that a function is about; None: it never happened."""
        match function:
            case "entered":
                return self.entered_ms
            case "times":
                return self.times
            case _:
                return self.left_ms
