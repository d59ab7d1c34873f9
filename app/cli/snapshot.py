"""`shoal snapshot`: profiles and position of every partition, as a file."""

import asyncio
from pathlib import Path

from app.cli.process import Pairs, settings_of
from app.console.options import read_duration_ms
from app.console.output import counted, make_console, say, show_bytes
from app.console.running import quiet_clients
from app.errors import UserError
from app.runtime.audit import audited
from app.settings import Settings
from app.verification.snapshot import SnapshotJob


def snapshot(
    file: Path,
    /,
    *,
    broker: str | None = None,
    timeout: str = "2m",
    set_: Pairs = None,
) -> int:
    """Write the profiles and the position of each partition, as of a committed place, to a file.

    `shoal verify --since FILE` later verifies everything that was written after that place, when retention has deleted
    what was before. Workers may run meanwhile. The file replaces one that is there, as a whole or not at all. It holds
    personal data, and only its owner may read it: delete it when you no longer need it.

    Example: `shoal snapshot monday.snapshot`

    Parameters
    ----------
    file
        The file to write.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    timeout
        Give up when a transaction stays open for this long.
    set_
        Other settings, as name=value: `--set topic_prefix=shop.`.
    """
    quiet_clients()
    timeout_ms = read_duration_ms(timeout, option="--timeout")
    settings = settings_of(set_, kafka_bootstrap_servers=broker)
    if not file.parent.is_dir():
        raise UserError(f"there is no folder {file.parent}", hint="make it first, or write the file elsewhere")
    job = SnapshotJob(settings, file, timeout_s=timeout_ms / 1000)
    asyncio.run(_take(settings, job))
    say(
        make_console(),
        f"{file}: {counted(job.users, 'profile')} of {counted(job.partitions, 'partition')}, "
        f"{show_bytes(job.file_bytes)}",
    )
    return 0


async def _take(settings: Settings, job: SnapshotJob) -> None:
    """Takes the snapshot, and records it in the audit log: it exports all profiles."""
    async with audited(settings, "snapshot.write") as deed:
        await job.run(make_console(stderr=True))
        deed.details["profiles"] = str(job.users)
