"""Compares what a run has left behind with what its input and its journal demand."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from app.events.link_record import LINK_MARK
from app.runtime.records.envelope import POSITION_KEY, Reached, decode_position, decode_profile, reached_of
from app.runtime.records.identity_events import encode_identity
from app.runtime.records.journal import CatalogChange, IdleMove, JournalEntry, Poisoned, decode_entry
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import ErasureStep, UserCount
from app.segments.partition.partition import Partition, read_position
from app.segments.partition.position import CATALOG_KEY
from app.settings import Topics
from app.verification.recomputation import Recomputation
from tables import profile as profiles
from tests.simulation.broker import Log
from tests.simulation.environment import STARVED
from tests.simulation.scenario import RULES


class Recomputed(Recomputation):
    """The same, and the profiles it comes to."""

    @property
    def core(self) -> Partition:
        """Returns an empty partition."""
        return self._core

    def leave_out(self, timers: Mapping[str, int]) -> None:
        """Timers that the partition's clock has passed, and that whoever has it next will fire."""
        last = max((turn.epoch for turn in self._turns if isinstance(turn, CatalogChange)), default=1)
        self._unfired[last] = dict(timers)
        self._core.unfired = self._unfired.get(1, {})


def judge(
    logs: Callable[[str, int], Log],
    partition: int,
    topics: Topics,
    programs: Sequence[Program],
    *,
    repeats: bool,
    links: list[bytes],
    steps: list[ErasureStep],
    counts: list[list[UserCount]],
) -> list[str]:
    """Returns the problems of one partition. `programs`: the first catalog and those after it. `repeats`: the same
    change may be there more than once. `links`, `steps` and `counts`: are given the link records, the
    steps of erasures, and what censuses count, that the partition must have sent."""

    def log(topic: str) -> Log:
        return logs(topic, partition)

    journal = [decode_entry(record.value) for record in log(topics.journal).committed()]
    by_version: Mapping[str, Program] = {each.version: each for each in programs}
    again = Recomputed(programs[0], RULES, journal, by_version)
    at = reached(log(topics.profiles)).offset
    # A worker that is told to end may send a link record which nobody is left to read.
    records = [
        record
        for record in log(topics.clickstream).committed()
        if record.offset < at or not (record.value or b"").startswith(LINK_MARK)
    ]
    wanted: dict[bytes, list[bytes]] = {}
    again.leave_out(left_unfired(latest(log(topics.profiles))))
    changes = again.take(records)
    changes += again.move(len(log(topics.clickstream).records))
    links += (link.value for link in again.links)
    steps += again.erasures
    counts.append(again.counts)
    claims = Counter(encode_identity(each) for each in again.linked)
    told = Counter(record.value for record in log(topics.identity).committed())
    own = 0
    for change in changes:
        own_changes, value = wanted.setdefault(change.user.encode(), []), change.encode()
        # A give that is read twice, whose user was forgotten in between, makes the same changes again.
        if not repeats or value not in own_changes:
            own_changes.append(value)
        own += change.segment == "viewers"
    problems = [f"offset {offset} was given up: {why}" for offset, why in given_up_wrongly(journal)]
    problems += [f"result of a claim missing: {value!r}" for value in claims - told]
    problems += [f"result of a claim too often: {value!r}" for value in told - claims if not repeats]
    problems += _compare(wanted, log(topics.changes).committed(), repeats=repeats)
    found = log(topics.segment("viewers")).committed()
    if len({record.value for record in found}) != own or (not repeats and len(found) != own):
        problems.append(f"{own} changes of viewers, {len(found)} in their own topic")
    poisoned = buried(log(topics.journal))
    for topic, count in ((topics.dead_letters, again.dead + len(poisoned)), (topics.late, again.late)):
        letters = [dict(record.headers) for record in log(topic).committed()]
        if repeats:
            letters = [letter for letter in letters if _stands(letter, poisoned, late=topic == topics.late)]
        offsets = [letter["shoal-source-offset"] for letter in letters]
        if len(set(offsets)) != count or (not repeats and len(offsets) != count):
            problems.append(f"{topic} has {len(offsets)} records, {len(set(offsets))} different ones, not {count}")
    return problems + _compare_profiles(again.core, latest(log(topics.profiles)))


def _stands(letter: Mapping[str, bytes], poisoned: set[int], *, late: bool) -> bool:
    """True if a letter is more than what somebody left behind who died after it and before the journal or the profiles:
    the next one may have processed what it condemned, or condemned what it found late."""
    given_up = int(letter["shoal-source-offset"]) in poisoned
    return not given_up if late else given_up or letter.get("shoal-reason") != b"poison"


def given_up_wrongly(journal: Iterable[JournalEntry]) -> list[tuple[int, str]]:
    """Records that were given up for something that is not about them."""
    starved = tuple(type(each()).__name__ for each in STARVED)
    return [
        (entry.offset, entry.reason)
        for entry in journal
        if isinstance(entry, Poisoned) and entry.reason.startswith(starved)
    ]


def latest(changelog: Log) -> dict[bytes, bytes]:
    """The furthest value of each key, as a restore takes it."""
    found: dict[bytes, bytes] = {}
    for record in changelog.committed():
        if record.value is None:
            found.pop(record.key, None)
        elif record.key not in found or reached_of(record.value) >= reached_of(found[record.key]):
            found[record.key] = record.value
    return found


def left_unfired(stored: Mapping[bytes, bytes]) -> dict[str, int]:
    """Timers that are still to fire where the last worker was told to end between two commits, by their users."""
    value = stored.get(POSITION_KEY)
    if value is None:
        return {}
    position = decode_position(value)
    clock_ms = read_position(position.position).clock_ms
    if position.reached.clock_ms == clock_ms:
        return {}
    encoded = {key.decode(): decode_profile(each).profile for key, each in stored.items() if key != POSITION_KEY}
    timers = {user: profiles.timer_of(each) for user, each in encoded.items() if each and user != CATALOG_KEY}
    return {user: timer for user, timer in timers.items() if timer <= clock_ms}


def reached(changelog: Log) -> Reached:
    """Returns the progress of a partition, as a restore sees it."""
    value = latest(changelog).get(POSITION_KEY)
    return Reached(-1, -1) if value is None else reached_of(value)


def buried(journal: Log) -> set[int]:
    """Offsets of the records that were given up."""
    entries = [decode_entry(record.value) for record in journal.committed()]
    return {entry.offset for entry in entries if isinstance(entry, Poisoned)}


def announced_ms(journal: Log) -> int:
    """The furthest move that was announced: a worker that died before it leaves the move to the next."""
    entries = [decode_entry(record.value) for record in journal.committed()]
    return max((entry.clock_ms for entry in entries if isinstance(entry, IdleMove)), default=-1)


def _compare(wanted: dict[bytes, list[bytes]], found: list[Any], *, repeats: bool) -> list[str]:
    by_user: dict[bytes, list[bytes]] = {}
    for record in found:
        own = by_user.setdefault(record.key, [])
        if not repeats or record.value not in own:
            own.append(record.value)
    if by_user == wanted:
        return []
    problems = []
    for user in sorted(wanted.keys() | by_user.keys()):
        right, left = wanted.get(user, []), by_user.get(user, [])
        if right == left:
            continue
        missing = sum(each not in left for each in right)
        unwanted = sum(each not in right for each in left)
        repeated = len(left) - len(set(left))
        at = next((n for n, (one, two) in enumerate(zip(right, left, strict=False)) if one != two), -1)
        problems.append(
            f"user {user.decode()}: {len(right)} changes wanted, {len(left)} found: {missing} missing, "
            f"{unwanted} unwanted, {repeated} repeated; the first difference is at {at}"
        )
    return problems


def _compare_profiles(core: Partition, stored: dict[bytes, bytes]) -> list[str]:
    position = stored.pop(POSITION_KEY, None)
    if position is None:
        return ["nothing was ever committed"] if core.next_offset else []
    problems = []
    at = read_position(decode_position(position).position)
    if (at.next_offset, at.clock_ms) != (core.next_offset, core.clock_ms):
        problems.append(f"stands at {at.next_offset}, {at.clock_ms}, not at {core.next_offset}, {core.clock_ms}")
    users = 0
    for key, value in stored.items():
        user, encoded = key.decode(), decode_profile(value).profile
        if encoded is None or user == CATALOG_KEY:
            continue
        users += 1
        if profiles.decode(encoded) != core.held(user):
            problems.append(f"the profile of {user} is {profiles.decode(encoded)}, not {core.held(user)}")
    if users != core.users:
        problems.append(f"{users} profiles, not {core.users}")
    return problems
