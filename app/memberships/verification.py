"""Compares Redis with what the topics of changes and identity events, or the profiles, demand.

Both move while one looks. So what is demanded is brought to where Redis stands, Redis is read, what is demanded is
brought to where Redis stands by then; users and keys that agree with either are right, the others are looked at again.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from app.errors import UserError
from app.memberships.expected_state import Essence, MembershipModel, RedirectModel, TopicModel, essence
from app.memberships.membership_view import View
from app.memberships.redirects import lane_of
from app.memberships.redis_updates import decode_entry
from app.runtime.kafka.clients import connect, has_transactions
from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.kafka.log_readers import LogReaders
from app.runtime.kafka.partitioner import partition_of
from app.runtime.redis_keys import read_field
from app.settings import Settings

ROUNDS_MAX: Final = 20
USERS_A_CALL: Final = 1_000
SHOWN_MAX: Final = 20
Lane = int | str
"""Names a position in Redis: a partition of the changes, or of the identity events."""


@dataclass(slots=True)
class Report:
    """Result of a comparison. `wrong`: user -> what Redis has and what is expected. `astray`: key -> the user that it
    has moved to in Redis, and the one expected; None for a key that is its own."""

    users: int = 0
    memberships: int = 0
    moved: int = 0
    wrong: dict[str, tuple[Essence, Essence]] = field(default_factory=dict)
    astray: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    unlisted: list[tuple[str, str]] = field(default_factory=list)
    """(segment, user) that stand in only one of the hash and the sorted set."""

    @property
    def right(self) -> bool:
        """True if nothing was wrong."""
        return not self.wrong and not self.unlisted and not self.astray


async def verify(settings: Settings, view: View) -> Report:
    """Compares everything.

    UserError where Redis holds no projection, or that of another topic, or a partition has not been begun.
    """
    state = await view.state()
    report = Report()
    async with AsyncExitStack() as stack:
        client = await connect(settings)
        stack.push_async_callback(client.close)
        readers = LogReaders(client, settings, committed_only=await has_transactions(client))
        await stack.enter_async_context(readers)
        models: list[MembershipModel] = []
        redirects: dict[Lane, RedirectModel] = {}
        for partition in range(settings.partitions):
            position = state.get(f"position:{partition}", "")
            if not position.isdigit():
                raise UserError(
                    f"partition {partition} is not in this Redis yet"
                    if "generation" in state
                    else "this Redis holds no memberships",
                    hint="start shoal memberships run, and wait until it is ready",
                )
            model = MembershipModel(readers.open(settings.topics.changes, partition))
            await model.begin(readers.open(settings.topics.profiles, partition))
            models.append(model)
            if state.get(f"position:{lane_of(partition)}", "").isdigit():  # not of a projection of an earlier version
                moves = redirects[lane_of(partition)] = RedirectModel(readers.open(settings.topics.identity, partition))
                await moves.begin(readers.open(settings.topics.profiles, partition))
        try:
            await _compare(settings, view, models, report)
            await _compare_redirects(view, redirects, report)
        except OffsetLostError as error:
            raise UserError(
                f"{error}: this Redis was filled from another topic",
                hint="shoal memberships rebuild rebuilds it, while shoal memberships run is running",
            ) from None
    return report


async def _compare(settings: Settings, view: View, models: Sequence[MembershipModel], report: Report) -> None:
    suspects: set[str] | None = None
    wrong: dict[str, tuple[Essence, Essence]] = {}
    for _ in range(ROUNDS_MAX):
        await _catch_up(view, dict(enumerate(models)))
        users = await _all_users(view, models) if suspects is None else suspects
        before = {user: _model(models, user, settings).of(user) for user in users}
        found = await _read_users(view, users)
        await _catch_up(view, dict(enumerate(models)))
        wrong = {}
        for user in users:
            after = _model(models, user, settings).of(user)
            if found[user] != before[user] and found[user] != after:
                wrong[user] = (found[user], after)
        if suspects is None:
            report.users = len(users)
            report.memberships = sum(map(len, found.values()))
            report.unlisted = await _unlisted(view, found)
        suspects = set(wrong)
        if not suspects:
            break
    report.wrong = wrong


async def _compare_redirects(view: View, models: Mapping[Lane, RedirectModel], report: Report) -> None:
    suspects: set[str] | None = None
    wrong: dict[str, tuple[str | None, str | None]] = {}
    for _ in range(ROUNDS_MAX):
        await _catch_up(view, models)
        before = _redirects(models)
        keys = before.keys() | await _moved_keys(view) if suspects is None else suspects
        found = await _read_redirects(view, keys)
        await _catch_up(view, models)
        after = _redirects(models)
        wrong = {
            key: (found[key], after.get(key)) for key in keys if found[key] not in (before.get(key), after.get(key))
        }
        if suspects is None:
            report.moved = len(keys)
        suspects = set(wrong)
        if not suspects:
            break
    report.astray = wrong


async def _catch_up(view: View, models: Mapping[Lane, TopicModel]) -> None:
    state = await view.state()
    for lane, model in models.items():
        position = state.get(f"position:{lane}", "")
        if position.isdigit():
            await model.move_to(int(position))


def _redirects(models: Mapping[Lane, RedirectModel]) -> dict[str, str]:
    return {key: user for model in models.values() for key, user in model.users.items()}


def _model(models: Sequence[MembershipModel], user: str, settings: Settings) -> MembershipModel:
    return models[partition_of(user.encode(), settings.partitions)]


async def _all_users(view: View, models: Sequence[MembershipModel]) -> set[str]:
    users = {user for model in models for user in model.users}
    return users | await _names(view, view.keys.user_pattern, view.keys.user(""))


async def _moved_keys(view: View) -> set[str]:
    return await _names(view, view.keys.moved_pattern, view.keys.moved(""))


async def _names(view: View, pattern: str, prefix: str) -> set[str]:
    return {key.decode().removeprefix(prefix) async for key in view.redis.scan_iter(match=pattern, count=2_000)}


async def _read_redirects(view: View, keys: Iterable[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    names = sorted(keys)
    for start in range(0, len(names), USERS_A_CALL):
        some = names[start : start + USERS_A_CALL]
        users = await view.redis.mget([view.keys.moved(key) for key in some])
        found |= {
            key: user.decode() if isinstance(user, bytes) else None for key, user in zip(some, users, strict=True)
        }
    return found


async def _read_users(view: View, users: Iterable[str]) -> dict[str, Essence]:
    found: dict[str, Essence] = {}
    names = sorted(users)
    for start in range(0, len(names), USERS_A_CALL):
        some = names[start : start + USERS_A_CALL]
        async with view.redis.pipeline(transaction=False) as pipeline:
            for user in some:
                pipeline.hgetall(view.keys.user(user))
            answers = await pipeline.execute()
        for user, entries in zip(some, answers, strict=True):
            found[user] = {name.decode(): essence(decode_entry(value)) for name, value in entries.items()}
    return found


async def _unlisted(view: View, found: dict[str, Essence]) -> list[tuple[str, str]]:
    """Memberships that the sorted set of their segment lacks; of users who have changed meanwhile nothing is said."""
    pairs = [(segment, user) for user, segments in found.items() for segment in segments]
    missing: list[tuple[str, str]] = []
    for start in range(0, len(pairs), USERS_A_CALL):
        some = pairs[start : start + USERS_A_CALL]
        async with view.redis.pipeline(transaction=False) as pipeline:
            for segment, user in some:
                pipeline.zscore(view.keys.segment(read_field(segment)[0]), user)
                pipeline.hexists(view.keys.user(user), segment)
            answers = await pipeline.execute()
        for pair, score, there in zip(some, answers[::2], answers[1::2], strict=True):
            if score is None and there:
                missing.append(pair)
    return missing
