"""The metrics of the processes that read on: memberships, destinations, intake, warehouse."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress

from app.metrics import READER_METRICS, MetricSet


class ReaderMetrics(MetricSet):
    """Those of one process."""

    def __init__(self) -> None:
        super().__init__(READER_METRICS)

    def rebalanced(self) -> None:
        """Partitions were assigned: gauges of others are theirs."""
        self._by_name["shoal_reader_rebalances"].inc()
        self._by_name["shoal_reader_lag_records"].clear()
        self._by_name["shoal_reader_lag_seconds"].clear()
        self._by_name["shoal_reader_held_back_seconds"].clear()

    def lag(self, reader: str, partition: int, records: int, *, behind_s: float, held_back_s: float) -> None:
        """Sets the lag of a reader in records, and the age of the record that it processed last; 0 at the end.

        `held_back_s`: for so long an open transaction has kept it from reading on.
        """
        self._by_name["shoal_reader_held_back_seconds"].labels(reader, str(partition)).set(held_back_s)
        self._by_name["shoal_reader_lag_records"].labels(reader, str(partition)).set(records)
        self._by_name["shoal_reader_lag_seconds"].labels(reader, str(partition)).set(max(0.0, behind_s))

    def memberships(self, outcome: str, count: int) -> None:
        """Changes were brought to Redis: applied, repeated, gap, unreadable."""
        if count:
            self._by_name["shoal_membership_changes"].labels(outcome).inc(count)

    def memberships_begun(self, how: str) -> None:
        """A partition's memberships were taken up: resumed, topic, profiles."""
        self._by_name["shoal_membership_begins"].labels(how).inc()

    def destination(self, name: str, outcome: str, count: int = 1) -> None:
        """Changes are done with: delivered, dead, expired, unwanted, unreadable."""
        if count:
            self._by_name["shoal_destination_changes"].labels(name, outcome).inc(count)

    def request(self, name: str, status: str, seconds: float) -> None:
        """A destination answered; `status` is its code, or what kept it from answering."""
        self._by_name["shoal_destination_requests"].labels(name, status).inc()
        self._by_name["shoal_destination_seconds"].labels(name).observe(seconds)

    def waiting(self, name: str, count: int) -> None:
        """Changes in hand of a destination."""
        self._by_name["shoal_destination_waiting"].labels(name).set(count)

    def waiting_for_members(self, name: str, users: int) -> None:
        """Users whom a destination adds once its segment has enough members."""
        self._by_name["shoal_destination_waiting_for_members"].labels(name).set(users)

    def away(self, name: str, *, away: bool) -> None:
        """True if a destination is taken for dead."""
        self._by_name["shoal_destination_away"].labels(name).set(int(away))

    def paused(self, name: str, *, paused: bool) -> None:
        """A destination was paused, or goes on."""
        self._by_name["shoal_destination_paused"].labels(name).set(int(paused))

    def intake(self, source: str, outcome: str, count: int) -> None:
        """Records of a source: taken, or the reason why not."""
        if count:
            self._by_name["shoal_intake_records"].labels(source, outcome).inc(count)

    def intake_taken(
        self, source: str, dead: Iterable[tuple[object, str, str]], *, records: int, repairs: Mapping[str, int]
    ) -> None:
        """A batch of so many records was written; `dead`: those that went to the dead letters, with their reasons."""
        reasons = Counter(reason for _, reason, _ in dead)
        self.intake(source, "taken", records - reasons.total())
        self.intake_repairs(source, repairs)
        for reason, count in reasons.items():
            self.intake(source, reason, count)

    def enriched(self, done: Mapping[tuple[str, str], int]) -> None:
        """Events that enrichers were asked about, by their name and the outcome."""
        for (name, outcome), events in done.items():
            self._by_name["shoal_intake_enrichments"].labels(name, outcome).inc(events)

    def intake_failed(self, source: str, cause: str) -> None:
        """The service of a source did not do what was asked: credentials, missing, refused, throttled, unreachable."""
        self._by_name["shoal_intake_failures"].labels(source, cause).inc()

    def behind(self, reader: str, part: str, seconds: float) -> None:
        """Sets the lag of a reader of a stream, which does not count records."""
        self._by_name["shoal_reader_lag_seconds"].labels(reader, part).set(seconds)

    def no_longer_behind(self, reader: str, part: str) -> None:
        """A part of a stream has ended."""
        with suppress(KeyError):
            self._by_name["shoal_reader_lag_seconds"].remove(reader, part)

    def intake_repairs(self, source: str, parts: Mapping[str, int]) -> None:
        """Events of a source were taken without a part: which, and how many events."""
        for part, count in parts.items():
            self._by_name["shoal_intake_repairs"].labels(source, part).inc(count)

    def warehouse(self, table: str, outcome: str, count: int) -> None:
        """Records for a table: written; repeated: in its files already; lost: removed by retention before."""
        if count:
            self._by_name["shoal_warehouse_rows"].labels(table, outcome).inc(count)

    def warehouse_files(self, table: str, count: int, size_bytes: int) -> None:
        """Files of a table were written, with so many bytes together."""
        self._by_name["shoal_warehouse_files"].labels(table).inc(count)
        self._by_name["shoal_warehouse_bytes"].labels(table).inc(size_bytes)

    def warehouse_failed(self, table: str) -> None:
        """The export of a partition of a table failed; it begins again."""
        self._by_name["shoal_warehouse_failures"].labels(table).inc()
