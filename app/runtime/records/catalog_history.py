"""The history of publications as data: a record each of what was published, and the texts that each brought.

The topic has one partition and is never compacted. A publication writes each text that the topic does not have yet (key
the definition's name, headers the file's path and the publication's number), and then one record under VERSION_KEY that
names them. Where a publisher died half-way on a broker without transactions, no such record names its texts, and they
count for nothing.
"""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from app.runtime.kafka.record_batch import Row
from app.runtime.records.published_catalog import PATH_HEADER, VERSION_KEY, Publication, Texts

NUMBER_HEADER: Final = "publication"
VERSION_CHARACTERS: Final = 12


class Step(msgspec.Struct, kw_only=True, frozen=True):
    """Difference that a publication made to the one before: names of definitions and settings files, in order.

    rewritten: the text is another one, and it means the same. restores: number of an earlier publication that was
    published again; 0: none. texts: names whose text stands before this record.
    """

    publication: Publication
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    restores: int = 0
    texts: tuple[str, ...] = ()

    @property
    def touched(self) -> tuple[str, ...]:
        """All names that it was about."""
        return (*self.added, *self.changed, *self.rewritten, *self.removed)


_decode_step = msgspec.json.Decoder(Step).decode


def history_rows(step: Step, texts: Texts) -> list[Row]:
    """The records of a publication, in their order: the texts that `step` names, then itself."""
    number = str(step.publication.number).encode()
    rows: list[Row] = [
        (name.encode(), texts[name][1].encode(), [(PATH_HEADER, texts[name][0].encode()), (NUMBER_HEADER, number)])
        for name in step.texts
    ]
    rows.append((VERSION_KEY, msgspec.json.encode(step), []))
    return rows


class CatalogHistory:
    """All publications, as far as the topic has been read: `steps`, the oldest first."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._waiting: dict[tuple[str, str], tuple[str, str]] = {}
        self._texts: dict[str, list[tuple[int, str, str]]] = {}

    def take(self, record: Any) -> None:
        """One record, in order of the topic: `key`, `value`, `headers`. What is none of these is passed over."""
        if record.key is None or record.value is None:
            return
        if record.key != VERSION_KEY:
            headers = dict(record.headers)
            name, number = record.key.decode(errors="replace"), headers.get(NUMBER_HEADER, b"").decode(errors="replace")
            path = headers.get(PATH_HEADER, record.key + b".yaml").decode(errors="replace")
            self._waiting[number, name] = path, record.value.decode(errors="replace")
            return
        try:
            step = _decode_step(record.value)
        except msgspec.MsgspecError:
            return
        number = str(step.publication.number)
        self.add(step, {name: self._waiting[number, name] for name in step.texts if (number, name) in self._waiting})
        self._waiting.clear()

    def add(self, step: Step, texts: Texts) -> None:
        """One publication more, with the texts that it names."""
        for name in step.texts:
            if name in texts:
                self._texts.setdefault(name, []).append((step.publication.number, *texts[name]))
        self.steps.append(step)

    @property
    def latest(self) -> Step | None:
        """The last publication."""
        return self.steps[-1] if self.steps else None

    def find(self, reference: str) -> Step | None:
        """A publication by its number, or the last one with this version of the catalog; None for an unknown one.

        A version has twelve characters, which also tells one that consists of digits only from a number.
        """
        wanted = reference.strip().removeprefix("#")
        for step in reversed(self.steps):
            is_version = len(wanted) == VERSION_CHARACTERS
            if wanted == (step.publication.version if is_version else str(step.publication.number)):
                return step
        return None

    def texts_at(self, step: Step) -> dict[str, tuple[str, str]]:
        """Path and text of every definition of a publication; those that the topic does not have are left out."""
        found = {}
        for name in step.publication.definitions:
            past = self._texts.get(name, [])
            place = bisect_right(past, step.publication.number, key=lambda each: each[0])
            if place:
                found[name] = past[place - 1][1:]
        return found

    def missing_texts(self, texts: Texts) -> tuple[str, ...]:
        """Names whose text is not the newest that the topic has of them."""
        return tuple(name for name, (_, text) in texts.items() if self._newest(name) != text)

    def about(self, name: str) -> list[Step]:
        """The publications that touched a definition, the oldest first."""
        return [step for step in self.steps if name in step.touched]

    def _newest(self, name: str) -> str | None:
        past = self._texts.get(name)
        return past[-1][2] if past else None


def files_of(texts: Texts, *, beside: Mapping[str, str] = {}) -> dict[str, str]:
    """Files by path, with those `beside`; a path that is taken already gets the definition's name before it."""
    files = dict(beside)
    for name, (path, text) in texts.items():
        files[path if path not in files else f"{name}/{path}"] = text
    return files
