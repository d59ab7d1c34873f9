"""Loads into BigQuery, over a part of its REST API on this machine: each row once, whatever is repeated or killed."""

import json
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from app.cli import main as cli
from app.configuration.setting_value import SHIPPED
from app.errors import UserError
from app.warehouse import store as stores
from app.warehouse.bigquery import BigQueryLoad, Loaded, Target
from app.warehouse.bigquery_jobs import BigQueryJobs, Jobs
from app.warehouse.export import PartitionExport
from app.warehouse.store import FolderStore
from tests.warehouse.fake_bigquery import URL, FakeBigQuery, served
from tests.warehouse.history import write_history
from tests.warehouse.making import DAY_MS, START_MS, change, settings_with
from tests.warehouse.reading import places, table_of

SEED = 20_261_129
TARGET = Target("my-project", "shop", URL, wait_s=20, poll_s=0.001)
LOG = [change(offset, START_MS + offset * 7 % 3 * DAY_MS) for offset in range(30)]
STATES = "_shoal/bigquery/my-project.shop/changes"


@pytest.fixture
def fake(tmp_path: Path) -> FakeBigQuery:
    return FakeBigQuery(tmp_path)


@pytest.fixture
def address(fake: FakeBigQuery) -> Iterator[str]:
    with served(fake) as address:
        yield address


def export(root: Path, begin: int, end: int, **others: Any) -> None:
    settings = settings_with(**others)
    PartitionExport(FolderStore(root), table_of(settings, "changes"), 0, settings).write(LOG[begin:end], end)


def loader(root: Path, jobs: Jobs, target: Target = TARGET, *, table: str = "changes") -> BigQueryLoad:
    return BigQueryLoad(FolderStore(root), table_of(settings_with(), table), target, jobs)


def test_days_that_changed_are_replaced_and_others_are_left(fake: FakeBigQuery, address: str) -> None:
    fake.asks_until_done = 3
    load = loader(fake.folder, BigQueryJobs("my-project", endpoint=address))
    assert load.run() == Loaded()
    export(fake.folder, 0, 9)
    assert load.run() == Loaded(days=3)
    assert fake.places("changes") == places(fake.folder, "changes")
    assert load.run() == Loaded(as_before=3)
    export(fake.folder, 9, 10)
    assert load.run() == Loaded(days=1, as_before=2)
    export(fake.folder, 10, 30, warehouse_file_bytes_max=1)
    assert load.run() == Loaded(days=3)
    assert fake.places("changes") == [(0, offset) for offset in range(30)]
    assert len(fake.jobs) == 7
    assert not fake.refused


class Killed(BaseException):
    """Stands for the end of the process at a point."""


class FrailStore(FolderStore):
    """A store whose process dies at the `at`-th write of a link: before it, or after it."""

    def __init__(self, root: Path, at: int, when: str) -> None:
        super().__init__(root)
        self._left, self._when = at, when

    def write(self, path: str, data: bytes, *, replaces: str | None) -> str:
        self._left -= 1
        if self._left == 0 and self._when == "before":
            raise Killed
        version = super().write(path, data, replaces=replaces)
        if self._left == 0:
            raise Killed
        return version


class FrailJobs:
    """Jobs whose process dies at the `at`-th start, after it: the answer is lost."""

    def __init__(self, jobs: Jobs, at: int) -> None:
        self._jobs, self._left = jobs, at

    def insert(self, job_id: str, load: dict[str, Any]) -> bool:
        begun = self._jobs.insert(job_id, load)
        self._left -= 1
        if self._left == 0:
            raise Killed
        return begun

    def status(self, job_id: str) -> dict[str, Any] | None:
        return self._jobs.status(job_id)


@pytest.mark.parametrize("when", ["before", "after", "answer"])
def test_a_kill_at_any_point_leaves_each_row_once(tmp_path: Path, when: str) -> None:
    for at in range(1, 7):
        chance = random.Random(SEED + at)
        fake = FakeBigQuery(tmp_path / f"{at}")
        with served(fake) as address:
            jobs = BigQueryJobs("my-project", endpoint=address)
            middle = chance.randrange(5, 25)
            export(fake.folder, 0, middle)
            store = FrailStore(fake.folder, at, when) if when != "answer" else FolderStore(fake.folder)
            frail: Jobs = FrailJobs(jobs, at) if when == "answer" else jobs
            for end in (middle, 30):
                with suppress(Killed):
                    BigQueryLoad(store, table_of(settings_with(), "changes"), TARGET, frail).run()
                if fake.partitions:
                    assert len(set(fake.places("changes"))) == len(fake.places("changes")), f"seed {SEED}, kill {at}"
                export(fake.folder, middle, end)
                store, frail = FolderStore(fake.folder), jobs
            loader(fake.folder, jobs).run()
            assert fake.places("changes") == [(0, offset) for offset in range(30)], f"seed {SEED}, kill {at}"
            assert loader(fake.folder, jobs).run() == Loaded(as_before=3)


def test_a_job_is_started_again_under_its_id_and_refused(fake: FakeBigQuery, address: str) -> None:
    export(fake.folder, 0, 9)
    jobs = BigQueryJobs("my-project", endpoint=address)
    with suppress(Killed):
        loader(fake.folder, FrailJobs(jobs, 1)).run()
    (job_id,) = fake.jobs
    assert job_id.startswith("shoal-shop-changes-2026-01-01-")
    loader(fake.folder, jobs).run()
    assert fake.refused == [job_id]
    assert fake.places("changes") == [(0, offset) for offset in range(9)]


def test_two_loads_at_a_time_start_no_two_jobs_of_a_day(fake: FakeBigQuery, address: str) -> None:
    """The second one waits for the job that the first has started, or says that another one is running."""
    export(fake.folder, 0, 30)
    fake.asks_until_done = 40
    said: list[str] = []

    def run() -> None:
        try:
            loader(fake.folder, BigQueryJobs("my-project", endpoint=address)).run()
        except UserError as error:
            said.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("another load of changes" in each for each in said)
    assert len(fake.jobs) == 3
    loader(fake.folder, BigQueryJobs("my-project", endpoint=address)).run()
    assert fake.places("changes") == [(0, offset) for offset in range(30)]


class OvertakenJobs:
    """Jobs whose process stands still at its first question, while `meanwhile` happens."""

    def __init__(self, jobs: Jobs, meanwhile: Callable[[], None]) -> None:
        self._jobs, self._meanwhile = jobs, [meanwhile]

    def insert(self, job_id: str, load: dict[str, Any]) -> bool:
        return self._jobs.insert(job_id, load)

    def status(self, job_id: str) -> dict[str, Any] | None:
        if self._meanwhile:
            self._meanwhile.pop()()
        return self._jobs.status(job_id)


def test_a_load_that_was_overtaken_does_not_undo_what_the_other_one_did(fake: FakeBigQuery, address: str) -> None:
    jobs = BigQueryJobs("my-project", endpoint=address)
    export(fake.folder, 0, 9)

    def meanwhile() -> None:
        export(fake.folder, 9, 15)
        assert loader(fake.folder, jobs).run() == Loaded(days=3)

    with pytest.raises(UserError, match="another load of changes of 2026-01-01 is running"):
        loader(fake.folder, OvertakenJobs(jobs, meanwhile)).run()
    export(fake.folder, 15, 30)
    loader(fake.folder, jobs).run()
    assert fake.places("changes") == [(0, offset) for offset in range(30)]


def test_a_job_that_fails_changes_nothing_and_the_next_run_starts_another(fake: FakeBigQuery, address: str) -> None:
    export(fake.folder, 0, 9)
    load = loader(fake.folder, BigQueryJobs("my-project", endpoint=address))
    fake.fails_at = "2026-01-02"
    with pytest.raises(UserError, match=r"could not load changes of 2026-01-02: Error while\\nreading \\x1b") as raised:
        load.run()
    assert "nothing of that day was changed" in str(raised.value)
    fake.fails_at = None
    load.run()
    assert fake.places("changes") == [(0, offset) for offset in range(9)]
    assert len(fake.jobs) == 4


def test_a_job_that_takes_too_long_is_waited_for_by_the_next_run(fake: FakeBigQuery, address: str) -> None:
    export(fake.folder, 0, 1)
    fake.asks_until_done = 1_000_000
    jobs = BigQueryJobs("my-project", endpoint=address)
    with pytest.raises(UserError, match="has not ended"):
        loader(fake.folder, jobs, replace(TARGET, wait_s=0.0)).run()
    fake.asks_until_done = 1
    loader(fake.folder, jobs).run()
    assert len(fake.jobs) == 1
    assert fake.places("changes") == [(0, 0)]


def test_a_lost_or_broken_state_loads_a_day_anew(fake: FakeBigQuery, address: str) -> None:
    export(fake.folder, 0, 9)
    load = loader(fake.folder, BigQueryJobs("my-project", endpoint=address))
    load.run()
    (fake.folder / STATES / "2026-01-01.json").unlink()
    assert load.run() == Loaded(days=1, as_before=2)
    assert fake.places("changes") == [(0, offset) for offset in range(9)]
    (fake.folder / STATES / "2026-01-01.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        load.run()


def test_answers_that_are_no_job_are_said_in_words(fake: FakeBigQuery, address: str) -> None:
    export(fake.folder, 0, 1)
    load = loader(fake.folder, BigQueryJobs("my-project", endpoint=address, location="EU"))
    fake.answer = (403, {"error": {"message": "Access Denied: \x1b[31mshop"}})
    with pytest.raises(UserError, match=r"BigQuery answers 403: Access Denied: \\x1b\[31mshop") as raised:
        load.run()
    assert "roles" in str(raised.value)
    fake.answer = (503, {})
    with pytest.raises(UserError, match="answers 503") as raised:
        load.run()
    assert "run the command again" in str(raised.value)
    fake.answer = (409, {})
    with pytest.raises(UserError, match="answers 409"):
        load.run()
    fake.answer = (404, {})
    with pytest.raises(UserError, match="answers 404"):
        load.run()
    fake.answer = None
    load.run()
    assert fake.places("changes") == [(0, 0)]
    nobody = loader(fake.folder, BigQueryJobs("my-project", endpoint="http://127.0.0.1:9"), table="events")
    assert nobody.run() == Loaded()
    export(fake.folder, 1, 2)
    with pytest.raises(UserError, match="BigQuery does not answer"):
        loader(fake.folder, BigQueryJobs("my-project", endpoint="http://127.0.0.1:9")).run()


def test_the_command_says_what_it_loads(
    fake: FakeBigQuery, address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export(fake.folder, 0, 9)
    monkeypatch.setattr(stores, "open_store", lambda url: FolderStore(fake.folder))
    words = ["bigquery", "my-project.shop", "--from", f"{URL}/", "--endpoint", address, "--tables", "changes,events"]
    assert cli.main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "changes: 3 days loaded, 0 as before",
        "events: 0 days loaded, 0 as before",
    ]
    for wrong, said in (
        (["shop", "--from", URL], "'shop' is no dataset"),
        (["my-project.shop-1", "--from", URL], "is no dataset"),
        (["my-project.shop", "--from", "s3://bucket/shoal"], "BigQuery cannot read s3://bucket/shoal"),
        (["my-project.shop", "--from", URL, "--tables", "none"], "there is no table 'none'"),
        (["my-project.shop", "--from", URL, "--wait", "never"], "--wait"),
    ):
        assert cli.main(["bigquery", *wrong]) == cli.EXIT_USER_ERROR
        assert said in capsys.readouterr().err
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(fake.folder / "none.json"))
    assert cli.main(["bigquery", "my-project.shop", "--from", URL]) == cli.EXIT_USER_ERROR
    assert "there are no credentials for BigQuery" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "google.auth", None)
    assert cli.main(["bigquery", "my-project.shop", "--from", URL]) == cli.EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert "needs google-auth" in error
    assert "pip install" in error


def test_the_views_for_bigquery_get_what_the_other_views_get(fake: FakeBigQuery, address: str) -> None:
    """In DuckDB, after a translation by sqlglot: BigQuery itself is not asked."""
    write_history(fake.folder)
    for name in ("events", "changes"):
        loader(fake.folder, BigQueryJobs("my-project", endpoint=address), table=name).run()
    folder = SHIPPED / "warehouse"
    theirs = (folder / "views-bigquery.sql").read_text("utf-8").replace("DATASET.", "")
    translated = sqlglot.transpile(theirs, read="bigquery", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    views = [line.split()[4] for line in (folder / "views.sql").read_text("utf-8").splitlines() if "VIEW" in line]
    assert len(translated) == len(views) == 7
    with duckdb.connect() as loaded, duckdb.connect() as files:
        for name in ("events", "changes"):
            loaded.register(f"{name}_rows", fake.table(name))
            loaded.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_rows")
        for statement in translated:
            loaded.execute(statement)
        for name in ("tables-duckdb.sql", "views.sql"):
            files.execute((folder / name).read_text("utf-8").replace("WAREHOUSE", str(fake.folder)))
        for view in views:
            found, wanted = (one.execute(f"SELECT * FROM {view} ORDER BY ALL") for one in (loaded, files))
            assert [each[0] for each in found.description] == [each[0] for each in wanted.description]
            rows = found.fetchall()
            assert rows, view
            assert json.dumps(rows, default=str) == json.dumps(wanted.fetchall(), default=str), view
