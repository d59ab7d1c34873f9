"""Jobs of people who write definitions: each is a process of its own, that ends when they no longer want it."""

import asyncio
import secrets
import time
from typing import Final

import msgspec

from app.offline.uplift import Uplift
from app.service.http.http_problem import Problem
from app.web.jobs.draft_backtest import BacktestResult
from app.web.jobs.draft_tests import TestResults
from app.web.jobs.job_process import JobKind, JobTask
from app.web.jobs.profile_counts import ProfileCounts
from app.web.jobs.report_job import ReportTables
from app.web.jobs.work import State, Work
from app.web.texts import say, translated

JOBS_AT_ONCE: Final = 2
JOB_S_MAX: Final = 180.0
KEPT_MAX: Final = 20
KEPT_S: Final = 900.0


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job. `stage`, `done`, `total`: how far it is; `total` 0: not known. `problem`: why it failed."""

    id: str
    kind: JobKind
    state: State
    stage: str
    done: int
    total: int
    problem: str
    tests: TestResults | None
    backtest: BacktestResult | None
    counts: ProfileCounts | None
    uplift: Uplift | None
    report: ReportTables | None


class Job(Work):
    """One job of somebody."""

    def __init__(self, task: JobTask, owner: str) -> None:
        self.id = secrets.token_urlsafe(12)
        self.owner = owner
        self.kind: JobKind = task.kind
        super().__init__(task, most_s=JOB_S_MAX)

    @property
    def view(self) -> JobView:
        """The job as it is now."""
        said = self.said
        return JobView(
            id=self.id,
            kind=self.kind,
            state=self.state,
            stage=said.stage,
            done=said.done,
            total=said.total,
            problem=translated(said.problem),
            tests=said.tests,
            backtest=said.backtest,
            counts=said.counts,
            uplift=said.uplift,
            report=said.report,
        )


class Jobs:
    """All jobs of the console; only who started one sees it."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._waited_for = asyncio.Lock()

    def start(self, task: JobTask, owner: str) -> JobView:
        """Starts a job. Problem 503 while enough of them run."""
        self._forget()
        if sum(each.state == "running" for each in self._jobs.values()) >= JOBS_AT_ONCE:
            raise Problem(503, "busy", say("refused_busy"), retry_after_s=5)
        job = Job(task, owner)
        self._jobs[job.id] = job
        return job.view

    async def to_end(self, task: JobTask) -> JobView:
        """Does a job for which a request waits, one after the other and beside all that people have started."""
        async with self._waited_for:
            job = Job(task, "")
            try:
                await asyncio.wait({job.running})
                return job.view
            finally:
                await job.cancel()

    def job(self, job_id: str, owner: str) -> Job:
        """A job of somebody. Problem 404."""
        found = self._jobs.get(job_id)
        if found is None or found.owner != owner:
            raise Problem(404, "no-job", say("refused_no_job"))
        return found

    async def stop(self) -> None:
        """Cancels all that run."""
        for each in self._jobs.values():
            await each.cancel()

    def _forget(self) -> None:
        """Forgets the oldest that have ended."""
        now_s = time.monotonic()
        ended = [each for each in self._jobs.values() if each.state != "running"]
        ended.sort(key=lambda job: job.ended_s, reverse=True)
        for place, each in enumerate(ended):
            if place >= KEPT_MAX or now_s - each.ended_s > KEPT_S:
                del self._jobs[each.id]
