"""The work of `shoal users export`: reads every topic with records of users through, and writes those of one person."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from rich.console import Console

from app.console.output import counted, make_console, say, show_bytes
from app.console.running import reporting
from app.errors import UserError
from app.offline.person_document import PersonDocument
from app.runtime.audit import audited
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.log_reader import OffsetLostError
from app.settings import Settings
from app.verification.private_file import private_file

COPY_BYTES: Final = 1 << 20


def export_user(settings: Settings, asked: str, path: Path | None) -> int:
    """Exports a person to a file or to standard output, and records in the audit log that somebody has."""
    if path is not None and not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent}", hint="make it first, or write the file elsewhere")
    export = UserExport(settings, asked, path)
    asyncio.run(_audited(settings, export, asked))
    told = f"{counted(export.records, 'record')} of {counted(export.keys, 'key')}, {show_bytes(export.file_bytes)}"
    say(make_console(stderr=path is None), told if path is None else f"{path}: {told}")
    return 0


async def _audited(settings: Settings, export: "UserExport", asked: str) -> None:
    async with audited(settings, "users.export", user=asked) as deed:
        await export.run(make_console(stderr=True))
        deed.details["records"] = str(export.records)


class UserExport:
    """One export. The numbers are there after `run`."""

    def __init__(self, settings: Settings, asked: str, path: Path | None) -> None:
        self._settings = settings
        self._asked = asked
        self._path = path
        self._document: PersonDocument | None = None
        self.records = 0
        self.keys = 0
        self.file_bytes = 0

    async def run(self, console: Console) -> None:
        """Writes the file: as a whole or not at all. UserError if nothing is there, or something cannot be read."""
        await reporting(self._run(), console, self._doing)

    def _doing(self) -> str:
        return "waiting for the broker" if self._document is None else self._document.doing

    async def _run(self) -> None:
        client = await wait_for_broker(self._settings)
        try:
            with _output(self._path) as file:
                await self._write(client, file)
                self.file_bytes = file.tell()
        except (KafkaError, OffsetLostError) as error:
            raise UserError("a topic cannot be read", detail=f"{type(error).__name__}: {error}") from None
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UserError(
                f"cannot write {self._path or 'standard output'}: {error.strerror or error}",
                hint="the export needs as much room as the records of the person",
            ) from None
        finally:
            await client.close()

    async def _write(self, client: AIOKafkaClient, file: Any) -> None:
        document = self._document = PersonDocument(client, self._settings, self._asked)
        async for part in document.parts():
            file.write(part)
        self.records, self.keys = document.records, document.keys


@contextmanager
def _output(path: Path | None) -> Iterator[Any]:
    """The file to write to. For standard output it is one without a name, which is copied when it is complete."""
    if path is not None:
        with private_file(path) as file:
            yield file
        return
    with TemporaryFile() as file:
        yield file
        file.seek(0)
        while part := file.read(COPY_BYTES):
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
