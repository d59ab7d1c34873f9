"""Moment at which a user enters or leaves a segment: the common output of all peers and of Shoal."""

from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from app.catalogs.definitions_folder import load_segments
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.time_rules import TimeRules
from tests.benchmarks.events import ROOT

Action: TypeAlias = Literal["entered", "left"]
#: The five window rules, or these and `abandoned`, for which time must advance without events.
Rules: TypeAlias = Literal["windows", "all"]
FOLDER: Final = ROOT / "tests" / "benchmarks" / "rules"
TIME_RULES: Final = TimeRules()


class Moment(NamedTuple):
    """`at`: event time, in ms."""

    user: str
    segment: str
    action: Action
    at: int


class _Written(msgspec.Struct):
    """Form in which peers write a moment."""

    user: str
    segment: str
    action: Action
    at: int


_decode: Final = msgspec.json.Decoder(_Written).decode


def read_moment(value: bytes) -> Moment:
    """Reads a moment of a peer; msgspec.MsgspecError if it is something else."""
    written = _decode(value)
    return Moment(written.user, written.segment, written.action, written.at)


def folder_of(rules: Rules) -> Path:
    """Returns the folder of the definitions."""
    return FOLDER if rules == "all" else FOLDER / rules


def catalog_of(rules: Rules) -> Catalog:
    """The definitions."""
    return load_segments(folder_of(rules), TIME_RULES)
