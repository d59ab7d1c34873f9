"""`shoal intake` that ends itself, as by SIGKILL, at a batch: `python -m tests.intake.doomed NUMBER WHEN ...`.

WHEN: before anything of the batch is written, in the midst of its transaction, when all of it is written, or when it is
committed but nothing else is done.
"""

import os
import sys
from typing import Any

from app.cli.main import main
from app.intake.intake_writer import IntakeWriter
from app.runtime.kafka.log_writer import LogWriter

WHENS = ("before", "midst", "written", "committed")
EXIT_CODE = 137


def doom(number: int, when: str) -> None:
    """Replaces what writes a batch by something that dies."""
    write, write_to = IntakeWriter.write, LogWriter.write_to
    batches = 0

    async def dying_write(self: IntakeWriter, *arguments: Any, **more: Any) -> None:
        nonlocal batches
        batches += 1
        if batches == number and when == "before":
            os._exit(EXIT_CODE)
        await write(self, *arguments, **more)
        if batches == number and when == "committed":
            os._exit(EXIT_CODE)

    async def dying_write_to(self: LogWriter, rows_by_partition: Any) -> None:
        rows = list(rows_by_partition)
        if batches == number and when == "midst":
            await write_to(self, rows[:1])
            os._exit(EXIT_CODE)
        await write_to(self, rows)
        if batches == number and when == "written":
            os._exit(EXIT_CODE)

    IntakeWriter.write = dying_write  # type: ignore[method-assign]  # replaced on purpose
    LogWriter.write_to = dying_write_to  # type: ignore[method-assign]  # replaced on purpose


if __name__ == "__main__":
    doom(int(sys.argv[1]), sys.argv[2])
    sys.exit(main(sys.argv[3:]))
