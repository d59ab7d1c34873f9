"""Recommendations in Redis: one hash item -> neighbours a version, and a text that says which version is served.

A version is written under its own keys and is served at once when it is whole. The one before stays for an hour, for
requests that have begun with it.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from redis.exceptions import WatchError

from app.recommendations.model import Recommendations, Weighted, version_of
from app.runtime.redis_keys import RedisKeys

KEPT_S: Final = 3_600
FIELDS_AT_ONCE: Final = 1_000
EVERYBODY: Final = ""
"""The name under which the popular items of all users stand."""


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """The version that is served. recent: the segment that attaches the latest items of a user. segments: those with
    popular items of their own, the smallest first."""

    version: str
    recent: str
    trained_until: str
    segments: tuple[str, ...]


_decode_served: Final = msgspec.json.Decoder(Served).decode
_decode_neighbours: Final = msgspec.json.Decoder(list[Weighted]).decode
_decode_items: Final = msgspec.json.Decoder(list[str]).decode
_encode: Final = msgspec.json.Encoder().encode


class RecommendationStore:
    """Reads and writes recommendations."""

    def __init__(self, redis: Any, *, prefix: str) -> None:
        self._redis = redis
        self._keys = RedisKeys(prefix)

    async def publish(self, recommendations: Recommendations, *, recent: str) -> Served:
        """Writes a version, then makes it the one that is served."""
        version = version_of(recommendations)
        before = await self.served()
        expires = before is None or before.version != version  # what is served now shall stay
        neighbours, popular = self._keys.neighbours(version), self._keys.popular(version)
        lists = {EVERYBODY: recommendations.popular} | {each.segment: each.items for each in recommendations.segments}
        for key, fields in ((neighbours, recommendations.neighbours), (popular, lists)):
            await self._write(key, ((name, _encode(each)) for name, each in fields.items()), expires=expires)
        served = Served(
            version=version,
            recent=recent,
            trained_until=recommendations.trained_until,
            segments=tuple(each.segment for each in recommendations.segments),
        )
        while not await self._serve(served):
            pass  # another publisher was faster: what it has published gives way
        return served

    async def _serve(self, served: Served) -> bool:
        """Makes a version the one that is served; False if another one became that meanwhile."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            await pipeline.watch(self._keys.recommendations)
            content = await pipeline.get(self._keys.recommendations)
            pipeline.multi()
            pipeline.persist(self._keys.neighbours(served.version))
            pipeline.persist(self._keys.popular(served.version))
            pipeline.set(self._keys.recommendations, _encode(served))
            if content is not None and (before := _decode_served(content).version) != served.version:
                pipeline.expire(self._keys.neighbours(before), KEPT_S)
                pipeline.expire(self._keys.popular(before), KEPT_S)
            try:
                await pipeline.execute()
            except WatchError:
                return False
        return True

    async def _write(self, key: str, fields: Iterable[tuple[str, bytes]], *, expires: bool) -> None:
        """Writes a hash. `expires`: it goes away by itself, unless it is published."""
        left = iter(fields)
        while some := dict(islice(left, FIELDS_AT_ONCE)):
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.hset(key, mapping=some)
            if expires:
                pipeline.expire(key, KEPT_S)
            await pipeline.execute()

    async def withdraw(self) -> Served | None:
        """Serves none from now on; the version that was served."""
        before = await self.served()
        if before is not None:
            await self._redis.delete(
                self._keys.recommendations, self._keys.neighbours(before.version), self._keys.popular(before.version)
            )
        return before

    async def served(self) -> Served | None:
        """The version that is served; None: none is."""
        content = await self._redis.get(self._keys.recommendations)
        return None if content is None else _decode_served(content)

    async def neighbours(
        self, served: Served, items: Sequence[str], filler: str
    ) -> tuple[dict[str, list[Weighted]], list[str]] | None:
        """The neighbours of these items, and popular items of a segment. None if the version is gone."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hmget(self._keys.popular(served.version), [EVERYBODY, filler])
        if items:
            pipeline.hmget(self._keys.neighbours(served.version), list(items))
        (everybody, own), *found = await pipeline.execute()
        if everybody is None:
            return None
        neighbours = {
            item: _decode_neighbours(content)
            for item, content in zip(items, found[0] if found else (), strict=bool(found))
            if content is not None
        }
        popular = _decode_items(everybody)
        return neighbours, popular if own is None else [*_decode_items(own), *popular]
