"""Publications for people: what one changes, all that were, one with its texts, and the difference of two."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.catalogs.history import PastCatalog
from app.catalogs.publishing import Outcome
from app.console.options import show_instant
from app.console.output import counted, say, say_lines
from app.runtime.records.catalog_history import Step
from app.runtime.records.published_catalog import Difference, Publication
from app.segments.definitions.catalog_settings import SETTINGS_FILES, settings_text
from app.segments.definitions.definition import Catalog
from app.segments.language.names import model_of

STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


def show_outcome(console: Console, outcome: Outcome, *, dry_run: bool) -> None:
    """Prints what a publication has changed, or would change."""
    changes, catalog, step = outcome.changes, outcome.catalog, outcome.step
    for sign, style, names in (
        ("+", "green", changes.added),
        ("~", "yellow", changes.changed),
        ("=", "", changes.rewritten),
        ("-", "red", changes.removed),
    ):
        for name in names:
            say(console, f"{sign} {name}{_note(catalog, name, rewritten=sign == '=')}", style=style)
    told = f"{counted(len(changes.same), 'definition')} as before"
    if step is not None:
        number = step.publication.number
        say(console, f"published catalog {catalog.version} as publication {number}; {told}")
    elif changes.nothing:
        say(console, f"nothing to publish: catalog {catalog.version} is published, {told}")
    elif dry_run:
        say(console, f"would publish catalog {catalog.version}; {told}")


def _note(catalog: Catalog, name: str, *, rewritten: bool) -> str:
    if rewritten:
        return " (other words, same meaning)"
    if name in SETTINGS_FILES:
        return f" ({settings_text(catalog.settings, name)})"
    for segment in catalog.segments:
        if segment.name == name and segment.status != "live":
            return f" ({segment.status})"
    if model_of(name) is not None:
        return ""
    return " (score)" if any(score.name == name for score in catalog.scores) else ""


def show_history(console: Console, steps: Sequence[Step]) -> None:
    """Prints publications, the newest first, each with its differences."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("number", "catalog", "published", "by", "source", "difference", "message"):
        table.add_column(title, overflow="fold")
    for step in reversed(steps):
        publication = step.publication
        signed = _signed(step)
        if step.restores:
            signed = f"as {step.restores}: {signed}"
        row = (str(publication.number), publication.version, show_instant(publication.published_ms), _who(publication))
        table.add_row(*map(Text, (*row, publication.source, signed, publication.message)))
    console.print(table)


def _who(publication: Publication) -> str:
    approved = f" (approved by {publication.approved_by})" if publication.approved_by else ""
    return publication.by + approved


def _signed(difference: "Step | Difference") -> str:
    signs = (
        ("+", difference.added),
        ("~", difference.changed),
        ("=", difference.rewritten),
        ("-", difference.removed),
    )
    return " ".join(f"{sign}{name}" for sign, names in signs for name in names)


def show_past(console: Console, past: PastCatalog) -> None:
    """Prints a publication: who, when, why, and its definitions with their versions and sources."""
    publication = past.step.publication
    by = f" by {who}" if (who := _who(publication)) else ""
    at = show_instant(publication.published_ms)
    say(console, f"publication {publication.number}, catalog {publication.version}, published {at}{by}")
    if publication.message:
        say(console, f"  {publication.message}")
    table = Table(box=None, header_style="bold")
    for title in ("name", "version", "source", "file"):
        table.add_column(title, overflow="fold")
    for name, (path, _) in sorted(past.texts.items()):
        table.add_row(*map(Text, (name, publication.definitions[name], publication.sources.get(name, ""), path)))
    console.print(table)


def show_definition(console: Console, past: PastCatalog, name: str) -> None:
    """Prints the text of a definition as it was published, and nothing else: it can be written to a file."""
    say_lines(console, past.texts[name][1].removesuffix("\n"))


def show_difference(console: Console, old: PastCatalog, new: PastCatalog, changes: Difference) -> None:
    """Prints the difference of two publications, definition by definition."""
    if changes.nothing:
        say(console, f"no difference, {counted(len(changes.same), 'definition')}")
    for name in sorted((*changes.added, *changes.changed, *changes.rewritten, *changes.removed)):
        before, after = old.texts.get(name), new.texts.get(name)
        lines = difflib.unified_diff(
            [] if before is None else before[1].splitlines(),
            [] if after is None else after[1].splitlines(),
            f"{name} in {old.step.publication.number}" if before else "nothing",
            f"{name} in {new.step.publication.number}" if after else "nothing",
            lineterm="",
        )
        for line in lines:
            say(console, line, style=STYLES.get(line[:1], ""))


def show_members(console: Console, members: Mapping[str, int] | None) -> None:
    """Prints how many users are in segments that a publication changes or removes; None: nobody knows."""
    if members is None:
        say(console, "nobody knows how many users that is about: it needs REDIS_URL, and shoal memberships run")
        return
    for name, users in members.items():
        say(console, f"{name}: {counted(users, 'user')} in it now")
