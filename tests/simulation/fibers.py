"""Simulated time and what lives in it: coroutines that know no event loop, stepped one after the other."""

import heapq
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
NEVER_MS = float("inf")


class Stopped(BaseException):
    """A fiber is cancelled where it waits."""


class Expired(BaseException):
    """A time limit is over; `until_ms` says which."""

    def __init__(self, until_ms: float) -> None:
        self.until_ms = until_ms


class Step:
    """Condition that a fiber waits for: an instant, or a signal."""

    __slots__ = ("error", "fiber", "is_set", "times", "until_ms", "value")

    def __init__(self, times: "Times", until_ms: float = NEVER_MS) -> None:
        self.times = times
        self.until_ms = until_ms
        self.fiber: Fiber | None = None
        self.is_set = False
        self.value: Any = None
        self.error: BaseException | None = None

    def set(self, value: Any = None, error: BaseException | None = None) -> None:
        """It has come about; the second time changes nothing."""
        if self.is_set:
            return
        self.is_set, self.value, self.error = True, value, error
        if self.fiber is not None:
            self.times.wake(self.fiber, self)

    def __await__(self) -> Any:
        if self.times.closing:
            raise Stopped
        if not self.is_set:
            yield self
        if self.error is not None:
            raise self.error
        return self.value


class Host:
    """A process: its fibers stand still while it is frozen, and are no more when it is killed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen_until_ms = -1.0
        self.alive = True


class Fiber:
    """One coroutine. See `Handle` in the runtime's `environment`."""

    __slots__ = ("_coro", "_limits", "_times", "_waiters", "cancelling", "done", "error", "host", "name", "step")

    def __init__(self, times: "Times", coro: Coroutine[Any, Any, None], host: Host, name: str) -> None:
        self._times = times
        self._coro = coro
        self.host = host
        self.name = name
        self.done = False
        self.error: BaseException | None = None
        self.step: Step | None = None
        self.cancelling = False
        self._limits: list[float] = []
        self._waiters: list[Step] = []

    async def wait(self, limit_ms: float) -> None:
        """Until it has ended, or the time is over."""
        if not self.done:
            step = Step(self._times, self._times.now_ms + limit_ms)
            self._waiters.append(step)
            await step

    def cancel(self) -> None:
        """Ends it where it waits."""
        if not self.done:
            self.cancelling = True
            self._times.wake(self, self.step)

    async def within(self, what: Awaitable[T], limit_ms: float) -> T:
        """To be awaited in this fiber."""
        until_ms = self._times.now_ms + limit_ms
        self._limits.append(until_ms)
        try:
            return await what
        except Expired as expired:
            if expired.until_ms == until_ms:
                raise TimeoutError from None
            raise
        finally:
            self._limits.remove(until_ms)

    def resume(self) -> None:
        """Goes on to the next step; called by `Times` only."""
        times, now_ms = self._times, self._times.now_ms
        times.running = self
        step, self.step = self.step, None
        try:
            if self.cancelling:
                self.cancelling = False
                waits = self._coro.throw(Stopped())
            elif step is not None and not step.is_set and now_ms < step.until_ms:
                waits = self._coro.throw(Expired(min(self._limits)))
            else:
                waits = self._coro.send(None)
            self.step = waits
            waits.fiber = self
            if waits.is_set:
                times.wake(self, waits)
            else:
                until_ms = min(waits.until_ms, *self._limits) if self._limits else waits.until_ms
                if until_ms < NEVER_MS:
                    times.at(until_ms, self.turn, waits)
        except StopIteration:
            self._end(None)
        except Stopped:
            self._end(None)
        except Exception as error:  # noqa: BLE001  # the fiber that spawned it checks it
            self._end(error)
        finally:
            times.running = None

    def turn(self, step: Step | None) -> None:
        """The instant, or the event, for which it waited has come; unless it waits for something else by now."""
        if self.done or self.step is not step or not self.host.alive:
            return
        if self.host.frozen_until_ms > self._times.now_ms:
            self._times.at(self.host.frozen_until_ms, self.turn, step)
        else:
            self.resume()

    def close(self) -> None:
        """Lets go of the coroutine, at the end of a run."""
        with suppress(BaseException):
            self._coro.close()

    def _end(self, error: BaseException | None) -> None:
        self.done, self.error = True, error
        for waiter in self._waiters:
            waiter.set()


class Times:
    """The simulated clock (milliseconds) and what is to happen when. Equal instants: in order of arrival."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.running: Fiber | None = None
        self.closing = False
        self.fibers: list[Fiber] = []
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def at(self, when_ms: float, what: Callable[..., None], *given: Any) -> None:
        """Calls it then."""
        self._count += 1
        heapq.heappush(self._heap, (when_ms, self._count, what, given))

    def after(self, ms: float, what: Callable[..., None], *given: Any) -> None:
        """Calls it so much later."""
        self.at(self.now_ms + ms, what, *given)

    def wake(self, fiber: Fiber, step: Step | None) -> None:
        """Lets a fiber go on as soon as its host does; at once where no other is in its turn."""
        if self.running is None:
            fiber.turn(step)
        else:
            self.at(self.now_ms, fiber.turn, step)

    def spawn(self, coro: Coroutine[Any, Any, None], host: Host, name: str) -> Fiber:
        """A new fiber; it begins in its own turn."""
        fiber = Fiber(self, coro, host, name)
        self.fibers.append(fiber)
        self.at(self.now_ms, fiber.turn, None)
        return fiber

    def rest(self, ms: float) -> Step:
        """To be awaited."""
        return Step(self, self.now_ms + ms)

    def run(self, until: Callable[[], bool], limit_ms: float) -> None:
        """Lets time pass until a condition holds, looked at every simulated second, or the limit is reached."""
        look_ms = self.now_ms
        heap = self._heap
        while heap:
            when_ms, _, what, given = heapq.heappop(heap)
            if when_ms > self.now_ms:
                self.now_ms = when_ms
            if self.now_ms >= look_ms:
                if self.now_ms >= limit_ms or until():
                    return
                look_ms = self.now_ms + 1_000
            what(*given)

    def close(self) -> None:
        """Ends everything without letting anything happen any more."""
        self.closing = True
        for fiber in self.fibers:
            self.running = fiber
            fiber.close()
