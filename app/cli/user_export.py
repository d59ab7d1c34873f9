"""The work of `shoal users export`: reads every topic with records of users through, and writes those of one person."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from rich.console import Console

from app.catalogs.catalog_in_use import catalog_in_use
from app.cli.person_records import PersonRecords
from app.console.output import counted, make_console, say, show_bytes
from app.console.running import reporting
from app.errors import UserError
from app.events.instants import iso
from app.offline.person import find_person
from app.offline.person_export import TYPE, PersonsKeys, keys_of, pretty, record_in_words
from app.offline.profile_words import ProfileWords
from app.runtime.audit import audited
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.records.moved_keys import moved_keys
from app.segments.compiler.program import compile_catalog
from app.settings import Settings
from app.verification.private_file import private_file

READ_RECORDS: Final = 20_000
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
        self._read: PersonRecords | None = None
        self.records = 0
        self.keys = 0
        self.file_bytes = 0

    async def run(self, console: Console) -> None:
        """Writes the file: as a whole or not at all. UserError if nothing is there, or something cannot be read."""
        await reporting(self._run(), console, self._doing)

    def _doing(self) -> str:
        return "waiting for the broker" if self._read is None else self._read.doing

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
        read = self._read = PersonRecords(client, self._settings)
        person = await find_person(self._asked, read.profiles)
        user = self._asked if person is None else person.user
        keys = await keys_of(user, await moved_keys(client, self._settings), read.profiles)
        catalog = await catalog_in_use(self._settings)
        words = ProfileWords(catalog, compile_catalog(catalog, self._settings.time_rules))
        head = {
            "type": TYPE,
            "exported_at": iso(int(time.time() * 1000)),
            "asked": self._asked,
            "user": user,
            "keys": list(keys.profiles),
            "left_out": keys.left_out,
            "profiles": [words.of(key, profile) for key, profile in keys.profiles.items()],
        }
        file.write(pretty(head)[:-2] + b',\n  "records": [')
        scanned = [await self._scan(read, topic, keys, file) for topic in await read.topics()]
        file.write(b"\n  ],\n" + pretty({"topics": scanned})[2:] + b"\n")
        self.keys = len(keys.profiles)
        if person is None and not self.records:
            raise UserError(
                f"nothing is remembered of {self._asked}, and no topic has a record of them",
                hint="check the spelling: upper and lower case differ; SHOAL_TOPIC_PREFIX names the deployment",
            )

    async def _scan(self, read: PersonRecords, topic: str, keys: PersonsKeys, file: Any) -> dict[str, Any]:
        """Writes the person's records of a topic."""
        before = self.records
        async for found in read.of(topic, keys.profiles):
            for partition, record, value in found:
                told = pretty(record_in_words(topic, partition, record, value)).replace(b"\n", b"\n    ")
                file.write((b",\n    " if self.records else b"\n    ") + told)
                self.records += 1
        exported = self.records - before
        return {
            "topic": topic,
            "partitions": len(await read.partitions(topic)),
            "read": read.read,
            "exported": exported,
        }


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
