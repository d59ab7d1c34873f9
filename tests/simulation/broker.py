"""A simulated broker: logs, transactions with a coordinator and markers, epochs that fence. Nothing here waits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from app.runtime.kafka.log_reader import Fetched, OffsetLostError
from tests.simulation.fibers import Step, Times

TRANSACTION_TIMEOUT_MS = 11_000.0

Header = tuple[str, bytes]


class BusyError(Exception):
    """The coordinator is still ending the transaction before: ask again."""


@dataclass(slots=True, eq=False)
class Transaction:
    """One transaction; `logs` in the order in which it came to them."""

    logs: list["Log"] = field(default_factory=list)
    aborted: bool = False


@dataclass(slots=True)
class Record:
    """A record, or a marker of the end of a transaction."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[Header]
    transaction: Transaction | None = None
    marker: bool = False


class Log:
    """One partition of a topic. A compacted record leaves None behind."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.records: list[Record | None] = []
        self.open: dict[Transaction, int] = {}
        self.watchers: list[Step] = []

    def append(self, timestamp: int, row: tuple[Any, ...], transaction: Transaction | None) -> int:
        """The offset of a new record."""
        offset = len(self.records)
        if transaction is not None and transaction not in self.open:
            self.open[transaction] = offset
            transaction.logs.append(self)
        key, value, headers = row
        self.records.append(Record(offset, timestamp, key, value, headers, transaction))
        if self.watchers and transaction is None:
            self._tell_watchers()
        return offset

    def end_transaction(self, transaction: Transaction) -> None:
        """Writes the marker: from here on its records are visible, or never."""
        if self.open.pop(transaction, None) is not None:
            self.records.append(Record(len(self.records), -1, None, None, [], transaction, marker=True))
            self._tell_watchers()

    def _tell_watchers(self) -> None:
        watchers, self.watchers = self.watchers, []
        for watcher in watchers:
            watcher.set()

    @property
    def stable_end(self) -> int:
        """The offset before which every transaction has ended."""
        return min(self.open.values()) if self.open else len(self.records)

    def read(self, offset: int, records_max: int, *, committed_only: bool) -> Fetched:
        """Returns the next records. Raises OffsetLostError."""
        end = self.stable_end if committed_only else len(self.records)
        if offset > len(self.records):
            raise OffsetLostError(self.topic, self.partition, offset)
        found: list[Any] = []
        at = offset
        while at < end and len(found) < records_max:
            record = self.records[at]
            at += 1
            if record is None or record.marker:
                continue
            if committed_only and record.transaction is not None and record.transaction.aborted:
                continue
            found.append(record)
        return Fetched(found, at, end)

    def committed(self) -> list[Any]:
        """All that a reader of committed records sees."""
        return self.read(0, len(self.records) + 1, committed_only=True).records

    def compact(self) -> None:
        """Keeps the latest committed value of each key, and what is behind the end of what has ended."""
        latest: dict[bytes | None, int] = {}
        stable_end = self.stable_end
        for record in self.records[:stable_end]:
            if record is None or record.marker:
                continue
            if record.transaction is not None and record.transaction.aborted:
                self.records[record.offset] = None
                continue
            if (before := latest.get(record.key)) is not None:
                self.records[before] = None
            latest[record.key] = record.offset


@dataclass(slots=True, eq=False)
class TransactionalId:
    """State of a transactional id at the coordinator. `ending`: markers are being written."""

    epoch: int = -1
    current: Transaction | None = None
    ending: bool = False
    committed: Transaction | None = None


class SimulatedBroker:
    """All logs, and the coordinator of transactions. `delay` draws how long a marker takes."""

    def __init__(self, times: Times, delay: Callable[[], float], tell: Callable[[str], None]) -> None:
        self._times = times
        self._delay = delay
        self._tell = tell
        self._logs: dict[tuple[str, int], Log] = {}
        self._ids: dict[str, TransactionalId] = {}
        self.away_until_ms = -1.0
        self.loading_until_ms = -1.0
        self._group_offsets: dict[int, int] = {}

    def log(self, topic: str, partition: int) -> Log:
        """A log; made when it is first asked for."""
        found = self._logs.get((topic, partition))
        if found is None:
            found = self._logs[topic, partition] = Log(topic, partition)
        return found

    @property
    def away(self) -> bool:
        """True if it does not answer."""
        return self.away_until_ms > self._times.now_ms

    @property
    def settled(self) -> bool:
        """True if no transaction is open."""
        return not any(log.open for log in self._logs.values())

    # ---- transactions

    def begin_producer(self, transactional_id: str) -> int:
        """A new epoch: an earlier owner is fenced, and their open transaction is aborted. Raises BusyError."""
        known = self._ids.setdefault(transactional_id, TransactionalId())
        if known.ending:
            raise BusyError
        if known.current is not None:
            known.epoch += 1  # fenced from now on; the new epoch comes when the markers are written
            self._end(known, commit=False)
            raise BusyError
        known.epoch += 1
        known.committed = None
        return known.epoch

    def produce(self, log: Log, rows: list[Any], wall_ms: int, owner: tuple[str, int] | None) -> int:
        """Appends; the offset behind. `owner`: transactional id and epoch. Raises what aiokafka would."""
        transaction = None
        if owner is not None:
            known = self._known(owner)
            if known.ending:
                raise BusyError
            if known.current is None:
                known.current = transaction = Transaction()
                self._times.after(TRANSACTION_TIMEOUT_MS, self.expire, owner[0], transaction)
            transaction = known.current
        offset = -1
        for row in rows:
            offset = log.append(wall_ms, row, transaction)
        return offset + 1

    def commit(self, owner: tuple[str, int]) -> None:
        """The end of a transaction is written; its markers follow."""
        known = self._known(owner)
        if known.current is None or known.ending:
            return  # sent again
        self._end(known, commit=True)

    def expire(self, transactional_id: str, transaction: Transaction) -> None:
        """A transaction that is open for too long is aborted, and its producer fenced."""
        known = self._ids[transactional_id]
        if known.current is transaction and not known.ending:
            self._tell(f"broker: the transaction of {transactional_id} has timed out")
            known.epoch += 1
            self._end(known, commit=False)

    def _known(self, owner: tuple[str, int]) -> TransactionalId:
        known = self._ids[owner[0]]
        if owner[1] != known.epoch:
            raise ProducerFenced if owner[1] + 1 == known.epoch else InvalidProducerEpoch
        return known

    def _end(self, known: TransactionalId, *, commit: bool) -> None:
        transaction = known.current
        assert transaction is not None
        known.ending = True
        transaction.aborted = not commit
        waiting = len(transaction.logs)

        def mark(log: Log) -> None:
            nonlocal waiting
            log.end_transaction(transaction)
            waiting -= 1
            if not waiting:
                known.ending, known.current = False, None

        for log in transaction.logs:
            self._times.after(self._delay(), mark, log)

    # ---- the group's offsets

    def tell_offset(self, partition: int, offset: int) -> None:
        """Stores the offset that lag tools read."""
        self._group_offsets[partition] = offset

    def group_offset(self, partition: int) -> int | None:
        """Returns the offset that lag tools read; None while the coordinator of the group loads."""
        if self.loading_until_ms > self._times.now_ms:
            return None
        return self._group_offsets.get(partition)


def refused() -> Exception:
    """Raises the error of a broker that is not there."""
    return ConnectionError("the broker is away")
