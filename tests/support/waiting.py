"""Waiting for a condition with a deadline: the only place in the tests that sleeps."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


async def eventually(condition: Callable[[], T | Awaitable[T]], *, within_s: float = 30.0, what: str = "") -> T:
    """The first truthy value of `condition` (plain or async); TimeoutError, with the last value, after `within_s`."""
    deadline_s = time.monotonic() + within_s
    while True:
        answer = condition()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() >= deadline_s:
            raise _too_late(condition, within_s, what, value)
        await asyncio.sleep(POLL_S)


def wait_until(condition: Callable[[], T], *, within_s: float = 30.0, what: str = "") -> T:
    """`eventually` for plain tests: blocks."""
    deadline_s = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline_s:
            raise _too_late(condition, within_s, what, value)
        time.sleep(POLL_S)


async def turns(number: int) -> None:
    """Lets everything else in the event loop run so many times."""
    for _ in range(number):
        await asyncio.sleep(0)


def _too_late(condition: Callable[[], object], within_s: float, what: str, last: object) -> TimeoutError:
    return TimeoutError(f"not within {within_s:g} s: {what or inspect.getsource(condition).strip()} (last: {last!r})")
