"""Publishing by a command or in the console: its beginning and its end are in the audit log, with who, from and why."""

from collections.abc import Mapping

from app.catalogs.publishing import Outcome, publish_catalog
from app.catalogs.terms import Terms
from app.runtime.audit import audited
from app.segments.definitions.definition import Catalog
from app.settings import Settings


async def publish_audited(
    settings: Settings,
    catalog: Catalog,
    files: Mapping[str, str],
    *,
    published_ms: int,
    terms: Terms,
    actor: str | None = None,
) -> Outcome:
    """As `publish_catalog`, with audit records. `actor`: as of `audited`."""
    details = audit_details(terms, catalog)
    async with audited(settings, "definitions.publish", details=details, actor=actor) as deed:
        outcome = await publish_catalog(settings, catalog, files, published_ms=published_ms, write=True, terms=terms)
        deed.details.update(outcome_details(outcome))
    return outcome


def audit_details(terms: Terms, catalog: Catalog) -> dict[str, str]:
    """Details of the audit record of a publication that begins."""
    details = {"version": catalog.version, "by": terms.by, "source": terms.source, "message": terms.message}
    details["approved_by"] = terms.approved_by
    if terms.restores:
        details["restores"] = str(terms.restores)
    return {name: text for name, text in details.items() if text}


def outcome_details(outcome: Outcome) -> dict[str, str]:
    """Details of the record of its end: numbers of definitions, and the publication's own number."""
    changes = outcome.changes
    counts = {
        "added": changes.added,
        "changed": changes.changed,
        "rewritten": changes.rewritten,
        "removed": changes.removed,
    }
    details = {name: str(len(names)) for name, names in counts.items()}
    details["version"] = outcome.catalog.version
    if outcome.step is not None:
        details["publication"] = str(outcome.step.publication.number)
    return details
