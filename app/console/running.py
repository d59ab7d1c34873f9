"""Work that a person watches: it ends when it is done, or orderly at a signal, and says how far it is."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from rich.console import Console

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_REPORT_TERMINAL_S: Final = 0.25
_REPORT_LINES_S: Final = 10.0


def quiet_clients() -> None:
    """Kafka's client logs each of its tries; what they come to is said by our own errors."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


async def until_signal(work: Coroutine[Any, Any, None]) -> bool:
    """Runs the work to its end: True. At Ctrl-C, SIGTERM or SIGHUP it is cancelled and awaited: False.

    A second signal while it ends finds Python's own handling again and interrupts at once.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
        task.cancel()

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
    return not stopped


async def reporting(work: Coroutine[Any, Any, None], console: Console, status: Callable[[], str]) -> None:
    """Runs the work while showing its status: one line that changes on a terminal, a line now and then elsewhere."""
    task = asyncio.ensure_future(work)
    try:
        if console.is_terminal and not console.is_dumb_terminal:
            with console.status("") as line:
                while not (await asyncio.wait([task], timeout=_REPORT_TERMINAL_S))[0]:
                    line.update(status())
        else:
            while not (await asyncio.wait([task], timeout=_REPORT_LINES_S))[0]:
                console.print(status(), highlight=False, soft_wrap=True)
        await task
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
