"""Exposures and outcomes of an experiment, out of the Parquet files that `shoal warehouse` writes.

Exposures are in changes, outcomes are events. Both may have come under an id that has become a user's, before or while
it was theirs: the table of identity says whose they are.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from app.errors import UserError, install_command
from app.offline.uplift import Exposure, Outcome

ROWS_FETCHED: Final = 4_000
BEGINS: Final = frozenset({"given", "empty"})
ENDS: Final = frozenset({"lost", "released", "ended", "split"})
HANDS_MAX: Final = 10
"""Ids through which a record passes at most on its way to a user."""
NO_FILES: Final = "No files found"

_EXPOSURES: Final = """
    SELECT user_key, json_extract_string(e, '$.group'),
           min(epoch_ms(json_extract_string(e, '$.exposed_at')::TIMESTAMP)),
           bool_or(coalesce(json_extract_string(e, '$.crossed') = 'true', false))
    FROM (SELECT user_key, unnest(experiments_json::JSON[]) AS e FROM read_parquet(?, union_by_name = true)
          WHERE experiments_json IS NOT NULL AND problem IS NULL)
    WHERE json_extract_string(e, '$.experiment') = ?
    GROUP BY 1, 2 ORDER BY 1, 2
"""
_OUTCOMES: Final = """
    SELECT user_key, epoch_ms(happened_at), message_id,
           TRY_CAST(json_extract_string(properties, ?) AS DOUBLE)
    FROM read_parquet(?, union_by_name = true)
    WHERE type = 'track' AND event = ? AND problem IS NULL
"""
_IDENTITY: Final = """
    SELECT from_id, to_user, epoch_ms(happened_at), result FROM read_parquet(?, union_by_name = true)
    WHERE problem IS NULL ORDER BY happened_at, kafka_partition, kafka_offset
"""
_UNTIL: Final = "SELECT epoch_ms(max(kafka_time)) FROM read_parquet(?, union_by_name = true)"


@dataclass(slots=True)
class Hands:
    """The users whose an id has been: from which instant on whose, None: nobody's."""

    at_ms: list[int] = field(default_factory=list)
    owners: list[str | None] = field(default_factory=list)

    def take(self, at_ms: int, owner: str | None) -> None:
        """A change of hands, in the order of time."""
        self.at_ms.append(at_ms)
        self.owners.append(owner)

    def owner(self, at_ms: int) -> str | None:
        """The user of what came under the id at an instant: whose it was, or else the next, who received it."""
        place = bisect_right(self.at_ms, at_ms)
        if place and self.owners[place - 1] is not None:
            return self.owners[place - 1]
        return next((owner for owner in self.owners[place:] if owner is not None), None)


class Warehouse:
    """The files of a warehouse, in a folder or in what DuckDB can read, whose settings are `engine`. `hands`: the users
    of ids."""

    def __init__(self, place: str, *, engine: Mapping[str, str] = MappingProxyType({})) -> None:
        self._place = place.rstrip("/")
        self._engine = engine
        if "://" not in place and not Path(place).is_dir():
            raise UserError(f"there is no folder {place}", hint="the folder that SHOAL_WAREHOUSE names")
        self.hands = self._read_hands()

    def until_ms(self) -> int:
        """The instant of the latest event that is in the files. UserError where there is none."""
        ((found,),) = list(self._rows(_UNTIL, [self._files("events")])) or [(None,)]
        if found is None:
            raise UserError(f"{self._place} has no events", hint="SHOAL_WAREHOUSE_TABLES: events, changes, identity")
        return int(found)

    def exposures(self, experiment: str) -> Iterator[Exposure]:
        """The exposures to an experiment, as changes tell them."""
        for user, group, at_ms, crossed in self._rows(_EXPOSURES, [self._files("changes"), experiment]):
            yield Exposure(user=self._user(user, at_ms), group=group, exposed_ms=at_ms, crossed=crossed)

    def outcomes(self, goal: str, value: str | None) -> Iterator[Outcome]:
        """Events of a name. `value`: the path of a property, with points between its parts."""
        parts = [] if value is None else value.replace('"', "").split(".")
        path = "$" + "".join(f'."{part}"' for part in parts)
        for user, at_ms, message_id, found in self._rows(_OUTCOMES, [path, self._files("events"), goal]):
            number = found if value is not None and found is not None and abs(found) < float("inf") else 0.0
            yield Outcome(user=self._user(user, at_ms), at_ms=at_ms, value=number, id=message_id)

    def _user(self, key: str, at_ms: int) -> str:
        for _ in range(HANDS_MAX):
            hands = self.hands.get(key)
            owner = None if hands is None else hands.owner(at_ms)
            if owner is None:
                return key
            key = owner
        return key

    def _read_hands(self) -> dict[str, Hands]:
        found: dict[str, Hands] = {}
        for key, user, at_ms, result in self._rows(_IDENTITY, [self._files("identity")]):
            hands = found.setdefault(key, Hands())
            if result in BEGINS:
                hands.take(at_ms, user)
            elif result in ENDS and hands.owners and hands.owners[-1] == user:
                hands.take(at_ms, None)
        return found

    def _files(self, table: str) -> str:
        return f"{self._place}/{table}/*/*.parquet"

    def _rows(self, query: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a query; none where the table has no files."""
        try:
            import duckdb
        except ModuleNotFoundError:
            raise UserError(f"reading {self._place} needs DuckDB", hint=install_command("parquet")) from None
        try:
            with duckdb.connect(config=dict(self._engine)) as connection:
                result = connection.execute(query, list(values))
                while rows := result.fetchmany(ROWS_FETCHED):
                    yield from rows
        except duckdb.Error as error:
            told = str(error).splitlines()[0]
            if NO_FILES in told:
                return
            if "experiments_json" in told:
                raise UserError(
                    f"{self._place} has no changes with experiments", hint="they are exported since this version"
                ) from None
            raise UserError(f"cannot read {self._place}: {told}") from None
