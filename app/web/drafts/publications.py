"""Publications for people: what is published, what was, what differs, and publishing."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from aiokafka.errors import KafkaError

from app.catalogs.conflicts import OvertakenError, PublishConflictError, SourceConflictError, told_steps
from app.catalogs.edits import SOURCE, Edit, Trial, publish_edit, publish_removal
from app.catalogs.history import PastCatalog, UnknownPublicationError, past_catalog, read_state, roll_back
from app.catalogs.publisher import PublishedState
from app.catalogs.publishing import Outcome
from app.catalogs.renaming import RenameRefusedError, publish_rename
from app.catalogs.terms import NOTHING_PUBLISHED, Terms
from app.errors import UserError
from app.events.instants import iso
from app.runtime.records.catalog_history import Step
from app.segments.definitions.problem import CatalogError
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.drafts.draft_reader import DiffLine, difference_lines
from app.web.texts import say

PAGE: Final = 50
READ_TIMEOUT_S: Final = 10.0
RETRY_AFTER_S: Final = 3
SETTINGS: Final = ".yaml"
"""The end of the names of settings files, which no segment may have."""
SHOWN_MAX: Final = 50
"""Definitions of which a difference has the lines; the others have their names."""


class PublicationRow(msgspec.Struct, kw_only=True, frozen=True):
    """One publication. The names are those of definitions and settings files. `restores`: the earlier publication that
    it is again; 0: none. `approved_by`: empty where nobody had to."""

    number: int
    version: str
    at: str
    by: str
    source: str
    message: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    rewritten: tuple[str, ...]
    removed: tuple[str, ...]
    restores: int
    approved_by: str


class PublicationRows(msgspec.Struct, kw_only=True, frozen=True):
    """Publications, the newest first. `before`: to be asked for those before them; null: there are none."""

    publications: list[PublicationRow]
    before: int | None


class DefinitionDifference(msgspec.Struct, kw_only=True, frozen=True):
    """One definition of two publications. `lines`: null where the texts are too long, or too many differ."""

    name: str
    change: str
    lines: list[DiffLine] | None


class PublicationDifference(msgspec.Struct, kw_only=True, frozen=True):
    """The definitions that differ between two publications."""

    before: int
    after: int
    definitions: list[DefinitionDifference]


class DefinitionText(msgspec.Struct, kw_only=True, frozen=True):
    """The text of a definition as it is published now. `publication`: the latest one, to be sent back when the text is
    published; `none`: nothing is published; null: definitions come from a folder. `source`: where this one is from."""

    name: str
    path: str
    text: str
    publication: str | None
    source: str
    last: PublicationRow | None


class Done(msgspec.Struct, kw_only=True, frozen=True):
    """A publication that was written, or would be. `number`: null where nothing was written."""

    number: int | None
    version: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    rewritten: tuple[str, ...]
    removed: tuple[str, ...]


class Publications:
    """Reads and writes what is published. Problem 409 where definitions come from a folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def are_there(self) -> bool:
        """False where definitions come from a folder."""
        return self._settings.catalog == "topic"

    async def state(self) -> PublishedState:
        """Both topics as they are now. Problem 409 or 503."""
        if not self.are_there:
            raise Problem(409, "folder", say("refused_folder"))
        async with _told():
            try:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    return await read_state(self._settings)
            except TimeoutError:
                raise Problem(503, "kafka", say("refused_kafka_slow"), retry_after_s=RETRY_AFTER_S) from None

    async def rows(self, name: str | None, *, before: int | None) -> PublicationRows:
        """Some publications, the newest first."""
        history = (await self.state()).history
        steps = history.steps if name is None else history.about(name)
        older = [step for step in reversed(steps) if before is None or step.publication.number < before]
        shown = older[:PAGE]
        further = shown[-1].publication.number if len(older) > len(shown) else None
        return PublicationRows(publications=[row_of(step) for step in shown], before=further)

    async def difference(self, before: str, after: str, *, name: str | None) -> PublicationDifference:
        """The definitions that differ between two publications. Problem 404."""
        history = (await self.state()).history
        async with _told():
            old, new = past_catalog(history, before), past_catalog(history, after)
        return PublicationDifference(
            before=old.step.publication.number,
            after=new.step.publication.number,
            definitions=_differences(old, new, name),
        )

    async def text(self, name: str) -> DefinitionText:
        """A definition as it is published. Problem 404."""
        state = await self.state()
        present = state.log.publication
        if present is None or name not in present.definitions or name not in state.log.texts:
            raise Problem(404, "no-definition", say("refused_unpublished", name=f"{name!r:.80}"))
        path, text = state.log.texts[name]
        last = state.history.about(name)[-1:]
        return DefinitionText(
            name=name,
            path=path,
            text=text,
            publication=present.reference,
            source=present.sources.get(name, ""),
            last=row_of(last[0]) if last else None,
        )

    async def latest(self) -> str:
        """The latest publication, as a draft of something new is based on it."""
        present = (await self.state()).log.publication
        return NOTHING_PUBLISHED if present is None else present.reference

    async def publish(self, edit: Edit, *, by: str, message: str, trial: Trial) -> Done:
        """Publishes one definition, after its trial. Problem 400, 409 or 503."""
        await self.state()
        check_message(by, message)
        async with _told():
            return _done(await publish_edit(self._settings, edit, by=by, message=message, trial=trial))

    async def remove(self, edit: Edit, *, by: str, message: str, write: bool) -> Done:
        """Publishes all but one definition, or says what would change. Problem 400, 404, 409 or 503."""
        await self.state()
        if edit.name.endswith(SETTINGS):
            raise Problem(400, "name", say("refused_settings"))
        if write:
            check_message(by, message)
        async with _told():
            return _done(await publish_removal(self._settings, edit, by=by, message=message, write=write))

    async def rename(self, edit: Edit, to: str, *, by: str, message: str, write: bool) -> Done:
        """Publishes a definition under another name, or says what would change. Problem 400, 404, 409 or 503."""
        await self.state()
        if edit.name.endswith(SETTINGS):
            raise Problem(400, "name", say("refused_settings"))
        if write:
            check_message(by, message)
        async with _told():
            return _done(await publish_rename(self._settings, edit, to, by=by, message=message, write=write))

    async def roll_back(
        self, to: str, *, by: str, message: str, if_version: str | None, approved_by: str, write: bool
    ) -> Done:
        """Publishes an earlier publication again, or says what would change. Problem 400, 404, 409 or 503."""
        await self.state()
        if write:
            check_message(by, message)
        async with _told():
            outcome = await roll_back(
                self._settings,
                to,
                terms=Terms(by=by, message=message, source=SOURCE, if_version=if_version, approved_by=approved_by),
                published_ms=int(time.time() * 1000),
                write=write,
                actor=by,
            )
        return _done(outcome)


def check_message(by: str, message: str) -> None:
    """Problem 400 for a message that says nothing, or too much."""
    if not message.strip():
        raise Problem(400, "message", say("refused_no_message"))
    try:
        Terms(by=by, message=message, source=SOURCE)
    except UserError as error:
        raise Problem(400, "message", f"{error.message}: {error.hint}") from None


def row_of(step: Step) -> PublicationRow:
    """A step of the history for people."""
    publication = step.publication
    return PublicationRow(
        number=publication.number,
        version=publication.version,
        at=iso(publication.published_ms),
        by=publication.by,
        source=publication.source,
        message=publication.message,
        added=step.added,
        changed=step.changed,
        rewritten=step.rewritten,
        removed=step.removed,
        restores=step.restores,
        approved_by=publication.approved_by,
    )


def _done(outcome: Outcome) -> Done:
    changes = outcome.changes
    return Done(
        number=None if outcome.step is None else outcome.step.publication.number,
        version=outcome.catalog.version,
        added=changes.added,
        changed=changes.changed,
        rewritten=changes.rewritten,
        removed=changes.removed,
    )


def _differences(old: PastCatalog, new: PastCatalog, name: str | None) -> list[DefinitionDifference]:
    names = sorted({*old.texts, *new.texts}) if name is None else [name]
    versions = old.step.publication.definitions, new.step.publication.definitions
    found: list[DefinitionDifference] = []
    for each in names:
        before, after = (side.texts.get(each, ("", ""))[1] for side in (old, new))
        if before == after:
            continue
        change = "rewritten" if versions[0].get(each) == versions[1].get(each) else "changed"
        change = "added" if each not in versions[0] else "removed" if each not in versions[1] else change
        lines = difference_lines(before, after) if len(found) < SHOWN_MAX else None
        found.append(DefinitionDifference(name=each, change=change, lines=lines))
    return found


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """Errors of publishing as problems of a request."""
    try:
        yield
    except UnknownPublicationError as error:
        raise Problem(404, "no-publication", str(error)) from None
    except RenameRefusedError as error:
        raise Problem(409 if error.users else 400, "in-use" if error.users else "name", str(error)) from None
    except SourceConflictError as error:
        owner = error.present.sources.get(error.names[0], "") if error.present is not None else ""
        said = say("refused_other_source", name=error.names[0], source=owner)
        raise Problem(409, error.code, _with_steps(said, error.steps)) from None
    except OvertakenError as error:
        raise Problem(409, error.code, _with_steps(say("refused_overtaken"), error.steps)) from None
    except PublishConflictError as error:
        raise Problem(409, error.code, _with_steps(say("refused_other_version"), error.steps)) from None
    except CatalogError as error:
        raise Problem(400, "definitions", say("refused_together", problems=str(error))) from None
    except (UserError, KafkaError, OSError) as error:
        if isinstance(error.__cause__, CatalogError):
            raise Problem(400, "definitions", str(error)) from None
        raise Problem(503, "kafka", f"{error}".partition("\n")[0], retry_after_s=RETRY_AFTER_S) from None


def _with_steps(said: str, steps: Sequence[Step]) -> str:
    told = told_steps(steps)
    return f"{said}\n{told}" if told else said
