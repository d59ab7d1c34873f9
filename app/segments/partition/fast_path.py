"""The usual events of a batch without the interpreter, where the extension module was built; else there is none.

What it does is what the loop of `Partition.process` does; what is special about a record it leaves to that loop.
"""

from collections.abc import Callable

import msgspec
from msgspec import UNSET, Raw

from app.events.message import EVENT_KINDS, MESSAGE_BYTES_MAX
from app.segments.compiler.event_code import Handler, read_slowly
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import RecordLike
from app.segments.evaluation.settlement import Settlement
from app.segments.evaluation.time_rules import TimeRules
from tables import message_ids
from tables.profile import Profile

INTERFACE = 2
"""Counts what the extension module and this one agreed on."""

try:
    from app.segments.partition import _fast_path
except ImportError:  # no C compiler where this was installed
    BUILT = False
else:
    BUILT = True
    if _fast_path.INTERFACE != INTERFACE:
        raise RuntimeError("app/segments/_fast_path was built from another version: install again (make setup)")

KIND_NAMES = tuple(sorted(EVENT_KINDS))


def fast_path(
    records: list[RecordLike],
    program: Program,
    rules: TimeRules,
    settlement: Settlement,
    touched: dict[str, Profile],
    load: Callable[[str], Profile | None],
    begin: Callable[[str, int, int, int], Profile],
    fire: Callable[[str, Profile, int], Profile | None],
    *,
    keyed: bool,
    clock_ms: int,
) -> "_fast_path.FastPath":
    """Takes the usual ones of these records, and gives the others to who iterates over it, in order."""
    return _fast_path.FastPath(
        records=records,
        clock=clock_ms,
        keyed=keyed,
        decode=program.decoder.decode_quickly,
        undecodable=(msgspec.DecodeError, RecursionError),
        message_bytes_max=MESSAGE_BYTES_MAX,
        kind_names=KIND_NAMES,
        skew_max=rules.skew_max_ms,
        disorder=rules.disorder_ms,
        lateness=rules.lateness_ms,
        retention=rules.retention_ms,
        touched=touched,
        load=load,
        begin=begin,
        begin_mask=program.begin_mask,
        user_mask=program.user_mask,
        fire=fire,
        profile_type=Profile,
        digest_of=message_ids.digest_of,
        sweep=message_ids.sweep,
        sweep_bytes=message_ids.SWEEP_BYTES,
        full_bytes=message_ids.FULL_BYTES,
        counted=program.counted,
        visit_update=program.visit_update,
        usual=program.usual,
        unset=UNSET,
        watching=program.watching,
        watch_masks=program.watch_masks,
        watch_mask=program.watch_mask,
        track_handlers=program.track_handlers,
        other_handlers=program.other_handlers,
        handler_type=Handler,
        raw_type=Raw,
        read_slowly=read_slowly,
        unreadable=(msgspec.ValidationError, RecursionError),
        settlement=settlement,
        settle=settlement.settle,
    )
