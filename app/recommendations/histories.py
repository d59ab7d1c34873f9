"""Items that users came to, out of files of events, and the segments that they were in, out of a file of changes."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from app.errors import UserError
from app.events.message import MessageDecoder, MessageError, checked_value, instant_ms, times_of, user_of
from app.events.user_ids import UserIds
from app.offline.event_files import EventFiles
from app.offline.heard_message import values_of
from app.recommendations.model import ITEM_CHARACTERS_MAX
from app.simulation.recording import numbered_lines
from tables.values import at_path

UNDATED_MS: Final = -1
CHANGE_HINT: Final = "shoal backtest EVENTS --segments FOLDER --output FILE writes one"


@dataclass(slots=True)
class Histories:
    """user -> (instant in ms, item) in order of time. unusable: messages that were left out, by reason. without_item:
    events of the wanted names without a usable item."""

    of: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    unusable: Counter[str] = field(default_factory=Counter)
    without_item: int = 0

    @property
    def instants(self) -> Iterator[int]:
        """The instants of all events, in no order."""
        return (at_ms for steps in self.of.values() for at_ms, _ in steps)


def read_histories(files: Sequence[Path], events: Sequence[str], item: str) -> Histories:
    """The steps of all users: `track` events of these names, and the item that their property names. UserError."""
    found, decoder, user_ids, names = Histories(), MessageDecoder(), UserIds(), frozenset(events)
    path = tuple(item.split("."))
    for value in EventFiles(files):
        try:
            message = decoder.decode(checked_value(value))
            if message.type != "track" or message.event not in names:
                continue
            user, _ = user_of(message, user_ids)
            at_ms, received_ms = times_of(message, UNDATED_MS)
        except MessageError as error:
            found.unusable[error.reason] += 1
            continue
        name = item_text(at_path(values_of(message.properties), path))
        if name is None:
            found.without_item += 1
        else:
            found.of.setdefault(user, []).append((min(at_ms, received_ms), name))
    for steps in found.of.values():
        steps.sort(key=lambda step: step[0])
    return found


def item_text(value: Any) -> str | None:
    """An item as a text: a number of a property and the same text are one item. None for what is none.

    >>> item_text("A1"), item_text(17), item_text(17.0), item_text(" "), item_text(None), item_text(True)
    ('A1', '17', '17', None, None, None)
    """
    if value.__class__ is float and value == value // 1:
        value = int(value)
    if value.__class__ is int:
        value = str(value)
    if value.__class__ is not str:
        return None
    text: str = value.strip()
    return text if 0 < len(text) <= ITEM_CHARACTERS_MAX else None


class _Change(msgspec.Struct, gc=False):
    user: str
    segment: str
    change: str
    at: str
    sequence: int


_decode_change: Final = msgspec.json.Decoder(_Change).decode


class Stays:
    """Segments of users over time."""

    def __init__(self, changes: Mapping[str, Mapping[str, list[tuple[int, int, bool]]]]) -> None:
        """`changes`: user -> segment -> (instant in ms, sequence, is in from then on)."""
        self._of = {
            user: {segment: sorted(each) for segment, each in segments.items()} for user, segments in changes.items()
        }

    def at(self, user: str, at_ms: int) -> list[str]:
        """The segments that a user is in at an instant: those of the changes before it."""
        return [
            segment
            for segment, steps in self._of.get(user, {}).items()
            if (place := bisect_right(steps, (at_ms - 1, 1 << 62, True))) and steps[place - 1][2]
        ]


def read_stays(file: Path) -> Stays:
    """The stays of a file of changes. UserError for a line that is none."""
    found: dict[str, dict[str, list[tuple[int, int, bool]]]] = {}
    for number, line in numbered_lines(file):
        try:
            change = _decode_change(line)
            at_ms = instant_ms(change.at)
        except (msgspec.MsgspecError, ValueError, UnicodeDecodeError) as error:
            raise UserError(f"{file}:{number} is no change: {error}", hint=CHANGE_HINT) from None
        steps = found.setdefault(change.user, {}).setdefault(change.segment, [])
        if change.change in ("entered", "exited"):
            steps.append((at_ms, change.sequence, change.change == "entered"))
    return Stays(found)
