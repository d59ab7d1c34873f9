"""Network of the simulation: delays, loss of requests or answers, and the consequences for the sender."""

from collections.abc import Callable
from random import Random
from typing import TypeVar

from tests.simulation.broker import BusyError, SimulatedBroker, refused
from tests.simulation.fibers import NEVER_MS, Host, Step, Times

T = TypeVar("T")

REQUEST_TIMEOUT_MS = 1_000.0
BACK_OFF_MS = 100.0
FAULTS = ("request lost", "answer lost", "answer lost, told", "refused", "dies before", "dies after", "freezes", "slow")
WEIGHTS = (2, 2, 3, 2, 3, 4, 3, 2)
ZOMBIES = ("freezes", "slow")  # late wake-ups and late messages


class Network:
    """Between workers and the broker. `share`: how many requests meet a fault; 0 ends all faults. `zombies`: whether
    faults make any: only transactions fence them."""

    def __init__(
        self,
        times: Times,
        chance: Random,
        broker: SimulatedBroker,
        tell: Callable[[str], None],
        *,
        share: float,
        zombies: bool,
    ) -> None:
        self.times = times
        self.chance = chance
        self.broker = broker
        self.share = share
        self._faults = len(FAULTS) if zombies else len(FAULTS) - len(ZOMBIES)
        self.tell = tell
        self.kill: Callable[[Host], None] = lambda host: None
        self.calls = 0
        self.quiet_ms = 0.0  # when every delay and freeze is over
        self.faults = 0

    def delay_ms(self) -> float:
        """Of one way."""
        return 0.3 + 3 * self.chance.random()

    async def call(self, host: Host, name: str, ask: Callable[[], T], *, again: bool = False) -> T:
        """Returns the broker's answer. A client asks again when nothing comes back; the broker recognises repetitions.

        `again`: it does not (a producer that is not idempotent): what is asked again may be done twice.
        """
        times, chance, broker = self.times, self.chance, self.broker
        done: list[T] = []

        def arrive(answer: Step, answered: bool) -> None:  # called by the clock
            try:
                if broker.away:
                    raise refused()
                if not done or again:
                    done[:] = [ask()]
            except Exception as error:  # noqa: BLE001  # it travels back
                times.after(self.delay_ms(), answer.set, None, error)
            else:
                if answered:
                    times.after(self.delay_ms(), answer.set, done[0])

        while True:
            self.calls += 1
            fault = ""
            if chance.random() < self.share:
                fault = chance.choices(FAULTS[: self._faults], WEIGHTS[: self._faults])[0]
                self.faults += 1
                self.tell(f"{host.name}: {name}: {fault}")
            answer = Step(times)
            if fault == "refused":
                await times.rest(self.delay_ms())
                raise refused()
            if fault == "dies before":
                self.kill(host)
                await Step(times, NEVER_MS)
            if fault == "request lost":
                await times.rest(REQUEST_TIMEOUT_MS)
                continue
            delay_ms = self.delay_ms()
            if fault == "slow":
                delay_ms = 20_000 * chance.random()
                answer.until_ms = times.now_ms + delay_ms + REQUEST_TIMEOUT_MS
                self.quiet_ms = max(self.quiet_ms, answer.until_ms)
            times.after(delay_ms, arrive, answer, "lost" not in fault)
            if fault == "dies after":
                self.kill(host)
                await Step(times, NEVER_MS)
            if "lost" in fault:
                answer.until_ms = times.now_ms + REQUEST_TIMEOUT_MS
            if fault == "freezes":
                host.frozen_until_ms = times.now_ms + 20_000 * chance.random()
                self.quiet_ms = max(self.quiet_ms, host.frozen_until_ms)
            try:
                await answer
            except BusyError:
                await times.rest(20.0)
                continue
            except ConnectionError:
                await times.rest(BACK_OFF_MS)
                continue
            if answer.is_set:
                return answer.value  # type: ignore[no-any-return]  # what `ask` gave
            if fault == "answer lost, told":
                raise refused()
