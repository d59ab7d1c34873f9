"""`shoal verify`: the changes on Kafka against those that the input and the journal demand."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from app.console.options import read_duration_ms, show_instant
from app.console.output import make_console
from app.console.running import quiet_clients
from app.errors import UserError
from app.main import load_program
from app.runtime.process.gc_control import without_collector
from app.settings import load_settings
from app.simulation.recording import check_files
from app.verification.comparison import KINDS
from app.verification.job import Verification, show_clock
from app.verification.snapshot_file import Snapshot

EXIT_EQUAL: Final = 0
EXIT_DIFFERENT: Final = 1


def verify(
    *,
    file: Annotated[list[Path] | None, Parameter(consume_multiple=True, negative=())] = None,
    since: Path | None = None,
    segments: Annotated[list[Path] | None, Parameter(consume_multiple=True, negative=())] = None,
    partitions: int | None = None,
    broker: str | None = None,
    timeout: str = "2m",
) -> int:
    """Compare the changes on Kafka with a recomputation from the same events; the exit code is 1 if they differ.

    Waits until the workers have read all events. Then computes all changes again, partition by partition, from the
    input and the journal, and compares every field of every change with the changes topic, in order per user.
    Repeated ids are dropped and counted. Counts and numbers of censuses are compared, too.

    Example: `shoal verify --segments segments`

    Parameters
    ----------
    file
        The files that were played into an empty topic with `shoal simulate --file`. Default: read the input topic
        itself, as far as the workers have processed it.
    since
        A snapshot (`shoal snapshot`): compare only what was written after it. The input before it is not needed.
    segments
        Folder of the definitions that the workers run (SHOAL_SEGMENTS, the shipped ones). If they ran other
        definitions before, give all folders.
    partitions
        Number of partitions that the topics must have.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    timeout
        Give up when the workers have made no progress for this long.
    """
    quiet_clients()
    timeout_ms = read_duration_ms(timeout, option="--timeout")
    settings = load_settings(kafka_bootstrap_servers=broker, partitions=partitions)
    programs = {
        program.version: program
        for program in (load_program(folder, settings.time_rules) for folder in segments or [settings.segments])
    }
    if file and since is not None:
        raise UserError("--since has no meaning with --file", hint="a file is verified from its beginning")
    if file:
        check_files(file)
    snapshot = None if since is None else Snapshot(since)
    job = Verification(settings, programs, tuple(file or ()), timeout_s=timeout_ms / 1000, since=snapshot)
    with without_collector():
        asyncio.run(job.run(make_console(stderr=True), exactly=partitions is not None))
    _print_result(job, make_console())
    return EXIT_EQUAL if job.result.equal else EXIT_DIFFERENT


def _print_result(job: Verification, console: Console) -> None:
    result = job.result
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    rows: list[tuple[str, str]] = [
        ("partitions", f"{job.partitions:,}"),
        *(() if job.since is None else (("since", show_instant(job.since.head.taken_ms)),)),
        ("records", f"{job.records:,}"),
        ("  dead letters", f"{job.dead:,}"),
        ("  late", f"{job.late:,}"),
        ("journal: clock moves", f"{job.moves:,}"),
        ("journal: new catalogs", f"{job.catalogs:,}"),
        ("clock", show_clock(job.end_ms)),
        ("users", f"{job.users:,}"),
        ("changes expected", f"{result.expected:,}"),
        ("changes found", f"{result.found:,}"),
        ("  repeated, dropped", f"{result.repeated:,}"),
        *((("counts of censuses", f"{job.counted:,}"),) if job.counted else ()),
        *((kind, f"{result.counts[kind]:,}") for kind in KINDS),
    ]
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)
    if result.equal:
        console.print("[bold green]equal[/]: every change of every user, in order")
        return
    console.print(
        f"[bold red]different[/]: {sum(result.counts.values()):,} differences, the first {len(result.shown)}:"
    )
    for each in result.shown:
        console.print(f"{each.place} {each.kind}: {each.said}", markup=False, highlight=False, soft_wrap=True)
