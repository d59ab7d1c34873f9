"""The histories from which the console may fill segments: the settings name them, and pages only choose among them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from app.errors import UserError
from app.offline.backfill_history import History, Source

TOPIC: Final = "topic"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_HINT: Final = "name=files:EVENTS,EVENTS or name=parquet:FOLDER; the next one after a semicolon"


@dataclass(frozen=True, slots=True)
class Origin:
    """The place of a history: messages in files, or the files of a warehouse."""

    source: Source
    paths: tuple[Path, ...]

    def open(self) -> History:
        """The files as they are now. UserError where they are not there."""
        return History(self.source, self.paths)


def read_histories(text: str) -> dict[str, Origin]:
    """The histories of SHOAL_CONSOLE_HISTORIES by name. UserError for an entry that is none.

    >>> read_histories("spring=files:/data/march.jsonl.gz,/data/april.jsonl.gz")["spring"].source
    'files'
    """
    found: dict[str, Origin] = {}
    for entry in (each.strip() for each in text.split(";")):
        if not entry:
            continue
        name, _, rest = entry.partition("=")
        kind, _, paths = rest.partition(":")
        given = tuple(Path(each.strip()) for each in paths.split(",") if each.strip())
        where = f"console_histories, {entry[:80]!r}"
        source: Source | None = next((each for each in get_args(Source) if each == kind.strip()), None)
        if source is None or not given:
            raise UserError(f"{where} names no files", hint=_HINT)
        if not _NAME.fullmatch(name.strip()) or name.strip() == TOPIC:
            hint = "small letters, digits and -, at most 40, and not topic"
            raise UserError(f"{where}: {name.strip()[:40]!r} is no name of a history", hint=hint)
        if name.strip() in found:
            raise UserError(f"{where} has the name of another one", hint="one entry for each history")
        found[name.strip()] = Origin(source, given)
    return found
