"""The sets of users in Redis, as `shoal memberships` keeps them, read in pipelines of bounded size.

No command here keeps Redis busy for long: an intersection is asked for only where the smaller set is small, and larger
sets are sampled.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from redis.asyncio import Redis

from app.runtime.redis_keys import RedisKeys

COMMANDS_A_CALL: Final = 200
"""Commands of one pipeline: they bound what is in memory, and other clients of Redis get in between."""
DRAWS_A_CALL: Final = 1_000
SCAN_KEYS: Final = 2_000


TALLIED_A_CALL: Final = 100
"""Users that one script asks for their segments: Redis does nothing else for a few milliseconds at most."""
_TALLY: Final = """
local start, count = tonumber(ARGV[2]), tonumber(ARGV[3])
local users
if start < 0 then users = redis.call('ZRANDMEMBER', KEYS[1], count)
else users = redis.call('ZRANGE', KEYS[1], start, start + count - 1) end
local answer = {#users}
if #users == 0 then
  if ARGV[4] ~= '' then answer[2] = 0 end
  return answer
end
if ARGV[4] ~= '' then
  local both = 0
  for _, score in ipairs(redis.call('ZMSCORE', ARGV[4], unpack(users))) do
    if score then both = both + 1 end
  end
  answer[2] = both
  return answer
end
local counts = {}
for _, user in ipairs(users) do
  local seen = {}
  for _, field in ipairs(redis.call('HKEYS', ARGV[1] .. user)) do
    local segment = string.match(field, '^[^%z]*')
    if not seen[segment] then counts[segment] = (counts[segment] or 0) + 1 end
    seen[segment] = true
  end
end
for segment, number in pairs(counts) do
  answer[#answer + 1] = segment
  answer[#answer + 1] = number
end
return answer
"""


class NotReadyError(Exception):
    """The memberships in Redis are not all there, or were begun anew while they were read. Its text says which."""


@dataclass(frozen=True, slots=True)
class Count:
    """Number of users in a segment at an instant."""

    at_ms: int
    users: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The users that were asked, and how many of them are in each segment."""

    users: int
    counts: Mapping[str, int]


class MembershipSets:
    """The sets under a prefix. RedisError and OSError where Redis does not answer."""

    def __init__(self, redis: Redis, *, prefix: str) -> None:
        self._redis: Any = redis
        self._keys = RedisKeys(prefix)
        self._tally = self._redis.register_script(_TALLY)

    async def ready(self) -> str:
        """The generation of the memberships. NotReadyError unless every partition has caught up once."""
        state = await self._redis.hgetall(self._keys.projection)
        partitions = int(state.get(b"partitions") or 0) if state.get(b"generation") else 0
        if not partitions:
            raise NotReadyError("this Redis holds no memberships")
        left = sum(1 for number in range(partitions) if not state.get(f"ready:{number}".encode()))
        if left:
            raise NotReadyError(f"the memberships of {left} of {partitions} partitions are not in this Redis yet")
        return cast(bytes, state[b"generation"]).decode()

    async def check(self, generation: str) -> None:
        """NotReadyError if the memberships were begun anew since: what was read meanwhile is no truth."""
        if await self.ready() != generation:
            raise NotReadyError("the memberships were rebuilt while they were read")

    async def names(self) -> list[str]:
        """The segments that somebody is in, or was in while counts are kept. Goes through all keys."""
        found: set[str] = set()
        for pattern, prefix in self._keys.counted:
            async for key in self._redis.scan_iter(match=pattern, count=SCAN_KEYS):
                found.add(key.decode().removeprefix(prefix))
        return sorted(found)

    async def sizes(self, names: Sequence[str]) -> dict[str, int]:
        """The number of users in each segment."""
        answers: list[int] = []
        for some in _slices(names):
            pipeline = self._redis.pipeline(transaction=False)
            for name in some:
                pipeline.zcard(self._keys.segment(name))
            answers += await pipeline.execute()
        return dict(zip(names, answers, strict=True))

    async def newest(self, names: Sequence[str]) -> dict[str, int | None]:
        """The latest entry in ms of those who are in each segment; None: nobody is in it."""
        answers: list[list[tuple[bytes, float]]] = []
        for some in _slices(names):
            pipeline = self._redis.pipeline(transaction=False)
            for name in some:
                pipeline.zrange(self._keys.segment(name), 0, 0, desc=True, withscores=True)
            answers += await pipeline.execute()
        return {name: int(found[0][1]) if found else None for name, found in zip(names, answers, strict=True)}

    async def counts(self, names: Sequence[str], *, since_ms: int, until_ms: int) -> list[list[Count]]:
        """The counts between two instants, both included, for each segment, in the order of time."""
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.zrange(self._keys.counts(name), since_ms, until_ms, byscore=True)
        return [[_count(each) for each in found] for found in await pipeline.execute()]

    async def draws(self, name: str, count: int) -> list[bytes]:
        """So many users of a segment, each drawn from all of them: some come more than once."""
        drawn: list[bytes] = []
        for start in range(0, count, DRAWS_A_CALL):
            part = min(DRAWS_A_CALL, count - start)
            drawn += await self._redis.zrandmember(self._keys.segment(name), -part)
        return drawn

    async def tally(self, name: str, users_max: int, *, among: str | None = None) -> "Tally":
        """Asks a sample of a segment's users for all of their segments, or only whether they are in `among`.

        Everybody if the segment has no more users. Counted in Redis, since most of the answers are the same names.
        """
        size = await self._redis.zcard(self._keys.segment(name))
        total, counts = 0, Counter[str]()
        for start in range(0, min(size, users_max), TALLIED_A_CALL):
            first = start if size <= users_max else -1
            part = min(TALLIED_A_CALL, users_max - start)
            other = self._keys.segment(among) if among is not None else ""
            users, *found = await self._tally(
                keys=[self._keys.segment(name)], args=[self._keys.user(""), first, part, other]
            )
            total += users
            if among is not None:
                counts[among] += found[0]
            else:
                for segment, count in zip(found[::2], found[1::2], strict=True):
                    counts[segment.decode()] += count
        return Tally(total, counts)

    async def among(self, users: Sequence[bytes], name: str) -> int:
        """The number of these users that are in the segment."""
        count = 0
        for some in _slices(users):
            scores = await self._redis.zmscore(self._keys.segment(name), list(some))
            count += sum(1 for score in scores if score is not None)
        return count

    async def common(self, one: str, other: str) -> int:
        """The number of users that are in both. Redis does nothing else meanwhile."""
        return cast(int, await self._redis.zintercard(2, [self._keys.segment(one), self._keys.segment(other)]))


def _slices(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), COMMANDS_A_CALL):
        yield values[start : start + COMMANDS_A_CALL]


def _count(member: bytes) -> Count:
    at_ms, _, users = member.partition(b":")
    return Count(int(at_ms), int(users))
