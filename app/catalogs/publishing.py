"""Publishing definitions, and reading what is published."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from app.catalogs.conflicts import overtaken, source_conflict, version_conflict
from app.catalogs.publisher import CatalogPublisher, FencedPublisherError, PublishedState
from app.catalogs.terms import NOTHING_PUBLISHED, Terms
from app.runtime.catalog_follower import CatalogFollower
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import catalog_topic, ensure_topics
from app.runtime.records.catalog_history import Step, files_of, history_rows
from app.runtime.records.published_catalog import (
    Difference,
    Publication,
    Published,
    difference_of,
    rows_of,
    texts_of,
    versions_of,
)
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition import Catalog
from app.segments.review.catalog_limits import check_catalog
from app.settings import Settings

NO_TERMS: Final = Terms()
OTHERS_TOLD_S: Final = 5.0
LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a publication. `step`: what the history has of it; None if there was nothing to publish, or for a dry
    run. `before`: what was published until then."""

    changes: Difference
    catalog: Catalog
    before: Publication | None
    step: Step | None


@asynccontextmanager
async def catalog_follower(settings: Settings) -> AsyncIterator[CatalogFollower]:
    """A reader of the catalog topic, which is made if it is missing. Raises UserError."""
    client = await wait_for_broker(settings)
    try:
        await ensure_topics(settings, client, [catalog_topic(settings)])
        committed_only = await has_transactions(client)
        follower = CatalogFollower(client, settings, committed_only=committed_only)
        yield follower
        await follower.stop()
    finally:
        await client.close()


async def published_catalog(settings: Settings) -> Published | None:
    """Returns the catalog that is published now, or None. Raises UserError."""
    async with catalog_follower(settings) as follower:
        return await follower.present()


async def publish_catalog(
    settings: Settings,
    catalog: Catalog,
    files: Mapping[str, str],
    *,
    published_ms: int,
    write: bool,
    terms: Terms = NO_TERMS,
) -> Outcome:
    """Makes a checked catalog the published one, unless nothing would change; what changes (or would, without `write`).

    Raises PublishConflictError where something else is published than the terms allow, or another publisher was
    faster; CatalogError where the definitions cannot be used with those of other sources; and UserError.
    """
    async with CatalogPublisher(settings, writes=write) as publisher:
        state = await publisher.read()
        before = state.log.publication
        _check_version(terms, state)
        own = frozenset(versions_of(catalog))
        if terms.keep_others:
            catalog, files = await asyncio.to_thread(_with_others, settings, catalog, files, terms, state)
        texts = texts_of(catalog, files)
        versions = versions_of(catalog)
        rewritten = [name for name, (_, text) in texts.items() if state.log.texts.get(name, ("", ""))[1] != text]
        changes = difference_of({} if before is None else before.definitions, versions, rewritten)
        _check_sources(terms, changes, state)
        is_published = before is not None and before.version == catalog.version and changes.nothing
        if not write or is_published:
            return Outcome(changes, catalog, before, None)
        rows = _adopt(state)
        last = state.history.latest
        publication = Publication(
            version=catalog.version,
            published_ms=published_ms,
            definitions=versions,
            number=1 if last is None else last.publication.number + 1,
            by=terms.by,
            message=terms.message,
            source=terms.source,
            approved_by=terms.approved_by,
            sources=_sources(terms, changes, before, {name: name in own for name in versions}),
        )
        step = _step(publication, changes, terms, state.history.missing_texts(texts))
        try:
            await publisher.write(
                rows_of(publication, texts, removed=sorted(state.log.texts.keys() - versions.keys())),
                [*rows, *history_rows(step, texts)],
            )
        except FencedPublisherError:
            raise await _overtaken(settings, state) from None
        return Outcome(changes, catalog, before, step)


def checked_catalog(settings: Settings, files: Mapping[str, str]) -> Catalog:
    """The catalog that files make, within the limits of a worker with these settings. Raises CatalogError."""
    catalog = load_catalog(files)
    check_catalog(catalog, settings.time_rules)
    return catalog


def _adopt(state: PublishedState) -> list[Row]:
    """The records of what is published, if the history does not have it: it has it then.

    An earlier version of the program has published it, or a publisher died on a broker without transactions.
    """
    present, history = state.log.publication, state.history
    last = None if history.latest is None else history.latest.publication
    if present is None or (last is not None and (last.number, last.version) == (present.number, present.version)):
        return []
    changes = difference_of({} if last is None else last.definitions, present.definitions)
    texts = {name: state.log.texts[name] for name in present.definitions if name in state.log.texts}
    step = Step(
        publication=replace(present, number=max(present.number, 1 if last is None else last.number + 1)),
        added=changes.added,
        changed=changes.changed,
        removed=changes.removed,
        texts=history.missing_texts(texts),
    )
    history.add(step, texts)
    return history_rows(step, texts)


def _step(publication: Publication, changes: Difference, terms: Terms, texts: tuple[str, ...]) -> Step:
    return Step(
        publication=publication,
        added=changes.added,
        changed=changes.changed,
        rewritten=changes.rewritten,
        removed=changes.removed,
        restores=terms.restores,
        texts=texts,
    )


def _check_version(terms: Terms, state: PublishedState) -> None:
    wanted, present = terms.if_version, state.log.publication
    if wanted is None:
        return
    if present is None:
        if wanted != NOTHING_PUBLISHED:
            raise version_conflict(wanted, None, ())
        return
    if wanted not in (str(present.number or ""), present.version):
        known = state.history.find(wanted)
        since = [
            step
            for step in state.history.steps
            if known is not None and step.publication.number > known.publication.number
        ]
        raise version_conflict(wanted, present, since)


def _with_others(
    settings: Settings, catalog: Catalog, files: Mapping[str, str], terms: Terms, state: PublishedState
) -> tuple[Catalog, Mapping[str, str]]:
    """The catalog and the files, with those that other sources have published and this one does not have."""
    present = state.log.publication
    names = versions_of(catalog)
    others = {
        name: state.log.texts[name]
        for name in (() if present is None else present.definitions)
        if name not in names and _is_foreign(terms, present, name) and name in state.log.texts
    }
    if not others:
        return catalog, files
    together = files_of(others, beside=files)
    return checked_catalog(settings, together), together


def _is_foreign(terms: Terms, present: Publication | None, name: str) -> bool:
    owner = "" if present is None else present.sources.get(name, "")
    return owner not in ("", terms.source)


def _check_sources(terms: Terms, changes: Difference, state: PublishedState) -> None:
    present = state.log.publication
    if present is None or terms.take_over or terms.sources is not None:
        return
    touched = (*changes.changed, *changes.rewritten, *changes.removed)
    owners = {name: present.sources[name] for name in touched if _is_foreign(terms, present, name)}
    if owners:
        last = {step.publication.number: step for name in owners for step in state.history.about(name)[-1:]}
        raise source_conflict(terms.source, owners, [last[number] for number in sorted(last)], present)


def _sources(terms: Terms, changes: Difference, before: Publication | None, own: Mapping[str, bool]) -> dict[str, str]:
    """The source of each definition: the own one, but for what another source has published and stays as it is.

    `own`: the names, each with whether the publisher gave it.
    """
    if terms.sources is not None:
        return {name: terms.sources.get(name, terms.source) for name in own}
    stays = {name for name in changes.same if not (terms.take_over and own[name])}
    known = {} if before is None else before.sources
    return {name: (known.get(name, "") if name in stays else "") or terms.source for name in own}


async def _overtaken(settings: Settings, seen: PublishedState) -> Exception:
    """The error of a fenced publisher. It waits a little for the other one, to say who it is."""
    known = 0 if seen.history.latest is None else seen.history.latest.publication.number
    deadline_s = time.monotonic() + OTHERS_TOLD_S
    async with CatalogPublisher(settings, writes=False) as looking:
        while True:
            state = await looking.read()
            since = [step for step in state.history.steps if step.publication.number > known]
            if since or time.monotonic() > deadline_s:
                return overtaken(state.log.publication, since)
            await asyncio.sleep(LOOK_S)
