"""`shoal segments`: reports about all segments together."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal

import msgspec
from cyclopts import Parameter
from redis.exceptions import RedisError, ResponseError

from app.catalogs.catalog_in_use import catalog_in_use
from app.cli.process import Pairs, settings_of
from app.console.options import check_above_zero, read_duration_ms
from app.console.output import make_console, say_lines
from app.console.plan_view import kinds_read
from app.console.population import show_drift, show_freshness, show_overlap, show_personas, show_sizes
from app.console.running import quiet_clients
from app.errors import UserError
from app.events.visible_text import visible, visible_json
from app.population.drift import Drift, NoCountsError, drift
from app.population.freshness import Freshness, changed_segment, event_kinds, freshness, read_tail
from app.population.membership_sets import MembershipSets, NotReadyError
from app.population.overlap import SAMPLE_USERS, Order, Overlap, Wish, overlap
from app.population.personas import PersonaSize, personas
from app.population.sizes import Period, SegmentSize, segment_sizes
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.redis_client import connect_redis
from app.settings import Settings

Action = Literal["size", "overlap", "drift", "freshness", "personas"]
Report = list[SegmentSize] | list[PersonaSize] | Overlap | Drift | Freshness
UNKNOWN_SHOWN_MAX: Final = 5


def segments(
    action: Action,
    /,
    *names: str,
    back: str = "7d",
    by: Order = "share",
    limit: int = 20,
    sample: int = SAMPLE_USERS,
    small: int = 100,
    records: int = 20_000,
    json: Annotated[bool, Parameter(negative=())] = False,
    broker: str | None = None,
    set_: Pairs = None,
) -> int:
    """Show sizes, overlaps, drift, freshness and personas of segments.

    `size` shows the users of each segment now and over time. `overlap` shows pairs of segments with users in common,
    and candidates to be merged: with one NAME its pairs with all others, with several the pairs of these, without any
    all pairs except those of small segments. `drift` compares each segment's share of all memberships with a week ago.
    `freshness` shows the last change of each segment, and the last event of the kinds that it reads. `personas` shows
    the kinds of people that definitions describe, with their users.

    The reports read the memberships that `shoal memberships run` keeps in Redis (REDIS_URL, Redis 7 or Valkey).
    `freshness` also reads the newest events and changes from Kafka.

    Example: `shoal segments overlap --by jaccard --limit 50`

    Parameters
    ----------
    action
        size, overlap, drift, freshness or personas.
    names
        The segments. Default: all that somebody is in or was in; with freshness all that are live.
    back
        With size: how far back the sizes over time go. With drift: the age of what is compared with.
    by
        With overlap: the order of the pairs: share (of the smaller segment), jaccard, or users (in both).
    limit
        With overlap: the number of pairs that are shown.
    sample
        With overlap: the users of each segment that are sampled to choose the pairs.
    small
        With overlap: a segment with fewer users is small.
    records
        With freshness: the newest records of each partition that are read.
    json
        Print JSON.
    broker
        With freshness: address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    set_
        Other settings, as name=value: `--set redis_prefix=shop:`.
    """
    quiet_clients()
    back_ms = read_duration_ms(back, option="--back")
    for option, value in (("limit", limit), ("sample", sample), ("records", records), ("small", small)):
        check_above_zero(value, option=f"--{option}")
    settings = settings_of(set_, kafka_bootstrap_servers=broker)
    wish = Wish(order=by, pairs_max=limit, sample_users=sample, small_users=small)
    period = Period(now_ms=time.time_ns() // 1_000_000, back_ms=back_ms, every_ms=settings.counts_every_ms)
    report = asyncio.run(_report(action, settings, list(dict.fromkeys(names)), period, wish, records_max=records))
    _print(action, report, as_json=json)
    return 0


async def _report(
    action: Action, settings: Settings, names: list[str], period: Period, wish: Wish, *, records_max: int
) -> Report:
    redis = connect_redis(settings)
    sets = MembershipSets(redis, prefix=settings.redis_prefix)
    try:
        if action == "freshness":
            return await _freshness(settings, sets, names, now_ms=period.now_ms, records_max=records_max)
        generation = await sets.ready()
        if action == "personas":
            catalog = await catalog_in_use(settings)
            _check_names(names, [each.name for each in catalog.live_segments])
            found = await personas(sets, catalog, names)
            await sets.check(generation)
            return found
        known = await sets.names()
        _check_names(names, known)
        if action == "size":
            return await segment_sizes(sets, names or known, period)
        if action == "overlap":
            return await _overlap(sets, names, known, wish)
        return _only(await drift(sets, known, period), names)
    except NotReadyError as error:
        raise UserError(
            f"{error}", hint="shoal memberships run brings them there; try again when it is ready"
        ) from None
    except NoCountsError as error:
        hint = "shoal memberships run counts every SHOAL_COUNTS_EVERY; --back 1d compares with yesterday"
        raise UserError(f"{error}", hint=hint) from None
    except ResponseError as error:
        raise UserError(f"Redis refuses: {visible(str(error))}", hint="Redis 7 or Valkey is needed") from None
    except (RedisError, OSError) as error:
        raise UserError(f"Redis does not answer: {error}", hint="REDIS_URL says where it is") from None
    finally:
        await redis.aclose()


async def _overlap(sets: MembershipSets, names: list[str], known: Sequence[str], wish: Wish) -> Overlap:
    if len(names) == 1:
        return await overlap(sets, known, replace(wish, focus=names[0], skips_small=True))
    if names:
        return await overlap(sets, names, wish)
    return await overlap(sets, known, replace(wish, skips_small=True))


def _only(found: Drift, names: Sequence[str]) -> Drift:
    """The rows of these segments; the shares are of all memberships all the same."""
    if not names:
        return found
    return msgspec.structs.replace(
        found,
        segments=[row for row in found.segments if row.segment in names],
        uncounted=[name for name in found.uncounted if name in names],
    )


async def _freshness(
    settings: Settings, sets: MembershipSets, names: list[str], *, now_ms: int, records_max: int
) -> Freshness:
    catalog = await catalog_in_use(settings)
    kinds = dict(kinds_read(catalog, settings.time_rules))
    _check_names(names, list(kinds))
    kinds = {name: kinds[name] for name in names or sorted(kinds)}
    generation = await sets.ready()
    newest = await sets.newest(list(kinds))
    await sets.check(generation)
    client = await wait_for_broker(settings)
    try:
        topics, wanted = settings.topics, {kind for each in kinds.values() for kind in each}
        changes = await read_tail(
            client, settings, topics.changes, records_max=records_max, wanted=kinds, names_of=changed_segment
        )
        events = await read_tail(
            client, settings, topics.clickstream, records_max=records_max, wanted=wanted, names_of=event_kinds
        )
    finally:
        await client.close()
    return freshness(kinds, now_ms=now_ms, changes=changes, events=events, newest=newest)


def _check_names(names: Sequence[str], known: Sequence[str]) -> None:
    unknown = [visible(name)[:80] for name in names if name not in known]
    if unknown:
        shown = ", ".join(unknown[:UNKNOWN_SHOWN_MAX])
        raise UserError(f"nothing is known of {shown}", hint="shoal segments size shows all segments with users")


def _print(action: Action, report: Report, *, as_json: bool) -> None:
    console = make_console()
    if as_json:
        text = msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
        say_lines(console, visible_json(text))
    elif isinstance(report, Overlap):
        show_overlap(console, report)
    elif isinstance(report, Drift):
        show_drift(console, report)
    elif isinstance(report, Freshness):
        show_freshness(console, report)
    elif action == "personas":
        show_personas(console, [each for each in report if isinstance(each, PersonaSize)])
    else:
        show_sizes(console, [each for each in report if isinstance(each, SegmentSize)])
