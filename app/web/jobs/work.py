"""A task in a process of its own, which says how far it is and ends when nobody wants it any more."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Final, Literal

import msgspec

from app.service.ending import end
from app.web.jobs.job_process import Said, Task, encode_task
from app.web.texts import say

LINE_BYTES_MAX: Final = 64 << 20
PROGRAM: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from app.web.jobs.job_process import run; run()"
)

State = Literal["running", "done", "failed", "cancelled"]


class Work:
    """One task, and its process while it runs. `most_s`: it ends after that; None: when it is done."""

    def __init__(self, task: Task, *, most_s: float | None) -> None:
        self.state: State = "running"
        self.said = Said(stage="starting")
        self.ended_s = 0.0
        self._most_s = most_s
        self._given = encode_task(task)
        self._process: Process | None = None
        self.running = asyncio.create_task(self._run())

    async def cancel(self) -> None:
        """Ends the process, and waits until it is gone."""
        if self.state == "running":
            self.state = "cancelled"
            await end(self.running)

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(self._most_s):
                await self._work()
        except TimeoutError:
            self._fail(say("refused_long_job", n=round(self._most_s or 0)))
        except OSError as error:
            self._fail(say("refused_process", why=str(error.strerror)))
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
            self._fail(say("refused_process_ended"))

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
