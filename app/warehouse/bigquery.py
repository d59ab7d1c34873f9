"""Loads the files of `shoal warehouse` into BigQuery: a day of a table is a partition, and a state of a day is a job.

Files of a day grow, so a job does not append: it replaces the whole partition by the rows of all files of the day.
Jobs of a day form a chain, of which the place of the files has the last link. A link is written before its job is
started, and only in place of the link before; the next link is written only when the job has ended. A job's id is made
of the link. So two loads at a time cannot start two jobs that overlap, and a job that is started again is refused.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.errors import UserError
from app.events.visible_text import visible_line
from app.warehouse.bigquery_jobs import Jobs, load_configuration
from app.warehouse.store import ConflictError, Store
from app.warehouse.tables import Table

POLL_S: Final = 1.0


class Link(msgspec.Struct, frozen=True):
    """The last job of a day. `files`: the version of each file when it was decided. `loaded`: it has ended well."""

    chain: str
    number: int
    files: dict[str, str]
    loaded: bool = False


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Link).decode


@dataclass(slots=True)
class Loaded:
    """Days of a table: those that were loaded now, and those that were loaded before."""

    days: int = 0
    as_before: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """A dataset, and the URL of the files. `wait_s`: for all jobs together."""

    project: str
    dataset: str
    url: str
    wait_s: float
    poll_s: float = POLL_S


@dataclass(frozen=True, slots=True)
class _Stored:
    link: Link
    version: str


class BigQueryLoad:
    """Loads one table. Every method blocks."""

    def __init__(self, store: Store, table: Table, target: Target, jobs: Jobs) -> None:
        self._store = store
        self._table = table
        self._target = target
        self._jobs = jobs

    def run(self, until_s: float | None = None) -> Loaded:
        """Loads the days whose files have changed; `until_s`: on the clock of time.monotonic. Raises UserError."""
        until_s = time.monotonic() + self._target.wait_s if until_s is None else until_s
        done, started = Loaded(), {}
        for day, files in sorted(days_of(self._store.files(self._table.name)).items()):
            stored = self._begin(day, files, until_s)
            if stored is None:
                done.as_before += 1
            else:
                started[day] = stored
        for day, stored in started.items():
            self._end(day, stored, until_s)
            done.days += 1
        return done

    def _begin(self, day: str, files: Mapping[str, str], until_s: float) -> _Stored | None:
        """Starts the job that a day needs, if it needs one. Waits for one that was started before."""
        found = self._read(day)
        if found is None:
            return self._start(day, Link(secrets.token_hex(4), 1, dict(files)), None)
        link = found.link
        if not link.loaded:
            self._jobs.insert(self._id(day, link), self._configuration(day, link))  # refused if it was started
            if self._wait(day, link, until_s) is None:
                found = self._write(day, msgspec.structs.replace(link, loaded=True), found.version)
        if found.link.loaded and link.files == files:
            return None
        return self._start(day, Link(link.chain, link.number + 1, dict(files)), found.version)

    def _start(self, day: str, link: Link, replaces: str | None) -> _Stored:
        stored = self._write(day, link, replaces)
        self._jobs.insert(self._id(day, link), self._configuration(day, link))
        return stored

    def _end(self, day: str, stored: _Stored, until_s: float) -> None:
        failed = self._wait(day, stored.link, until_s)
        if failed is not None:
            raise UserError(
                f"BigQuery could not load {self._table.name} of {day}: {failed}",
                hint="nothing of that day was changed; run the command again when the cause is gone",
            )
        self._write(day, msgspec.structs.replace(stored.link, loaded=True), stored.version)

    def _wait(self, day: str, link: Link, until_s: float) -> str | None:
        """Waits for the end of a job; its error, None if it ended well."""
        job_id = self._id(day, link)
        while True:
            status = self._jobs.status(job_id)
            if status is None:
                raise UserError(f"BigQuery knows no job {job_id}", hint="is --location that of the dataset?")
            if status.get("state") == "DONE":
                error = status.get("errorResult")
                said = error.get("message") if isinstance(error, dict) else error
                return None if error is None else visible_line(str(said))
            if time.monotonic() >= until_s:
                raise UserError(
                    f"the job {job_id} has not ended", hint="run the command again: it waits for this job (--wait)"
                )
            time.sleep(self._target.poll_s)

    def _configuration(self, day: str, link: Link) -> dict[str, Any]:
        target = self._target
        uris = [f"{target.url}/{path}" for path in sorted(link.files)]
        return load_configuration(target.project, target.dataset, self._table.name, self._table.columns, day, uris)

    def _id(self, day: str, link: Link) -> str:
        return f"shoal-{self._target.dataset}-{self._table.name}-{day}-{link.chain}-{link.number}"

    def _path(self, day: str) -> str:
        return f"_shoal/bigquery/{self._target.project}.{self._target.dataset}/{self._table.name}/{day}.json"

    def _read(self, day: str) -> _Stored | None:
        path = self._path(day)
        found = self._store.read(path)
        if found is None:
            return None
        try:
            return _Stored(_decode(found.data), found.version)
        except msgspec.DecodeError as error:
            raise UserError(f"{path} cannot be read: {error}", hint="delete it: the day is then loaded anew") from None

    def _write(self, day: str, link: Link, replaces: str | None) -> _Stored:
        try:
            return _Stored(link, self._store.write(self._path(day), _encode(link), replaces=replaces))
        except ConflictError:
            raise UserError(
                f"another load of {self._table.name} of {day} is running", hint="run one at a time; it goes on"
            ) from None


def days_of(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Files by their day.

    >>> days_of({"changes/date=2026-01-05/p0000-0.parquet": "v"})
    {'2026-01-05': {'changes/date=2026-01-05/p0000-0.parquet': 'v'}}
    """
    found: dict[str, dict[str, str]] = {}
    for path, version in files.items():
        folder = path.split("/")[-2]
        if folder.startswith("date="):
            found.setdefault(folder.removeprefix("date="), {})[path] = version
    return found


def load_tables(
    store: Store, tables: Sequence[Table], target: Target, jobs: Jobs, *, tell: Callable[[str, Loaded], None]
) -> None:
    """Loads tables one after the other. Raises UserError."""
    until_s = time.monotonic() + target.wait_s
    for table in tables:
        tell(table.name, BigQueryLoad(store, table, target, jobs).run(until_s))
