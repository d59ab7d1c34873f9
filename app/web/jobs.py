"""Jobs of people who write definitions: each is a process of its own, that ends when they no longer want it."""

import asyncio
import json
import secrets
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Final, Literal

import msgspec

from app.offline.uplift import Uplift
from app.service.ending import end
from app.service.http.http_problem import Problem
from app.web.draft_backtest import BacktestResult
from app.web.draft_tests import TestResults
from app.web.job_process import JobKind, Said, Task, encode_task
from app.web.profile_counts import ProfileCounts
from app.web.report_job import ReportTables

JOBS_AT_ONCE: Final = 2
JOB_S_MAX: Final = 180.0
KEPT_MAX: Final = 20
KEPT_S: Final = 900.0
LINE_BYTES_MAX: Final = 64 << 20
PROGRAM: Final = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from app.web.job_process import run; run()"

State = Literal["running", "done", "failed", "cancelled"]


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


class Job:
    """One job, and its process while it runs."""

    def __init__(self, task: Task, owner: str) -> None:
        self.id = secrets.token_urlsafe(12)
        self.owner = owner
        self.kind = task.kind
        self.state: State = "running"
        self.said = Said(stage="starting")
        self.ended_s = 0.0
        self._given = encode_task(task)
        self._process: Process | None = None
        self.running = asyncio.create_task(self._run())

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
            problem=said.problem,
            tests=said.tests,
            backtest=said.backtest,
            counts=said.counts,
            uplift=said.uplift,
            report=said.report,
        )

    async def cancel(self) -> None:
        """Ends the process, and waits until it is gone."""
        if self.state == "running":
            self.state = "cancelled"
            await end(self.running)

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(JOB_S_MAX):
                await self._work()
        except TimeoutError:
            self._fail(f"it took longer than {JOB_S_MAX:.0f} seconds")
        except OSError as error:
            self._fail(f"its process cannot be started: {error.strerror}")
        finally:
            self.ended_s = time.monotonic()
            self._given = b""
            await self._kill()

    async def _work(self) -> None:
        command = [sys.executable, "-P", "-c", PROGRAM, json.dumps(sys.path)]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=LINE_BYTES_MAX
        )
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(ConnectionError):
            process.stdin.write(self._given)
            await process.stdin.drain()
        while line := await process.stdout.readline():
            self.said = msgspec.json.decode(line, type=Said)
            if self.said.problem:
                self.state = "failed"
            elif self.said.is_result:
                self.state = "done"
        if self.state == "running":
            self._fail("its process ended by itself")

    def _fail(self, why: str) -> None:
        self.state, self.said = "failed", Said(problem=why)

    async def _kill(self) -> None:
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()


class Jobs:
    """All jobs of the console; only who started one sees it."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def start(self, task: Task, owner: str) -> JobView:
        """Starts a job. Problem 503 while enough of them run."""
        self._forget()
        if sum(each.state == "running" for each in self._jobs.values()) >= JOBS_AT_ONCE:
            raise Problem(503, "busy", "others are trying something just now: try again in a moment", retry_after_s=5)
        job = Job(task, owner)
        self._jobs[job.id] = job
        return job.view

    def job(self, job_id: str, owner: str) -> Job:
        """A job of somebody. Problem 404."""
        found = self._jobs.get(job_id)
        if found is None or found.owner != owner:
            raise Problem(404, "no-job", "there is no such job, or it was forgotten: start it again")
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
