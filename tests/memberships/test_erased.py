"""Nobody who was erased is in Redis any more: every byte of it is searched."""

from agents.memberships import create_app
from app.memberships.membership_view import View
from app.settings import Settings
from tests.memberships.changes import ChangesOnKafka
from tests.memberships.test_redirects import EMBEDDED, Claims, claims
from tests.support.shop import running, soon

__all__ = ["claims"]
CANARY = "the-canary-of-ann"
WEEK_S = 7 * 86_400


async def holders(view: View, word: str) -> set[str]:
    """Keys of the deployment whose name or content has a word."""
    found = set()
    prefix = view.keys.prefix
    async for key in view.redis.scan_iter(match=f"{prefix}*"):
        dumped = await view.redis.dump(key) or b""
        if word.encode() in key or word.encode() in dumped:
            found.add(key.decode().removeprefix(prefix))
    return found


@EMBEDDED
async def test_of_who_was_erased_redis_has_nothing_but_a_number_for_a_week(
    settings: Settings, changes: ChangesOnKafka, claims: Claims, view: View
) -> None:
    others = [changes.change(f"u-{number}", "entered", "buyers") for number in range(3)]
    entered = [changes.change("ann", "entered", name, note=CANARY) for name in ("viewers", "buyers")]
    await changes.write([*others, *entered])
    await claims.tell(("dev-7", "ann", "given"))
    async with running(create_app(settings)):

        async def is_there() -> bool:
            return len(await holders(view, "ann")) >= 4 and bool(await holders(view, "dev-7"))

        await soon(is_there)
        assert await holders(view, CANARY)
        await changes.write([changes.change("ann", "exited", name, note=CANARY) for name in ("viewers", "buyers")])
        await claims.tell(("dev-7", "ann", "ended"))

        async def is_gone() -> bool:
            return await holders(view, "ann") == {"sequence:ann"} and not await holders(view, "dev-7")

        await soon(is_gone)
        assert not await holders(view, CANARY)
        assert 0 < await view.redis.ttl(f"{view.keys.prefix}sequence:ann") <= WEEK_S
        assert len(await holders(view, "u-")) >= 4, "nobody else is touched"
