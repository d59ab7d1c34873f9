"""What a run says of a user: entered or left a segment, and when. The common language of all peers and of Shoal."""

from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from app.segments.definition import Catalog
from app.segments.time_rules import TimeRules
from app.segments_dir import load_segments
from tests.benchmarks.events import ROOT

Action: TypeAlias = Literal["entered", "left"]
RULES_FOLDER: Final = ROOT / "tests" / "benchmarks" / "rules"
#: Rules that an engine without timers of event time can follow: when somebody enters, if not when he leaves.
WINDOW_RULES_FOLDER: Final = RULES_FOLDER / "windows"
TIME_RULES: Final = TimeRules()


class Moment(NamedTuple):
    """`at`: event time, in ms."""

    user: str
    segment: str
    action: Action
    at: int


class _Written(msgspec.Struct):
    """How peers write it."""

    user: str
    segment: str
    action: Action
    at: int


_decode: Final = msgspec.json.Decoder(_Written).decode


def read_moment(value: bytes) -> Moment:
    """What a peer wrote; msgspec.MsgspecError if it is something else."""
    written = _decode(value)
    return Moment(written.user, written.segment, written.action, written.at)


def rules(*, timers: bool) -> Catalog:
    """The definitions: all, or those of windows only."""
    return load_segments(RULES_FOLDER if timers else WINDOW_RULES_FOLDER, TIME_RULES)
