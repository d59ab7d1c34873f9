"""Destinations and changes for tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from app.destinations.destination import Destination
from app.destinations.destination_file import DestinationFile
from app.destinations.http.http_target import HttpTarget
from app.segments.evaluation.change import Atom, Cause, Change, ChangeKind, change_id

HOOK = "destination: hook\nurl: https://hooks.example/in\nchanges: [entered, exited]\n"


def destination(text: str = HOOK, *, environ: Mapping[str, str] | None = None, private: bool = False) -> Destination:
    """The destination of a file's text, which must be right."""
    file = DestinationFile("hook.yaml", text, environ=environ or {}, private=private)
    made = file.read()
    assert made is not None, "\n".join(map(str, file.source.problems))
    return made


def target(made: Destination) -> HttpTarget:
    """The target of a destination of the kind `http`."""
    found: Any = made.target
    assert isinstance(found, HttpTarget)
    return found


def problems(text: str, *, environ: Mapping[str, str] | None = None, private: bool = False) -> list[str]:
    """Returns the problems of a file."""
    file = DestinationFile("hook.yaml", text, environ=environ or {}, private=private)
    assert file.read() is None
    return [f"{each.line}:{each.column} {each.message}" for each in file.source.problems]


def change(
    user: str = "u-1", sequence: int = 1, kind: ChangeKind = "entered", segment: str = "viewers", **attach: Any
) -> Change:
    """One change."""
    return Change(
        id=change_id(user, sequence),
        user=user,
        segment=segment,
        version="abc123",
        change=kind,
        times=1,
        at="2026-01-05T00:30:00.000Z",
        sequence=sequence,
        cause=Cause("time"),
        evidence=[Atom("cart.items > 0", 1)],
        attach=attach,
        valid_until=None,
    )


def plain(one: Change) -> dict[str, Any]:
    """As a template sees it."""
    found: dict[str, Any] = msgspec.json.decode(one.encode())
    return found


@dataclass(frozen=True)
class Record:
    """As read from Kafka."""

    offset: int
    value: bytes
    key: bytes | None = None
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def records(changes: list[Change]) -> list[Record]:
    """At offsets 0, 1, ..."""
    return [Record(offset, each.encode(), each.user.encode()) for offset, each in enumerate(changes)]
