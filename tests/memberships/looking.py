"""Looking at the view with plain Redis commands, as other people's programs do."""

import json
from typing import Any

from app.memberships.membership_view import View


async def memberships(view: View, user: str, *, at_least: int = 0) -> dict[str, Any]:
    """Segment -> entry; nothing as long as there are fewer than `at_least`."""
    found: Any = await view.redis.hgetall(f"{view.keys.prefix}user:{user}")
    entries = {name.decode(): json.loads(value) for name, value in found.items()}
    return entries if len(entries) >= at_least else {}


async def members(view: View, segment: str, *, at_least: int = 0) -> dict[str, int]:
    """User -> instant of entry in ms."""
    found: Any = await view.redis.zrange(f"{view.keys.prefix}segment:{segment}", 0, -1, withscores=True)
    users = {user.decode(): int(score) for user, score in found}
    return users if len(users) >= at_least else {}
