"""`shoal backfill`: segments learn what happened before they were published."""

import asyncio
import time
from pathlib import Path
from typing import Annotated, Final, get_args

from cyclopts import Parameter

from app.backfill.control import cancel_backfill, unfinished_backfill
from app.backfill.job import BackfillJob
from app.catalogs.catalog_in_use import catalog_in_use
from app.cli.process import Pairs, settings_of
from app.console.options import read_duration_ms
from app.console.output import counted, make_console, say
from app.console.running import quiet_clients
from app.errors import UserError
from app.offline.backfill_history import History, Source
from app.offline.backfill_plan import Plan, plan_of
from app.segments.language.durations import format_duration
from app.settings import Settings

STATUS: Final = "status"
RESUME: Final = "resume"
CANCEL: Final = "cancel"


def backfill(
    *names: str,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    from_: Annotated[list[str] | None, Parameter(name="--from", consume_multiple=True, negative=())] = None,
    since: str | None = None,
    records_per_second: Annotated[int, Parameter(negative=())] = 0,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    segments: Path | None = None,
    broker: str | None = None,
    timeout: str = "2m",
    set_: Pairs = None,
) -> int:
    """Fill published segments with what happened before they were published, while workers run.

    Plays the clickstream from its beginning, and tells the workers what each user would be, had the segments been there
    all along. From then on they are exactly that. Changes have the cause `backfill`. If the command ends before it is
    done, the same command goes on.

    `shoal backfill status` tells which backfill is not over, `shoal backfill resume` goes on with it, and
    `shoal backfill cancel` gives it up: who is filled by then stays so.

    Example: `shoal backfill cart_abandoned vip`

    Parameters
    ----------
    names
        The segments; or status, resume, cancel.
    all_
        All segments, in place of names: for a new deployment.
    from_
        Where the history begins, with what the topic does not hold any more: `files EVENTS...`, messages as for
        `shoal backtest`; or `parquet FOLDER...`, files of `shoal warehouse`. Default: the topic.
    since
        Leave out what is older, as a duration (`90d`). Default: nothing.
    records_per_second
        Users to be filled a second, at most, so that live events do not wait. 0: no limit.
    dry_run
        Write nothing; tell how many users would be filled.
    segments
        Folder of the definitions that the workers run (SHOAL_SEGMENTS).
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    timeout
        Give up when the workers have made no progress for this long.
    set_
        Other settings, as name=value: those of the workers (`app_id`, `topic_prefix`, `catalog`).
    """
    quiet_clients()
    settings = settings_of(set_, kafka_bootstrap_servers=broker, segments=segments)
    timeout_ms = read_duration_ms(timeout, option="--timeout")
    if bool(names) is all_:
        raise UserError(
            "segments and --all are both given" if names else "no segment is named",
            hint="shoal backfill NAME ..., shoal backfill --all, or shoal backfill status",
        )
    if records_per_second < 0:
        raise UserError(f"--records-per-second is {records_per_second}", hint="a number above 0, or 0 for no limit")
    if names in ((STATUS,), (CANCEL,)):
        return _control(settings, names[0])
    history = _history(from_ or [])
    plan = asyncio.run(_plan(settings, names, since, history))
    since_ms = None if since is None else int(time.time() * 1000) - read_duration_ms(since, option="--since")
    job = BackfillJob(
        settings, plan, since_ms, records_per_second, timeout_ms / 1000, write=not dry_run, history=history
    )
    asyncio.run(_audited(settings, job, "topic" if history is None else history.source))
    _tell(job, dry_run=dry_run)
    return 0


async def _audited(settings: Settings, job: BackfillJob, source: str) -> None:
    """Runs the job; the audit log has that it begins, and how it ended, unless it writes nothing."""
    from app.runtime.audit import audited

    console = make_console(stderr=True)
    if not job.write:
        await job.run(console)
        return
    details = {"segments": ", ".join(job.plan.names), "source": source}
    async with audited(settings, "backfill.fill", details=details) as deed:
        await job.run(console)
        deed.details["filled"] = str(job.filled)


def _history(words: list[str]) -> History | None:
    """The files of --from. UserError for a source that is none, and for files that cannot be read."""
    if not words or words == ["topic"]:
        return None
    source, *paths = words
    if source not in get_args(Source) or not paths:
        raise UserError(
            f"--from {' '.join(words)} names no history", hint="--from files EVENTS..., or --from parquet FOLDER..."
        )
    return History("parquet" if source == "parquet" else "files", tuple(map(Path, paths)))


async def _plan(settings: Settings, names: tuple[str, ...], since: str | None, history: History | None) -> Plan:
    catalog = await catalog_in_use(settings)
    source = "topic" if history is None else history.name
    source += "" if since is None else f" since {since}"
    if not names:
        names = tuple(segment.name for segment in catalog.segments if segment.status == "live")
    if names != (RESUME,):
        return plan_of(catalog, names, settings.time_rules, source=source)
    unfinished = await unfinished_backfill(settings, catalog)
    if unfinished is None:
        raise UserError("no backfill is to be resumed", hint="shoal backfill NAME begins one")
    plan = plan_of(catalog, unfinished.names, settings.time_rules, source=source)
    if plan.id != unfinished.id:
        raise UserError("the backfill has begun with another --since or --from", hint="give the same ones")
    return plan


def _control(settings: Settings, action: str) -> int:
    unfinished = asyncio.run(_unfinished(settings, cancel=action == CANCEL))
    console = make_console()
    if unfinished is None:
        say(console, "no backfill is under way")
    elif action == CANCEL:
        say(console, f"given up: the backfill of {', '.join(unfinished)}; who is filled stays so")
    else:
        say(console, f"not over: the backfill of {', '.join(unfinished)}; shoal backfill resume goes on with it")
    return 0


async def _unfinished(settings: Settings, *, cancel: bool) -> tuple[str, ...] | None:
    catalog = await catalog_in_use(settings)
    found = await unfinished_backfill(settings, catalog)
    if cancel and found is not None:
        from app.runtime.audit import audited

        async with audited(settings, "backfill.cancel", details={"segments": ", ".join(found.names)}):
            return await cancel_backfill(settings, catalog)
    return None if found is None else found.names


def _tell(job: BackfillJob, *, dry_run: bool) -> None:
    console = make_console()
    names = ", ".join(job.plan.names)
    history = f"{counted(job.records, 'record')}, {counted(job.users, 'user')}"
    if job.history is not None:
        history += f", {job.history.taken:,} from files, where {job.history.twice:,} more are in the topic"
    took = format_duration(max(1, int(job.seconds)) * 1000)
    if dry_run:
        say(console, f"would fill {counted(job.filled, 'user')} of {names}: {history} in {took}")
    elif job.was_over:
        say(console, f"{names}: already filled")
    else:
        say(console, f"filled {names}: {counted(job.filled, 'user')} written; {history} in {took}")
