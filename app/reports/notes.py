"""Notes of reports: what is left out, and what to do about it. Pages and commands say them in words of their own."""

from typing import Final

import msgspec

TEXTS: Final = {
    "crossed": "left out: {n} in several groups of an experiment",
    "last_event": "the last event is of {at}: after it, nothing is taken to have happened",
    "more_flows": "{n} smaller flows are not shown: --limit",
    "more_paths": "{n} rarer paths are not shown: --limit",
    "no_conversion": "there is no conversion: --goal names them",
    "no_exposure": "nobody was exposed to an experiment in this span",
    "no_goal": "no event is called {goal}: --goal names the conversions",
    "no_verdict": "these are no verdicts: `shoal uplift` compares groups with their control",
    "no_week": "no week is over in which somebody came first",
    "pending_entries": "left out: {n} first times whose {window} are not over",
    "pending_users": "left out: {n} users whose {window} are not over",
    "unusable": "left out as unusable: {reasons}",
}
"""The notes as commands say them."""


class Note(msgspec.Struct, frozen=True):
    """A note: the key of its text, and what is filled in.

    >>> str(Note("more_paths", {"n": 1200}))
    '1,200 rarer paths are not shown: --limit'
    """

    key: str
    values: dict[str, str | int] = {}

    def __str__(self) -> str:
        shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in self.values.items()}
        return TEXTS[self.key].format(**shown)
