"""`shoal warehouse`: topics into Parquet files."""

import asyncio

from app.cli.process import Pairs, prepare_process, settings_of
from app.settings import Settings


def warehouse(
    *,
    to: str | None = None,
    once: bool = False,
    tables: str | None = None,
    broker: str | None = None,
    app_id: str | None = None,
    web_port: int | None = None,
    set_: Pairs = None,
) -> int:
    """Write events, changes, results of identity and dead letters as Parquet files, in a folder for each day, until
    Ctrl-C or SIGTERM.

    Each record of a topic is one row, exactly once, also after a crash. docs/bi.md describes the tables, and how to
    read them with DuckDB and BI tools. The credentials of a bucket come from the variables of its cloud
    (AWS_ACCESS_KEY_ID ...). For more throughput, start several.

    Example: `shoal warehouse --to s3://bucket/shoal`

    Parameters
    ----------
    to
        A folder, or s3://bucket/path, gs://bucket/path, az://container/path (SHOAL_WAREHOUSE).
    once
        Write what is there now, then end: for cron.
    tables
        Some of events, changes, identity, dead_letters, undelivered, separated by commas (SHOAL_WAREHOUSE_TABLES).
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    app_id
        Name of the deployment (SHOAL_APP_ID, shoal).
    web_port
        Port of /metrics, /live and /ready (SHOAL_WEB_PORT, 0: none).
    set_
        Other settings, as name=value: `--set warehouse_every=5m`.
    """
    settings = settings_of(
        set_,
        warehouse=to,
        warehouse_tables=tables,
        kafka_bootstrap_servers=broker,
        app_id=app_id,
        web_port=web_port,
    )
    if once:
        return _once(settings)
    prepare_process(settings)
    from agents.warehouse import create_app

    return create_app(settings).run_worker()


def _once(settings: Settings) -> int:
    from app.console.output import counted, make_console, say
    from app.console.running import quiet_clients
    from app.warehouse.once import export_once
    from app.warehouse.store import open_store
    from app.warehouse.tables import wanted_tables

    quiet_clients()
    tables = wanted_tables(settings)
    console = make_console()
    written = asyncio.run(export_once(settings, tables, open_store(settings.warehouse)))
    for name, amounts in written.items():
        say(console, f"{name}: {counted(amounts.rows, 'new row')} in {counted(amounts.files, 'file')}")
    return 0
