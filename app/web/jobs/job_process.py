"""The process of a job: it reads what to do from its input, and writes progress and the result to its output.

It ends when its input ends, that is with the console at the latest, however that ends.
"""

import asyncio
import os
import pickle
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final, Literal, TypeAlias

import msgspec

from app.offline.uplift import Uplift
from app.segments.definitions.definition import Catalog
from app.settings import Settings
from app.web.jobs.backfill_work import BackfillOutcome, BackfillTask, do_backfill
from app.web.jobs.draft_backtest import BacktestResult, backtest_draft
from app.web.jobs.draft_tests import TestResults, play_tests
from app.web.jobs.profile_counts import CountTask, ProfileCounts, count_profiles
from app.web.jobs.recent_events import recent_events
from app.web.jobs.report_job import ReportTables, ReportTask, make_tables
from app.web.jobs.uplift_job import UpliftTask, compare_groups
from app.web.texts import present_language, speaking

JobKind = Literal["tests", "backtest", "counts", "uplift", "report"]
TextKind = Literal["tests", "backtest"]
RECORDS_MAX: Final = 200_000
NICE: Final = 19
LENGTH_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class TextTask:
    """A job with a text. `live`: without the draft; `draft`: with it. Each has the definition and all it uses.
    `brief`: of tests, only which fail."""

    kind: TextKind
    settings: Settings
    name: str
    live: Catalog
    draft: Catalog
    brief: bool = False


JobTask: TypeAlias = TextTask | CountTask | UpliftTask | ReportTask
Task: TypeAlias = JobTask | BackfillTask


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a job's output: how far it is, or its result, or why there is none. `left_s`: seconds that are left of
    the stage, where somebody knows."""

    stage: str = ""
    done: int = 0
    total: int = 0
    tests: TestResults | None = None
    backtest: BacktestResult | None = None
    counts: ProfileCounts | None = None
    uplift: Uplift | None = None
    report: ReportTables | None = None
    backfill: BackfillOutcome | None = None
    left_s: int | None = None
    problem: str = ""

    @property
    def is_result(self) -> bool:
        """True for the last line of a job that has succeeded."""
        results = (self.tests, self.backtest, self.counts, self.uplift, self.report, self.backfill)
        return any(each is not None for each in results)


def encode_task(task: Task) -> bytes:
    """The bytes of a task on the input of its process, with the language of who asks."""
    packed = pickle.dumps((present_language(), task))
    return len(packed).to_bytes(LENGTH_BYTES, "big") + packed


def run() -> None:
    """Does what the input says."""
    os.nice(NICE)
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    length = int.from_bytes(given.read(LENGTH_BYTES), "big")
    given_task: tuple[str, Task] = pickle.loads(given.read(length))  # noqa: S301  # the console itself wrote it
    threading.Thread(target=_end_with_input, args=(given,), daemon=True).start()
    language, task = given_task
    try:
        with speaking(language):
            said = work(task, lambda progress: _write(answers, progress))
    except Exception as error:  # noqa: BLE001  # whatever it is, the console says it
        said = Said(problem=f"{error}".partition("\n")[0] or type(error).__name__)
    _write(answers, said)
    answers.flush()
    os._exit(0)


def work(task: Task, tell: Callable[[Said], None]) -> Said:
    """Does a task; `tell` gets its progress."""
    if isinstance(task, CountTask):
        return Said(counts=count_profiles(task, lambda done: tell(Said(stage="counting", done=done))))
    if isinstance(task, UpliftTask):
        tell(Said(stage="reading"))
        return Said(uplift=compare_groups(task))
    if isinstance(task, ReportTask):
        tell(Said(stage="reading"))
        return Said(report=make_tables(task))
    if isinstance(task, BackfillTask):
        return Said(
            backfill=do_backfill(
                task, lambda now: tell(Said(stage=now.stage, done=now.done, total=now.total, left_s=now.left_s))
            )
        )
    rules = task.settings.time_rules
    if task.kind == "tests":
        segment = task.draft.segment(task.name)
        return Said(
            tests=play_tests(
                task.draft,
                segment,
                rules,
                lambda done, total: tell(Said(stage="playing", done=done, total=total)),
                brief=task.brief,
            )
        )
    tell(Said(stage="reading", total=RECORDS_MAX))
    records, everything = asyncio.run(recent_events(task.settings, records_max=RECORDS_MAX))
    return Said(
        backtest=backtest_draft(
            records,
            (task.live, task.draft),
            task.name,
            rules,
            everything=everything,
            progress=lambda done, total: tell(Said(stage="playing", done=done, total=total)),
        )
    )


def _write(answers: IO[bytes], said: Said) -> None:
    answers.write(msgspec.json.encode(said) + b"\n")
    answers.flush()


def _end_with_input(given: IO[bytes]) -> None:
    given.read()
    os._exit(1)
