"""`shoal memberships`: who is in what, now, in Redis: kept, compared, made anew."""

import asyncio
from typing import Final, Literal

from app.cli.process import Pairs, prepare_process, settings_of
from app.console.output import make_console, say
from app.console.running import quiet_clients
from app.errors import UserError
from app.memberships.verification import SHOWN_MAX, Report
from app.settings import Settings

EXIT_EQUAL: Final = 0
EXIT_DIFFERENT: Final = 1


def memberships(
    action: Literal["run", "verify", "rebuild"],
    /,
    *,
    broker: str | None = None,
    partitions: int | None = None,
    app_id: str | None = None,
    web_port: int | None = None,
    set_: Pairs = None,
) -> int:
    """Keep the current memberships in Redis (`run`), compare them with the changes (`verify`), or rebuild them
    (`rebuild`).

    REDIS_URL is the address of Redis. Its data may be deleted at any time: `run` notices that and fills Redis again
    from the changes topic, or from the profiles if the changes topic does not go back far enough. `rebuild` makes
    the running processes do the same. The exit code of `verify` is 1 if anything differs.

    Example: `shoal memberships verify`

    Parameters
    ----------
    action
        run, verify or rebuild.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    partitions
        Partitions of every topic (SHOAL_PARTITIONS, 24).
    app_id
        Name of the deployment (SHOAL_APP_ID, shoal).
    web_port
        Port of /metrics, /live and /ready (SHOAL_WEB_PORT, 0: none).
    set_
        Other settings, as name=value: `--set redis_prefix=shop:`.
    """
    settings = settings_of(
        set_, kafka_bootstrap_servers=broker, partitions=partitions, app_id=app_id, web_port=web_port
    )
    if action == "run":
        return _run(settings)
    quiet_clients()
    if action == "rebuild":
        asyncio.run(_rebuild(settings))
        return 0
    report = asyncio.run(_verify(settings))
    _show(report)
    return EXIT_EQUAL if report.right else EXIT_DIFFERENT


def _run(settings: Settings) -> int:
    prepare_process(settings)
    from agents.memberships import create_app

    return create_app(settings).run_worker()


async def _verify(settings: Settings) -> Report:
    from redis.exceptions import RedisError

    from app.memberships.membership_view import View
    from app.memberships.verification import verify
    from app.runtime.kafka.clients import wait_for_broker
    from app.runtime.redis_client import connect_redis

    await (await wait_for_broker(settings)).close()
    view = View(connect_redis(settings), prefix=settings.redis_prefix, partitions=settings.partitions)
    try:
        return await verify(settings, view)
    except (RedisError, OSError) as error:
        raise UserError(f"Redis does not answer: {error}", hint="REDIS_URL says where it is") from None
    finally:
        await view.redis.aclose()


async def _rebuild(settings: Settings) -> None:
    from redis.exceptions import RedisError

    from app.memberships.membership_view import View
    from app.runtime.redis_client import connect_redis

    view = View(connect_redis(settings), prefix=settings.redis_prefix, partitions=settings.partitions)
    try:
        await view.forget()
    except (RedisError, OSError) as error:
        raise UserError(f"Redis does not answer: {error}", hint="REDIS_URL says where it is") from None
    finally:
        await view.redis.aclose()
    say(make_console(), "shoal memberships run rebuilds the memberships; until it is ready, some are missing")


def _show(report: Report) -> None:
    console = make_console()
    moved = f", {report.moved:,} moved keys" if report.moved else ""
    say(console, f"{report.users:,} users, {report.memberships:,} memberships{moved} compared")
    for user, (found, wanted) in sorted(report.wrong.items())[:SHOWN_MAX]:
        for segment in sorted(found.keys() | wanted.keys()):
            if found.get(segment) != wanted.get(segment):
                redis, changes = _said(found.get(segment)), _said(wanted.get(segment))
                say(console, f"{user}, {segment}: Redis says {redis}, the changes {changes}")
    if len(report.wrong) > SHOWN_MAX:
        say(console, f"... {len(report.wrong):,} users in all")
    for key, (there, expected) in sorted(report.astray.items())[:SHOWN_MAX]:
        say(console, f"{key}: {_whose(there)} in Redis, {_whose(expected)} by the identity events")
    if len(report.astray) > SHOWN_MAX:
        say(console, f"... {len(report.astray):,} keys in all")
    for segment, user in report.unlisted[:SHOWN_MAX]:
        say(console, f"{user} is not listed under {segment}")
    say(console, "all is right" if report.right else "not all is right: shoal memberships rebuild")


def _whose(user: str | None) -> str:
    return "its own" if user is None else f"moved to {user}"


def _said(standing: tuple[str, int, object, tuple[str | None, object] | None] | None) -> str:
    if standing is None:
        return "not in it"
    since, times, attach, groups = standing
    group = "" if groups is None else f", group {groups[0]}"
    return f"since {since} (the {times}.) with {attach}{group}"
