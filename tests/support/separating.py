"""The records that `shoal users split` and `merge` write, made from logs in memory."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from app.events.control_record import Control, write_control
from app.events.link_record import link_id
from app.offline.key_split import KeySplit
from app.runtime.records.journal import JournalEntry
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import RecordLike
from app.segments.evaluation.time_rules import TimeRules
from tables import profile as profiles
from tables.profile import Profile

Written = list[tuple[str, bytes]]


def split_records(
    user: str,
    key: str,
    log: Sequence[RecordLike],
    *,
    program: Program,
    rules: TimeRules,
    catalog: bytes,
    n: int,
    at_ms: int,
    journal: Sequence[JournalEntry] = (),
) -> Written:
    """The control records of a split, each with its key; nothing if it is refused.

    `log`: of the user's partition, all of it.
    """
    split = KeySplit(program, rules, key=key, user=user, catalog=catalog, journal=journal)
    split.take(log)
    own, back = split.profiles()
    if split.moved_to is not None or split.is_split:
        return []
    told = Control(
        deed="replace", app=rules.app, id=link_id(rules.app, key, user, n), source=key, to=user, n=n, at_ms=at_ms
    )
    return [(each, _with(told, profile, program)) for each, profile in ((key, back), (user, own))]


def merge_records(key: str, user: str, *, rules: TimeRules, n: int, at_ms: int) -> Written:
    """The control records of a merge by force, each with its key."""
    told = Control(
        deed="merge", app=rules.app, id=link_id(rules.app, key, user, n), source=key, to=user, n=n, at_ms=at_ms
    )
    return [(each, write_control(told)) for each in (key, user)]


def _with(told: Control, profile: Profile | None, program: Program) -> bytes:
    encoded = b"" if profile is None else profiles.encode(profile, 0, 0)
    return write_control(
        Control(
            deed=told.deed,
            app=told.app,
            id=told.id,
            source=told.source,
            to=told.to,
            n=told.n,
            at_ms=told.at_ms,
            version=program.version,
            profile=encoded,
        )
    )


def erase_records(user: str, keys: Iterable[str], *, rules: TimeRules, at_ms: int, suppress: bool = False) -> Written:
    """The control records of an erasure, each with its key: the user's, and those of the keys that are theirs."""
    name = link_id(rules.app, user, user, at_ms)
    told = Control(deed="erase", app=rules.app, id=name, source=user, to=user, n=0, at_ms=at_ms, user=user)
    every = (user, *keys)
    told = replace(told, suppress=suppress)
    return [(key, write_control(replace(told, source=key, keys=every if key == user else ()))) for key in every]
