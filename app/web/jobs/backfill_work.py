"""The work of the console's backfills, in a process of its own: filling, giving up, and looking for one that is not
over."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from app.backfill.control import cancel_backfill, unfinished_backfill
from app.backfill.job import BackfillJob
from app.backfill.progress import Progress
from app.catalogs.catalog_in_use import catalog_in_use
from app.console.output import make_console
from app.errors import UserError
from app.offline.backfill_plan import plan_of
from app.runtime.audit import audited
from app.settings import Settings
from app.web.jobs.histories import TOPIC, Origin

TELL_EVERY_S: Final = 0.5
TIMEOUT_S: Final = 120.0

Deed = Literal["fill", "cancel", "look"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillTask:
    """To fill segments from a source, to give up what is not over, or to look for that. `histories`: the sources that
    the settings name, beside the topic. `actor`: for the audit log."""

    settings: Settings
    deed: Deed
    actor: str
    histories: dict[str, Origin]
    names: tuple[str, ...] = ()
    source: str = TOPIC


class BackfillOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a task. `names`: the segments. Of a look: those of a backfill that is not over, and its `source`,
    empty where it is none of the console. `was_over`: all was filled already."""

    names: tuple[str, ...]
    source: str = ""
    records: int = 0
    users: int = 0
    filled: int = 0
    seconds: float = 0.0
    was_over: bool = False


def do_backfill(task: BackfillTask, tell: Callable[[Progress], None]) -> BackfillOutcome:
    """Does a task; `tell` gets the progress of filling. UserError where it cannot be done."""
    if task.deed == "look":
        return asyncio.run(_look(task))
    if task.deed == "cancel":
        return asyncio.run(_cancel(task))
    return asyncio.run(_fill(task, tell))


async def _look(task: BackfillTask) -> BackfillOutcome:
    catalog = await catalog_in_use(task.settings)
    found = await unfinished_backfill(task.settings, catalog)
    if found is None:
        return BackfillOutcome(names=())
    rules = task.settings.time_rules
    for source in (TOPIC, *task.histories):
        with suppress(UserError, OSError):
            if plan_of(catalog, found.names, rules, source=_named(task, source)).id == found.id:
                return BackfillOutcome(names=found.names, source=source)
    return BackfillOutcome(names=found.names)


async def _cancel(task: BackfillTask) -> BackfillOutcome:
    catalog = await catalog_in_use(task.settings)
    found = await unfinished_backfill(task.settings, catalog)
    if found is None:
        return BackfillOutcome(names=())
    details = {"segments": ", ".join(found.names)}
    async with audited(task.settings, "backfill.cancel", details=details, actor=task.actor):
        given_up = await cancel_backfill(task.settings, catalog)
    return BackfillOutcome(names=given_up or ())


async def _fill(task: BackfillTask, tell: Callable[[Progress], None]) -> BackfillOutcome:
    settings = task.settings
    history = None if task.source == TOPIC else task.histories[task.source].open()
    plan = plan_of(
        await catalog_in_use(settings),
        task.names,
        settings.time_rules,
        source=TOPIC if history is None else history.name,
    )
    job = BackfillJob(settings, plan, None, 0, TIMEOUT_S, write=True, history=history)
    telling = asyncio.create_task(_tell_on(job, tell))
    try:
        details = {"segments": ", ".join(plan.names), "source": task.source}
        async with audited(settings, "backfill.fill", details=details, actor=task.actor) as deed:
            await job.run(make_console(stderr=True))
            deed.details["filled"] = str(job.filled)
    finally:
        telling.cancel()
    return BackfillOutcome(
        names=plan.names,
        source=task.source,
        records=job.records,
        users=job.users,
        filled=job.filled,
        seconds=round(job.seconds, 1),
        was_over=job.was_over,
    )


async def _tell_on(job: BackfillJob, tell: Callable[[Progress], None]) -> None:
    while True:
        tell(job.progress)
        await asyncio.sleep(TELL_EVERY_S)


def _named(task: BackfillTask, source: str) -> str:
    """The name of a source as the command has it, so that both can go on with what the other has begun."""
    return TOPIC if source == TOPIC else task.histories[source].open().name
