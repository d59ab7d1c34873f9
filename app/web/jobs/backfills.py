"""Backfills out of the console: one at a time, whoever began it, and found again after a restart.

What is done stands in the log: a console that starts looks there for a backfill that is not over.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from app.events.instants import iso
from app.segments.definitions.definition import Catalog
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.jobs.backfill_work import BackfillOutcome, BackfillTask, Deed
from app.web.jobs.histories import TOPIC, read_histories
from app.web.jobs.work import Work
from app.web.texts import say, translated

NAMES_MAX: Final = 200
LOOK_AGAIN_S: Final = 30.0
"""After that, what could not be looked for is looked for again."""

State = Literal["none", "looking", "unfinished", "running", "done", "failed", "cancelling", "cancelled"]


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """The backfill that runs or ran last, or one that is not over. `sources`: all that the console may use.

    `source`: empty for one that was begun with options that the console does not have: it can only be given up here.
    `stage`, `done`, `total`, `left_s`: how far it is; `total` 0 and `left_s` null: nobody knows. `outcome`: of one that
    is done. `problem`: why it failed; it may be begun again, and goes on where it was.
    """

    state: State
    sources: tuple[str, ...]
    names: tuple[str, ...] = ()
    source: str = ""
    by: str = ""
    began: str | None = None
    stage: str = ""
    done: int = 0
    total: int = 0
    left_s: int | None = None
    outcome: BackfillOutcome | None = None
    problem: str = ""


@dataclass(slots=True)
class _Step:
    """A process that was begun: to fill, to give up, or to look."""

    task: BackfillTask
    work: Work
    began: str

    @property
    def is_in_vain(self) -> bool:
        """True for a look that has failed some time ago."""
        failed = self.task.deed == "look" and self.work.state == "failed"
        return failed and time.monotonic() - self.work.ended_s > LOOK_AGAIN_S


class Backfills:
    """Begins, shows and gives up. Every refusal is a Problem."""

    def __init__(self, settings: Settings) -> None:
        """UserError for histories that are none."""
        self._settings = settings
        self._histories = read_histories(settings.console_histories)
        self._step: _Step | None = None
        self._changing = asyncio.Lock()

    @property
    def sources(self) -> tuple[str, ...]:
        """The topic, and the histories of the settings."""
        return (TOPIC, *self._histories)

    def now(self) -> Backfill:
        """The backfill as it is now; the first question begins to look for one that is not over."""
        if self._step is None or self._step.is_in_vain:
            self._begin("look", actor="")
        assert self._step is not None
        task, work = self._step.task, self._step.work
        if task.deed == "look":
            return self._looked(work)
        said = work.said
        names = task.names
        if task.deed == "cancel" and said.backfill is not None:
            names = said.backfill.names or names
        return Backfill(
            state=_state(task.deed, work),
            sources=self.sources,
            names=names,
            source=task.source,
            by=task.actor,
            began=self._step.began,
            stage=said.stage,
            done=said.done,
            total=said.total,
            left_s=said.left_s,
            outcome=said.backfill if task.deed == "fill" else None,
            problem=translated(said.problem),
        )

    async def begin(self, names: list[str], source: str, catalog: Catalog, *, actor: str) -> Backfill:
        """Begins to fill segments, or goes on with it. Problem 400 or 409."""
        live = {each.name for each in catalog.segments if each.status == "live"}
        if not 1 <= len(names) <= NAMES_MAX:
            raise Problem(400, "segments", say("refused_backfill_names", most=NAMES_MAX))
        for each in names:
            if each not in live:
                raise Problem(400, "segments", say("refused_backfill_unknown", name=f"{each!r:.80}"))
        if source not in self.sources:
            raise Problem(400, "source", say("refused_backfill_source", source=f"{source!r:.80}"))
        async with self._changing:
            self._refuse_second()
            self._begin("fill", actor=actor, names=tuple(sorted(set(names))), source=source)
            return self.now()

    async def give_up(self, *, actor: str) -> Backfill:
        """Ends what runs, and gives up what is not over. Problem 409."""
        async with self._changing:
            before = self.now()
            if before.state == "cancelling":
                return before
            if self._step is not None:
                await self._step.work.cancel()
            self._begin("cancel", actor=actor, names=before.names, source=before.source)
            return self.now()

    async def stop(self) -> None:
        """Ends the process. What is not over can be gone on with."""
        if self._step is not None:
            await self._step.work.cancel()

    def _refuse_second(self) -> None:
        now = self.now()
        if now.state in ("running", "cancelling"):
            raise Problem(409, "busy", say("refused_backfill_busy", names=", ".join(now.names)))

    def _begin(self, deed: Deed, *, actor: str, names: tuple[str, ...] = (), source: str = TOPIC) -> None:
        task = BackfillTask(
            settings=self._settings, deed=deed, actor=actor, histories=self._histories, names=names, source=source
        )
        self._step = _Step(task, Work(task, most_s=None), iso(int(time.time() * 1000)))

    def _looked(self, work: Work) -> Backfill:
        found = work.said.backfill
        if work.state == "running":
            return Backfill(state="looking", sources=self.sources)
        if found is None:
            return Backfill(state="none", sources=self.sources, problem=translated(work.said.problem))
        state: State = "unfinished" if found.names else "none"
        return Backfill(state=state, sources=self.sources, names=found.names, source=found.source)


def _state(deed: Deed, work: Work) -> State:
    if deed == "cancel" and work.state in ("running", "done"):
        return "cancelling" if work.state == "running" else "cancelled"
    return work.state
