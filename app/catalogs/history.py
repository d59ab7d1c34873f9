"""Questions to the history of publications: which there were, what one held, what differs between two."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.catalogs.audited_publishing import publish_audited
from app.catalogs.publisher import CatalogPublisher, PublishedState
from app.catalogs.publishing import Outcome, checked_catalog, publish_catalog
from app.catalogs.terms import Terms
from app.errors import UserError
from app.runtime.records.catalog_history import CatalogHistory, Step, files_of
from app.runtime.records.published_catalog import Difference, difference_of
from app.segments.definitions.problem import CatalogError
from app.settings import Settings


class UnknownPublicationError(UserError):
    """The history has no such publication, or no texts of it."""


@dataclass(frozen=True, slots=True)
class PastCatalog:
    """One publication with all its texts: name -> path and text."""

    step: Step
    texts: Mapping[str, tuple[str, str]]


async def read_state(settings: Settings) -> PublishedState:
    """Both topics as they are now. Raises UserError."""
    async with CatalogPublisher(settings, writes=False) as looking:
        return await looking.read()


def past_catalog(history: CatalogHistory, reference: str) -> PastCatalog:
    """A publication by number or version. UnknownPublicationError."""
    step = history.find(reference)
    if step is None:
        raise UnknownPublicationError(
            f"the history has no publication {reference}",
            hint="give its number, or the version of its catalog: shoal catalog history lists both",
        )
    texts = history.texts_at(step)
    if texts.keys() != step.publication.definitions.keys():
        raise UnknownPublicationError(
            f"the history does not have all texts of publication {reference}",
            hint="records of the history were deleted: shoal topics check says which setting of the topic does that",
        )
    return PastCatalog(step, texts)


def difference_between(before: PastCatalog, after: PastCatalog) -> Difference:
    """Difference of two publications, by meaning and by text."""
    rewritten = [name for name, (_, text) in after.texts.items() if before.texts.get(name, ("", ""))[1] != text]
    return difference_of(before.step.publication.definitions, after.step.publication.definitions, rewritten)


async def roll_back(
    settings: Settings,
    reference: str,
    *,
    terms: Terms,
    published_ms: int,
    write: bool,
    audit: bool = True,
    actor: str | None = None,
) -> Outcome:
    """Publishes the texts of an earlier publication again, as a new one; each definition keeps its source of then.

    `actor`: as of `audited`. The texts are checked like any others. Raises UnknownPublicationError,
    PublishConflictError, UserError.
    """
    past = past_catalog((await read_state(settings)).history, reference)
    files = files_of(past.texts)
    try:
        catalog = checked_catalog(settings, files)
    except CatalogError as error:
        raise UserError(
            f"publication {reference} cannot be used any more",
            detail=str(error),
            hint="this version of the program or its settings refuse it: publish a corrected folder",
        ) from error
    publication = past.step.publication
    again = Terms(
        by=terms.by,
        message=terms.message,
        source=terms.source,
        if_version=terms.if_version,
        restores=publication.number,
        approved_by=terms.approved_by,
        sources=publication.sources,
    )
    if write and audit:
        return await publish_audited(settings, catalog, files, published_ms=published_ms, terms=again, actor=actor)
    return await publish_catalog(settings, catalog, files, published_ms=published_ms, write=write, terms=again)
