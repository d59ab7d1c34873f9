"""The events that all benchmarks are fed: a real file where it is, else a simulated shop of the same size."""

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from app.offline.backtest import FileRecord
from app.simulation.recording import lines_of
from app.simulation.shop import Shop, ShopSettings

ROOT: Final = Path(__file__).parents[2]
DATA: Final = Path(os.environ.get("TRUTH_DATA") or ROOT.parent / "shared" / "data")
REAL_FILE: Final = DATA / "merchandise-store-2016-08.jsonl.gz"
REAL_EVENTS: Final = 459_705
REAL_USERS: Final = 61_699
MONTH_MS: Final = 31 * 86_400_000
START_MS: Final = 1_736_035_200_000  # 2025-01-05
USER: Final = re.compile(rb'("userId":"|"anonymousId":")([^"]+)"')
ID: Final = re.compile(rb'("userId":"|"anonymousId":"|"messageId":")([^"]+)"')
CALIBRATED: Final = 20_000
ROUNDS: Final = 3
INTERPRETED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Workload:
    """`events` messages, the first of the source; the same for the same `seed` (which a real file does not need)."""

    seed: int
    events: int

    @property
    def source(self) -> str:
        """In words."""
        return f"a real shop ({REAL_FILE.name})" if REAL_FILE.exists() else f"a simulated shop (seed {self.seed})"

    def lines(self) -> Iterator[bytes]:
        """The messages, in their order."""
        return islice(lines_of([REAL_FILE]) if REAL_FILE.exists() else self._simulated(), self.events)

    def records(self) -> list[FileRecord]:
        """The messages as records of one partition, with their users as keys."""
        return [FileRecord(offset, -1, user_of(line), line) for offset, line in enumerate(self.lines())]

    def copied(self, users_min: int) -> Iterator[FileRecord]:
        """Each message for as many copies of its user as give `users_min` users in all. All at offset -1."""
        users = len({user_of(line) for line in self.lines()})
        suffixes = [b"" if copy == 0 else b"-%d" % copy for copy in range(-(-users_min // users))]
        for line in self.lines():
            for suffix in suffixes:
                value = USER.sub(rb"\g<1>\g<2>" + suffix + b'"', line) if suffix else line
                yield FileRecord(-1, -1, user_of(value), value)

    def repeated(self, events: int) -> Iterator[bytes]:
        """So many messages: all of them, then all again, each time of other users and with other message ids."""
        times = -(-events // self.events)
        return islice((_renamed(line, copy) for copy in range(times) for line in self.lines()), events)

    def of_shops(self, shops: int) -> Iterator[bytes]:
        """All messages of so many shops like this one at once: each time of other users and with other message ids, in
        the order of time."""
        return (_renamed(line, shop) for line in self.lines() for shop in range(shops))

    def _simulated(self) -> Iterator[bytes]:
        shop = ShopSettings(
            seed=self.seed,
            start_ms=START_MS,
            events_per_s=REAL_EVENTS / (MONTH_MS / 1000),
            users=REAL_USERS,
            history_ms=MONTH_MS,
            history_events=REAL_EVENTS,
        )
        return (delivery.value for delivery in Shop(shop) if delivery.kind == "event" and delivery.value)


def _renamed(line: bytes, copy: int) -> bytes:
    return ID.sub(rb'\g<1>\g<2>-%d"' % copy, line) if copy else line


def user_of(line: bytes) -> bytes:
    """The user of a well-formed message: `userId` if it has one."""
    found = dict(USER.findall(line))
    user: bytes = found.get(b'"userId":"') or found[b'"anonymousId":"']
    return user


def interpreter_us() -> float:
    """CPU microseconds of a fixed piece of plain Python, best of three: calls, attributes, dictionaries, arithmetic.

    Decoding is C, which every build of Python runs alike; builds differ in how fast they interpret.
    """
    best_s = float("inf")
    for _ in range(ROUNDS):
        began_s = time.process_time()
        for number in range(INTERPRETED):
            _interpreted(number)
        best_s = min(best_s, time.process_time() - began_s)
    return best_s * 1e6 / INTERPRETED


class _Account:
    __slots__ = ("count", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0

    def add(self, amount: int) -> bool:
        self.count += 1
        self.total += amount
        return self.total > 100


def _interpreted(number: int) -> int:
    accounts: dict[str, _Account] = {}
    names = ("views", "carts", "orders")
    above = 0
    for step in range(12):
        name = names[(number + step) % 3]
        account = accounts.get(name)
        if account is None:
            account = accounts[name] = _Account()
        if account.add(step * 7 % 50):
            above += 1
    return above


def calibrate(lines: Sequence[bytes]) -> float:
    """CPU microseconds a message of plain JSON decoding, best of three: what figures of two machines are divided by."""
    decode = msgspec.json.Decoder().decode
    sample = lines[:CALIBRATED]
    best_s = float("inf")
    for _ in range(ROUNDS):
        began_s = time.process_time()
        for line in sample:
            decode(line)
        best_s = min(best_s, time.process_time() - began_s)
    return best_s * 1e6 / len(sample)
