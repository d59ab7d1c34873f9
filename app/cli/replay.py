"""`shoal replay`: the dead letters of the clickstream, once more."""

import asyncio
from typing import Annotated, Final

from cyclopts import Parameter
from rich.table import Table

from app.cli.process import Pairs, settings_of
from app.console.output import make_console, say
from app.console.running import quiet_clients

EXIT_OK: Final = 0
EXIT_SOME_LEFT: Final = 1


def replay(
    *,
    only: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    broker: str | None = None,
    partitions: int | None = None,
    app_id: str | None = None,
    set_: Pairs = None,
) -> int:
    """Process the dead letters of the clickstream again, and write those that can be used now to the clickstream.

    Use it after the cause is corrected: a record key that was not the user, a source with the wrong shape, a bug in
    a worker. Each dead letter that no replay has processed is tried once. If any still cannot be used, it stays a
    dead letter and the exit code is 1.

    Example: `shoal replay --dry-run`

    Parameters
    ----------
    only
        Try only dead letters with these reasons (docs/operations.md), also if a replay has processed them before.
        Default: all new ones.
    dry_run
        Write nothing; only show what could be used.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    partitions
        Partitions of every topic (SHOAL_PARTITIONS, 24).
    app_id
        Name of the deployment (SHOAL_APP_ID, shoal).
    set_
        Other settings, as name=value: `--set sources=web=ga4` sets the shape of a source topic.
    """
    settings = settings_of(set_, kafka_bootstrap_servers=broker, partitions=partitions, app_id=app_id)
    from app.intake.clickstream_replay import replay as replay_letters

    quiet_clients()
    result = asyncio.run(replay_letters(settings, reasons=only or (), write=not dry_run))
    console = make_console()
    if not result.taken and not result.left:
        say(console, "no new dead letters" if not only else "no such dead letters")
        return EXIT_OK
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("reason", no_wrap=True)
    table.add_column("could be used" if dry_run else "brought in", justify="right")
    table.add_column("left", justify="right")
    for reason in sorted({*result.taken, *result.left}):
        table.add_row(reason, f"{result.taken[reason]:,}", f"{result.left[reason]:,}")
    console.print(table)
    return EXIT_SOME_LEFT if result.left else EXIT_OK
