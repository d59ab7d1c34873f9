"""Files of events and changes, read as a worker reads them and written as lines that DuckDB loads."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from app.errors import UserError
from app.events.message import EVENT_KINDS, MessageDecoder, MessageError, checked_value, instant_ms, times_of, user_of
from app.events.user_ids import UserIds
from app.offline.event_files import EventFiles
from app.reports.notes import Note
from app.simulation.recording import numbered_lines

UNDATED_MS: Final = -1
_CHANGE_HINT: Final = "a file of changes is what `shoal backtest EVENTS --segments FOLDER --output FILE` writes"


class _Change(msgspec.Struct, gc=False):
    id: str
    user: str
    segment: str
    change: str
    times: int
    at: str
    sequence: int
    cause: dict[str, Any] | None = None
    experiments: msgspec.Raw | UnsetType = UNSET


class _Context(msgspec.Struct, gc=False):
    context: msgspec.Raw | UnsetType = UNSET


_decode_change: Final = msgspec.json.Decoder(_Change).decode
_decode_context: Final = msgspec.json.Decoder(_Context).decode
_encode: Final = msgspec.json.Encoder().encode


class FileHistory:
    """Files of a history, as lines in a folder. `notes`: what was left out of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.notes: list[Note] = []

    def write_events(self, files: Sequence[Path]) -> Path:
        """Writes the events of these files. UserError for a file that cannot be read."""
        unusable: Counter[str] = Counter()
        path = self._folder / "events.jsonl"
        with path.open("wb") as lines:
            lines.writelines(_encode(row) + b"\n" for row in _event_rows(files, unusable))
        if unusable:
            told = ", ".join(f"{count:,} ({reason})" for reason, count in unusable.most_common())
            self.notes.append(Note("unusable", {"reasons": told}))
        return path

    def write_changes(self, file: Path) -> Path:
        """Writes the changes of a file. UserError for a line that is none."""
        path = self._folder / "changes.jsonl"
        with path.open("wb") as lines:
            for number, line in numbered_lines(file):
                try:
                    change = _decode_change(line)
                    at_ms = instant_ms(change.at)
                except (msgspec.MsgspecError, ValueError, UnicodeDecodeError) as error:
                    raise UserError(f"{file}:{number} is no change: {error}", hint=_CHANGE_HINT) from None
                lines.write(_encode(_change_row(change, at_ms)) + b"\n")
        return path


def _change_row(change: _Change, at_ms: int) -> dict[str, Any]:
    cause = (change.cause or {}).get("kind")
    return {
        "id": change.id,
        "k": change.user,
        "segment": change.segment,
        "change": change.change,
        "times": change.times,
        "at_ms": at_ms,
        "sequence": change.sequence,
        "cause": cause if isinstance(cause, str) else None,
        "experiments": None if change.experiments is UNSET else bytes(change.experiments).decode(),
    }


def _event_rows(files: Sequence[Path], unusable: Counter[str]) -> Iterator[dict[str, Any]]:
    decoder, user_ids = MessageDecoder(), UserIds()
    for value in EventFiles(files):
        try:
            message = decoder.decode(checked_value(value))
            if message.type not in EVENT_KINDS:
                continue
            user, _ = user_of(message, user_ids)
            at_ms, received_ms = times_of(message, UNDATED_MS)
        except MessageError as error:
            unusable[error.reason] += 1
            continue
        yield {
            "k": user,
            "at_ms": at_ms,
            "received_ms": received_ms if message.receivedAt else None,
            "type": message.type,
            "event": message.event,
            "name": message.name if isinstance(message.name, str) else None,
            "message_id": None if message.messageId is None else str(message.messageId),
            "properties": None if message.properties is UNSET else bytes(message.properties).decode(),
            "context": _context(value),
        }


def _context(value: bytes) -> str | None:
    try:
        context = _decode_context(value).context
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if context is UNSET else bytes(context).decode(errors="replace")
