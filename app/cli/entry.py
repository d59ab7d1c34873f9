"""Entry point of the command `shoal`, before any slow import."""

import os
import signal
import sys
from contextlib import suppress

SERVERS = (["worker"], ["serve"], ["intake"], ["memberships", "run"], ["destinations", "run"])
"""Commands that run until they are told to end."""


def main() -> int:
    """Runs the command line; Ctrl-C while it is still being loaded ends it as quietly as later.

    So does SIGTERM a command that runs until it is told to end: with exit code 0, as nothing is begun yet.
    """
    if sys.argv[1:2] in SERVERS or sys.argv[1:3] in SERVERS:
        signal.signal(signal.SIGTERM, _end_before_the_start)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started it
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    try:
        from app.cli.main import main as run
        from app.console.safe_console import show_traceback

        sys.excepthook = show_traceback

        return run()
    except KeyboardInterrupt:
        return 130


def _end_before_the_start(*_: object) -> None:
    """Until an event loop takes signals over. Not by an exception, which whatever is being imported could catch."""
    with suppress(OSError):
        os.write(sys.stderr.fileno(), b"told to end (SIGTERM) before it has started\n")
    os._exit(0)
