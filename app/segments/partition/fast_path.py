"""Runs common events through the C extension. None when the extension was not built.

The extension does what the loop of `Partition.process` does, and leaves every unusual record to that loop.
"""

from collections.abc import Callable

import msgspec
from msgspec import UNSET, Raw

from app.events.message import EVENT_KINDS, MESSAGE_BYTES_MAX
from app.segments.compiler.event_code import Handler, read_slowly
from app.segments.compiler.program import Program
from app.segments.compiler.visit_update import STEPS_MAX
from app.segments.evaluation.batch import RecordLike
from app.segments.evaluation.settlement import Settlement
from app.segments.evaluation.time_rules import TimeRules
from tables import message_ids, session
from tables.identity import CLAIM_MS
from tables.profile import Profile

KIND_NAMES = tuple(sorted(EVENT_KINDS))

INTERFACE = 7
"""Version of the contract between the extension module and this one."""

CONSTANTS = {
    "INTERFACE": INTERFACE,
    "HASH_BYTES": message_ids.HASH_BYTES,
    "ENTRY_BYTES": message_ids.ENTRY_BYTES,
    "DEPTH_MAX": STEPS_MAX,
    "START": session.START,
    "LAST": session.LAST,
    "PAGES": session.PAGES,
    "EVENTS": session.EVENTS,
    "VISIT_LENGTH": session.VISIT_LENGTH,
}
"""Constants of the extension module, each as Python has it."""


def check_constants(module: object) -> None:
    """Raises RuntimeError if an extension module was built for other constants."""
    for name, value in CONSTANTS.items():
        built = getattr(module, name, None)
        if built != value:
            raise RuntimeError(
                f"the extension module app/segments/partition/_fast_path has {name} = {built}, Python has {value}: "
                "it was built from another version; build it again (make setup)"
            )


try:
    from app.segments.partition import _fast_path
except ImportError:  # no C compiler where this was installed
    BUILT = False
else:
    BUILT = True
    check_constants(_fast_path)
    assert len(KIND_NAMES) <= _fast_path.KINDS_MAX


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
        blocked_ids=rules.user_ids.blocked_ascii,
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
        linking=program.identity is not None,
        claim=CLAIM_MS,
        logouts=frozenset() if program.identity is None else frozenset(program.identity.logout),
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
