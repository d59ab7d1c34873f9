"""The catalog as data: what `shoal publish` writes to the catalog topic, and how a reader knows that it has it whole.

The topic has one partition and is compacted. Each definition is a record: key its name, value its text (YAML, of a
model JSON), header `path` its file; so are the settings, under the key `catalog.yaml`. A publication ends with one
record more, under VERSION_KEY, that names every definition with the version it must have; only when all of these have
been read is the catalog whole, and only then does it take effect. Definitions that are gone get a tombstone after that.
So a reader never sees half a publication, also if the publisher dies half-way or the broker has no transactions: what
it then holds does not match, and the catalog before stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from app.runtime.kafka.record_batch import Row
from app.segments.definitions.catalog import definition_version, load_catalog
from app.segments.definitions.catalog_settings import settings_versions
from app.segments.definitions.definition import Catalog, Definition
from app.segments.definitions.problem import CatalogError
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.catalog_limits import check_catalog

VERSION_KEY = b"\x00version"
PATH_HEADER = "path"


Texts: TypeAlias = Mapping[str, tuple[str, str]]
"""Definitions and settings by name: the path of the file, and its text."""


class Publication(msgspec.Struct, frozen=True):
    """Content of the closing record: the catalog's version, its instant, and each definition's version.

    Among `definitions` the settings have the names of SETTINGS_FILES. number: counts publications from 1; 0: before
    they were counted. source: where it came from, such as git or console; sources: the same of each definition.
    approved_by: who approved it in the console. Texts are empty where nobody has said them, as in publications of
    earlier versions of the program, which in turn pass over these fields.
    """

    version: str
    published_ms: int
    definitions: dict[str, str]
    number: int = 0
    by: str = ""
    message: str = ""
    source: str = ""
    sources: dict[str, str] = {}
    approved_by: str = ""

    @property
    def reference(self) -> str:
        """The shortest name that commands and requests take for it: its number, else the catalog's version."""
        return str(self.number) if self.number else self.version


@dataclass(frozen=True, slots=True)
class Published:
    """A catalog as it was published: the texts of its files by path, and what they make together."""

    publication: Publication
    files: Mapping[str, str]
    catalog: Catalog


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference that a publication makes: names of definitions and settings files, in order.

    rewritten: the text is another one (a title, a comment), and it means the same.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    same: tuple[str, ...]
    rewritten: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """True if both catalogs mean the same, in the same words."""
        return not (self.added or self.changed or self.removed or self.rewritten)


def definitions_of(catalog: Catalog) -> dict[str, Definition]:
    """All definitions by name, drafts and retired ones too; a model has the name `model <name>`."""
    return {definition.name: definition for definition in catalog.definitions}


def versions_of(catalog: Catalog) -> dict[str, str]:
    """The version of each definition by its name, and of the settings by their file if they say anything."""
    versions = {name: definition_version(each) for name, each in definitions_of(catalog).items()}
    return versions | settings_versions(catalog.settings)


def difference(old: Catalog | None, new: Catalog) -> Difference:
    """Returns what is added, changed and removed: definitions and settings."""
    return difference_of({} if old is None else versions_of(old), versions_of(new))


def difference_of(before: Mapping[str, str], after: Mapping[str, str], rewritten: Iterable[str] = ()) -> Difference:
    """The same of versions by name. `rewritten`: names whose text differs, whatever it means."""
    kept = sorted(name for name in after if before.get(name) == after[name])
    other = set(rewritten)
    return Difference(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(name for name in after if name in before and before[name] != after[name])),
        removed=tuple(sorted(before.keys() - after.keys())),
        same=tuple(name for name in kept if name not in other),
        rewritten=tuple(name for name in kept if name in other),
    )


def texts_of(catalog: Catalog, files: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Path and text of each definition, and of the settings that say anything."""
    paths = {name: definition.path for name, definition in definitions_of(catalog).items()}
    paths |= {name: catalog.settings.paths[name] for name in settings_versions(catalog.settings)}
    return {name: (path, files[path]) for name, path in sorted(paths.items())}


def rows_of(publication: Publication, texts: Texts, *, removed: Iterable[str]) -> list[Row]:
    """The records of a publication, in their order."""
    rows: list[Row] = [
        (name.encode(), text.encode(), [(PATH_HEADER, path.encode())]) for name, (path, text) in texts.items()
    ]
    rows.append((VERSION_KEY, msgspec.json.encode(publication), []))
    rows += [(name.encode(), None, []) for name in removed]
    return rows


_decode_publication = msgspec.json.Decoder(Publication).decode


class CatalogLog:
    """Follows the records of the catalog topic; `whole()` is the latest catalog that can be used.

    `rules`: those of the worker that shall use it; None for one who only looks.
    """

    def __init__(self, rules: TimeRules | None = None) -> None:
        self._rules = rules
        self._texts: dict[str, tuple[str, str]] = {}
        self._publication: Publication | None = None
        self._whole: Published | None = None
        self._looked = True

    def take(self, record: Any) -> None:
        """One record, in order of the topic: `key`, `value`, `headers`."""
        self._looked = False
        if record.key == VERSION_KEY:
            self._publication = None if record.value is None else _decode_publication(record.value)
            return
        name = record.key.decode()
        if record.value is None:
            self._texts.pop(name, None)
            return
        path = dict(record.headers).get(PATH_HEADER, name.encode() + b".yaml")
        self._texts[name] = (path.decode(), record.value.decode())

    @property
    def publication(self) -> Publication | None:
        """The last closing record, whether or not its definitions can be used."""
        return self._publication

    @property
    def texts(self) -> Texts:
        """The definitions in the topic, whether or not they can be used."""
        return self._texts

    def whole(self) -> Published | None:
        """The latest publication all of whose definitions are here; else the one before, None if there was none.

        Raises CatalogError, once, for a publication that this version of the program cannot read, or that goes beyond
        what the rules allow.
        """
        publication = self._publication
        if self._looked or publication is None:
            return self._whole
        self._looked = True
        if publication.definitions.keys() <= self._texts.keys():
            files = {self._texts[name][0]: self._texts[name][1] for name in publication.definitions}
            try:
                catalog = load_catalog(files)
                if catalog.version == publication.version:
                    if self._rules is not None:
                        check_catalog(catalog, self._rules)
                    self._whole = Published(publication, files, catalog)
            except Exception as error:
                self._looked = isinstance(error, CatalogError)  # an error about something else may be temporary
                raise
        return self._whole
