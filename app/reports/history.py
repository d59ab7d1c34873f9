"""The history that reports are about, as tables of a DuckDB in memory.

`events` has each event once, under the user whose it is: `u`, `n` (the order of all events: by user, then time),
`at_ms`, `type`, `label` (the name of a `track`, else the type), `name`, `properties`, `context`, `starts_visit` and
`visit`.
`changes` has each change once: `u`, `origin` (the key under which it came), `segment`, `change`, `times`, `at_ms`,
`sequence`, `cause`, `experiments`. `stays` has the memberships: `u`, `segment`, `entered_ms`, `exited_ms`. Nothing of
them is later than `until`; what is before `since` is there, since visits and flows have a past.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from app.errors import UserError, need_packages
from app.events.instants import iso
from app.events.message import EVENT_KINDS
from app.offline.uplift_warehouse import HANDS_MAX, NO_FILES, Hands, Warehouse
from app.reports.history_files import FileHistory
from app.reports.notes import Note

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FOREVER_MS: Final = 1 << 62
EVENT_COLUMNS: Final = (
    *("kafka_partition", "kafka_offset", "kafka_time", "user_key", "happened_at", "received_at", "type", "event"),
    *("name", "message_id", "properties", "context", "problem"),
)
CHANGE_COLUMNS: Final = (
    *("kafka_partition", "kafka_offset", "kafka_time", "id", "user_key", "segment", "change", "times", "happened_at"),
    *("sequence", "cause", "problem"),
)
_EVENTS: Final = """
    CREATE TABLE raw_events AS
    SELECT user_key AS k, epoch_ms(happened_at) AS at_ms, epoch_ms(received_at) AS received_ms,
           epoch_ms(kafka_time) AS record_ms, type, event, name, message_id, properties, context,
           kafka_partition AS p, kafka_offset AS o
    FROM read_parquet(?, union_by_name = true, hive_partitioning = false)
    WHERE problem IS NULL AND user_key IS NOT NULL AND list_contains(getvariable('kinds'), type)
"""
_CHANGES: Final = """
    CREATE TABLE raw_changes AS
    SELECT id, user_key AS k, user_key AS origin, segment, change, times, epoch_ms(happened_at) AS at_ms,
           epoch_ms(kafka_time) AS record_ms, sequence, cause, {experiments} AS experiments
    FROM read_parquet(?, union_by_name = true, hive_partitioning = false) WHERE problem IS NULL
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY kafka_partition, kafka_offset) = 1
"""
_EVENT_LINES: Final = """
    CREATE TABLE raw_events AS SELECT *, NULL::BIGINT AS record_ms, 0 AS p, row_number() OVER () AS o
    FROM read_json(?, format = 'newline_delimited', maximum_object_size = 67108864, columns = {
        k: 'VARCHAR', at_ms: 'BIGINT', received_ms: 'BIGINT', type: 'VARCHAR', event: 'VARCHAR', name: 'VARCHAR',
        message_id: 'VARCHAR', properties: 'VARCHAR', context: 'VARCHAR'})
"""
_CHANGE_LINES: Final = """
    CREATE TABLE raw_changes AS SELECT *, k AS origin, NULL::BIGINT AS record_ms
    FROM read_json(?, format = 'newline_delimited', maximum_object_size = 67108864, columns = {
        id: 'VARCHAR', k: 'VARCHAR', segment: 'VARCHAR', change: 'VARCHAR', times: 'BIGINT', at_ms: 'BIGINT',
        sequence: 'BIGINT', cause: 'VARCHAR', experiments: 'VARCHAR'})
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY sequence) = 1
"""
_OWNED: Final = {
    "events": "UPDATE raw_events SET k = o.owner FROM owners AS o WHERE raw_events.k = o.k"
    " AND raw_events.at_ms >= o.from_ms AND raw_events.at_ms < o.until_ms",
    "changes": "UPDATE raw_changes SET k = o.owner FROM owners AS o WHERE raw_changes.k = o.k"
    " AND raw_changes.at_ms >= o.from_ms AND raw_changes.at_ms < o.until_ms",
}
_TABLES: Final = """
    CREATE TABLE events AS
    SELECT *, sum(starts_visit::INTEGER) OVER (ORDER BY n) AS visit FROM (
        SELECT k AS u, at_ms, received_ms, CASE type WHEN 'track' THEN coalesce(event, 'track') ELSE type END AS label,
               type, name, properties, context, row_number() OVER (ORDER BY k, at_ms, p, o) AS n,
               coalesce(at_ms - lag(at_ms) OVER (PARTITION BY k ORDER BY at_ms, p, o) >= getvariable('visit_gap_ms'),
                        true) AS starts_visit
        FROM (SELECT * FROM raw_events WHERE at_ms < getvariable('until_ms')
              QUALIFY message_id IS NULL OR row_number() OVER (PARTITION BY k, message_id ORDER BY p, o) = 1));
    CREATE TABLE changes AS SELECT k AS u, * EXCLUDE (k) FROM raw_changes WHERE at_ms < getvariable('until_ms');
    CREATE TABLE stays AS
    SELECT * FROM (
        SELECT any_value(u) AS u, segment, min(at_ms) FILTER (change = 'entered') AS entered_ms,
               max(at_ms) FILTER (change = 'exited') AS exited_ms
        FROM changes GROUP BY origin, segment, times)
    WHERE entered_ms IS NOT NULL;
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a report is about: [since, until). None: from the first event, to the last."""

    since_ms: int | None = None
    until_ms: int | None = None


class History:
    """Events and changes of a span. `has_changes`: False for files of events alone."""

    def __init__(self, connection: "DuckDBPyConnection", *, has_changes: bool) -> None:
        self._connection = connection
        self.has_changes = has_changes
        self.notes: list[Note] = []
        self.since_ms = self.until_ms = 0

    def rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._connection.execute(query, values).fetchall()

    def remember(self, **values: Any) -> None:
        """Sets variables, which queries read with `getvariable`."""
        for name, value in values.items():
            self._connection.execute(f"SET VARIABLE {name} = ?", [value])

    def prepare(self, span: Span, *, visit_gap_ms: int) -> None:
        """Makes the tables for a span. UserError for a span without any event."""
        ((first_ms, last_ms),) = self.rows("SELECT min(at_ms), max(at_ms) FROM raw_events")
        if first_ms is None:
            raise UserError("there is no event to report about", hint="the files have none that can be used")
        self.since_ms = first_ms if span.since_ms is None else span.since_ms
        self.until_ms = last_ms + 1 if span.until_ms is None else span.until_ms
        if self.since_ms >= self.until_ms:
            hint = f"the events are from {iso(first_ms)} to {iso(last_ms)}"
            raise UserError(f"the span from {iso(self.since_ms)} to {iso(self.until_ms)} is empty", hint=hint)
        if self.since_ms > last_ms or self.until_ms <= first_ms:
            hint = f"the events are from {iso(first_ms)} to {iso(last_ms)}"
            raise UserError(f"no event is from {iso(self.since_ms)} to {iso(self.until_ms)}", hint=hint)
        if self.until_ms > last_ms + 1:
            self.notes.append(Note("last_event", {"at": iso(last_ms)}))
        self.remember(since_ms=self.since_ms, until_ms=self.until_ms, visit_gap_ms=visit_gap_ms)
        self._connection.execute(_TABLES)

    def move_to_owners(self, owners: Mapping[str, Hands]) -> None:
        """Puts events and changes under the users whose they are."""
        rows = [interval for key, hands in sorted(owners.items()) for interval in _intervals(key, hands)]
        if not rows:
            return
        self._connection.execute("CREATE TABLE owners (k VARCHAR, from_ms BIGINT, until_ms BIGINT, owner VARCHAR)")
        names = [list(column) for column in zip(*rows, strict=True)]
        self._connection.execute("INSERT INTO owners SELECT unnest(?), unnest(?), unnest(?), unnest(?)", names)
        for query in _OWNED.values():
            for _ in range(HANDS_MAX):
                if not self.rows(query)[0][0]:
                    break


def _intervals(key: str, hands: Hands) -> Iterator[tuple[str, int, int, str]]:
    """The users of what came under a key, by time."""
    bounds = [-FOREVER_MS, *hands.at_ms, FOREVER_MS]
    for from_ms, until_ms in pairwise(bounds):
        owner = hands.owner(from_ms)
        if owner is not None and from_ms < until_ms:
            yield key, from_ms, until_ms, owner


@contextmanager
def open_warehouse(place: str, *, needs_changes: bool) -> Iterator[History]:
    """The history in the files of `shoal warehouse`. UserError for a table or column that is missing."""
    hands = Warehouse(place).hands
    with _database() as connection:
        root = place.rstrip("/")
        _columns(connection, root, "events", EVENT_COLUMNS)
        connection.execute("SET VARIABLE kinds = ?", [list(EVENT_KINDS)])
        connection.execute(_EVENTS, [f"{root}/events/*/*.parquet"])
        if needs_changes:
            known = _columns(connection, root, "changes", CHANGE_COLUMNS)
            experiments = "experiments_json" if "experiments_json" in known else "NULL::VARCHAR"
            connection.execute(_CHANGES.format(experiments=experiments), [f"{root}/changes/*/*.parquet"])
        else:
            _no_changes(connection)
        history = History(connection, has_changes=needs_changes)
        history.move_to_owners(hands)
        yield history


@contextmanager
def open_files(events: Sequence[Path], changes: Path | None) -> Iterator[History]:
    """The history in files of events, and in the changes that `shoal backtest` wrote. UserError."""
    with TemporaryDirectory() as folder, _database() as connection:
        files = FileHistory(Path(folder))
        connection.execute(_EVENT_LINES, [str(files.write_events(events))])
        if changes is None:
            _no_changes(connection)
        else:
            connection.execute(_CHANGE_LINES, [str(files.write_changes(changes))])
        history = History(connection, has_changes=changes is not None)
        history.notes += files.notes
        yield history


@contextmanager
def _database() -> Iterator["DuckDBPyConnection"]:
    need_packages("shoal report", "parquet", "duckdb")
    import duckdb

    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET temp_directory = ?", [folder])
        connection.execute("SET enable_progress_bar = false")
        try:
            yield connection
        except duckdb.IOException as error:
            raise UserError(f"cannot read the history: {str(error).splitlines()[0]}") from None


def _columns(connection: "DuckDBPyConnection", place: str, table: str, wanted: Sequence[str]) -> set[str]:
    """The columns of a table of the warehouse. UserError where the table, or a column that is needed, is missing."""
    import duckdb

    query = "DESCRIBE SELECT * FROM read_parquet(?, union_by_name = true, hive_partitioning = false)"
    try:
        known = {name for name, *_ in connection.execute(query, [f"{place}/{table}/*/*.parquet"]).fetchall()}
    except duckdb.Error as error:
        told = str(error).splitlines()[0]
        if NO_FILES in told:
            hint = "SHOAL_WAREHOUSE_TABLES: events, changes, identity"
            raise UserError(f"{place} has no files of the table {table}", hint=hint) from None
        raise UserError(f"cannot read {table} of {place}: {told}") from None
    if missing := [name for name in wanted if name not in known]:
        hint = "the folder that `shoal warehouse` writes; plain files of events go with --events"
        raise UserError(f"the table {table} of {place} has no column {missing[0]}", hint=hint)
    return known


def _no_changes(connection: "DuckDBPyConnection") -> None:
    connection.execute(
        "CREATE TABLE raw_changes (id VARCHAR, k VARCHAR, origin VARCHAR, segment VARCHAR, change VARCHAR, times"
        " BIGINT, at_ms BIGINT, record_ms BIGINT, sequence BIGINT, cause VARCHAR, experiments VARCHAR)"
    )
