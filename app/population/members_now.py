"""Number of users in segments at this moment, where Redis has it."""

from collections.abc import Sequence

from redis.exceptions import RedisError

from app.population.membership_sets import MembershipSets, NotReadyError
from app.runtime.redis_client import connect_redis
from app.settings import Settings


async def members_now(settings: Settings, names: Sequence[str]) -> dict[str, int] | None:
    """Users by segment; None where no Redis is set, or it does not answer, or does not have all memberships yet."""
    if not settings.redis_url:
        return None
    redis = connect_redis(settings)
    try:
        sets = MembershipSets(redis, prefix=settings.redis_prefix)
        await sets.ready()
        sizes = await sets.sizes(names)
        return {name: sizes[name] for name in names}
    except (NotReadyError, RedisError, OSError):
        return None
    finally:
        await redis.aclose()
