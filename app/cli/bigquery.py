"""`shoal bigquery`: the files of `shoal warehouse` into BigQuery."""

from typing import Annotated

from cyclopts import Parameter

from app.cli.process import Pairs, settings_of
from app.errors import UserError


def bigquery(
    dataset: str,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    tables: str | None = None,
    wait: str = "10m",
    location: str | None = None,
    endpoint: str | None = None,
    set_: Pairs = None,
) -> int:
    """Load the files that `shoal warehouse` has written to a bucket of Google Cloud Storage into BigQuery.

    Each day of a table is one partition. A day whose files have changed is replaced by one load job, in one step; the
    others are left as they are. So each row of the files comes once, however often the command runs.

    Example: `shoal bigquery my-project.shop --from gs://bucket/shoal`

    Parameters
    ----------
    dataset
        The dataset, as PROJECT.DATASET. It has to exist; tables are made.
    from_
        The place of the files, gs://bucket/path (SHOAL_WAREHOUSE).
    tables
        Some of events, changes, identity, dead_letters, undelivered, separated by commas (SHOAL_WAREHOUSE_TABLES).
    wait
        How long to wait for the jobs. The next run goes on with a job that takes longer.
    location
        The location of the dataset, such as europe-west1. Needed unless it is US or EU.
    endpoint
        The address of an emulator, which gets no credentials.
    set_
        Other settings, as name=value.
    """
    from app.console.options import read_duration_ms
    from app.console.output import counted, make_console, say
    from app.warehouse.bigquery import Loaded, Target, load_tables
    from app.warehouse.bigquery_jobs import BigQueryJobs
    from app.warehouse.store import open_store
    from app.warehouse.tables import wanted_tables

    settings = settings_of(set_, warehouse=from_, warehouse_tables=tables)
    project, _, name = dataset.rpartition(".")
    if not project or not name.replace("_", "a").isalnum() or not name.isascii():
        raise UserError(f"{dataset!r} is no dataset", hint="PROJECT.DATASET, such as my-project.shop")
    url = settings.warehouse.rstrip("/")
    if not url.startswith("gs://"):
        raise UserError(
            f"BigQuery cannot read {url or 'no place'}",
            hint="--from or SHOAL_WAREHOUSE: gs://bucket/path, the place of shoal warehouse",
        )
    target = Target(project, name, url, wait_s=read_duration_ms(wait, option="--wait") / 1000)
    console = make_console()

    def tell(table: str, loaded: Loaded) -> None:
        say(console, f"{table}: {counted(loaded.days, 'day')} loaded, {loaded.as_before} as before")

    chosen = wanted_tables(settings)
    jobs = BigQueryJobs(project, location=location, endpoint=endpoint)
    load_tables(open_store(url), chosen, target, jobs, tell=tell)
    return 0
