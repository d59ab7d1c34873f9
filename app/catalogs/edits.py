"""Publishing one definition that somebody has edited, beside all others, which stay as they are published."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from app.catalogs.audited_publishing import publish_audited
from app.catalogs.conflicts import source_conflict, version_conflict
from app.catalogs.history import UnknownPublicationError, read_state
from app.catalogs.publisher import PublishedState
from app.catalogs.publishing import Outcome, checked_catalog, publish_catalog
from app.catalogs.terms import MESSAGE_CHARACTERS_MAX, NOTHING_PUBLISHED, Terms
from app.runtime.records.catalog_history import Step, files_of
from app.segments.definitions.definition import Catalog
from app.settings import Settings

SOURCE: Final = "console"
Trial: TypeAlias = Callable[[Catalog], Awaitable[str]]
"""Tries a catalog before it is published. What it returns stands in the history behind the message; it may raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """The new text of a definition. `based_on`: number or version of the publication that its author has seen, or
    NOTHING_PUBLISHED. `is_new`: the author believes that nothing has this name. `take_over`: also if the definition
    belongs to another source. `approved_by`: who has approved it, if it needed that."""

    name: str
    text: str
    based_on: str
    is_new: bool = False
    take_over: bool = False
    approved_by: str = ""


async def publish_edit(settings: Settings, edit: Edit, *, by: str, message: str, trial: Trial | None = None) -> Outcome:
    """Publishes the catalog with one definition replaced or added. `by`: the author, who also stands in the audit log.
    `trial`: tries the catalog first.

    Later publications are no conflict if they did not touch this definition. Raises PublishConflictError, CatalogError
    for definitions that cannot be used together, UserError.
    """
    state = await read_state(settings)
    check_base(edit, state)
    check_source(edit, state)
    present = state.log.publication
    known = {} if present is None else present.definitions
    texts = {name: state.log.texts[name] for name in known if name in state.log.texts}
    path = texts[edit.name][0] if edit.name in texts else f"{edit.name}.yaml"
    files = files_of({**texts, edit.name: (path, edit.text)})
    catalog = await asyncio.to_thread(checked_catalog, settings, files)
    note = "" if trial is None else await trial(catalog)
    sources = {} if present is None else present.sources
    return await publish_audited(
        settings,
        catalog,
        files,
        published_ms=int(time.time() * 1000),
        terms=Terms(
            by=by,
            message=_with_note(message, note),
            source=SOURCE,
            approved_by=edit.approved_by,
            if_version=NOTHING_PUBLISHED if present is None else present.reference,
            sources={**{name: sources.get(name, "") for name in known}, edit.name: SOURCE},
        ),
        actor=by,
    )


async def publish_removal(settings: Settings, edit: Edit, *, by: str, message: str, write: bool) -> Outcome:
    """Publishes the catalog without the definition `edit.name`; with `write` False it only says what would change.

    Raises as `publish_edit` does: CatalogError, too, if another definition uses it.
    """
    state = await read_state(settings)
    present = state.log.publication
    if present is None or edit.name not in present.definitions:
        raise UnknownPublicationError(f"no definition {edit.name!r:.80} is published")
    if write:
        check_base(edit, state)
        check_source(edit, state)
    texts = {name: each for name, each in state.log.texts.items() if name in present.definitions and name != edit.name}
    files = files_of(texts)
    catalog = await asyncio.to_thread(checked_catalog, settings, files)
    terms = Terms(
        by=by,
        message=message,
        source=SOURCE,
        approved_by=edit.approved_by,
        if_version=present.reference,
        sources={name: present.sources.get(name, "") for name in texts},
    )
    now_ms = int(time.time() * 1000)
    if not write:
        return await publish_catalog(settings, catalog, files, published_ms=now_ms, write=False, terms=terms)
    return await publish_audited(settings, catalog, files, published_ms=now_ms, terms=terms, actor=by)


def _with_note(message: str, note: str) -> str:
    """A message with a note behind it, which stays whole."""
    return f"{message[: MESSAGE_CHARACTERS_MAX - len(note) - 2]}\n\n{note}" if note else message


def check_base(edit: Edit, state: PublishedState) -> None:
    """VersionConflictError if a later publication touched the definition."""
    present, history = state.log.publication, state.history
    if present is None:
        if edit.based_on != NOTHING_PUBLISHED:
            raise version_conflict(edit.based_on, None, ())
        return
    if edit.is_new and edit.name in present.definitions:
        raise version_conflict(edit.based_on, present, history.about(edit.name)[-1:])
    if edit.based_on in (present.reference, present.version):
        return
    base = 0
    if edit.based_on != NOTHING_PUBLISHED:
        seen = history.find(edit.based_on)
        if seen is None:
            raise version_conflict(edit.based_on, present, ())
        base = seen.publication.number
    since: list[Step] = [step for step in history.about(edit.name) if step.publication.number > base]
    if since:
        raise version_conflict(edit.based_on, present, since)


def check_source(edit: Edit, state: PublishedState) -> None:
    """SourceConflictError if the definition belongs to another source, and is not to be taken over."""
    present = state.log.publication
    owner = "" if present is None else present.sources.get(edit.name, "")
    if present is not None and owner not in ("", SOURCE) and not edit.take_over:
        raise source_conflict(SOURCE, {edit.name: owner}, state.history.about(edit.name)[-1:], present)
