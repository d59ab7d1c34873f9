"""`shoal catalog`: what is published, what was, and publishing an earlier state again."""

import asyncio
import time
from typing import Annotated, Final, Literal

import msgspec
from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from app.catalogs.history import difference_between, past_catalog, read_state, roll_back
from app.catalogs.publishing import published_catalog
from app.catalogs.terms import Terms
from app.console.definitions import kind_of
from app.console.options import show_instant
from app.console.output import make_console, say, say_lines
from app.console.publications import (
    show_definition,
    show_difference,
    show_history,
    show_members,
    show_outcome,
    show_past,
)
from app.console.running import quiet_clients
from app.errors import UserError
from app.events.visible_text import visible_json, visible_line
from app.population.members_now import members_now
from app.runtime.audit import account
from app.runtime.records.published_catalog import definitions_of
from app.segments.definitions.catalog_settings import SETTINGS_FILES, settings_text
from app.segments.definitions.definition import Segment
from app.settings import Settings, load_settings

Action = Literal["list", "history", "show", "diff", "rollback"]
NAMES: Final[dict[Action, tuple[int, int, str]]] = {
    "list": (0, 0, "shoal catalog"),
    "history": (0, 1, "shoal catalog history, or shoal catalog history NAME"),
    "show": (0, 1, "shoal catalog show NAME --version 12"),
    "diff": (2, 2, "shoal catalog diff 11 12"),
    "rollback": (1, 1, 'shoal catalog rollback 11 --message "Too many mails"'),
}
"""Least and most names that an action takes, and an example."""


def catalog(
    action: Action = "list",
    /,
    *names: str,
    version: str | None = None,
    by: str | None = None,
    message: str = "",
    if_version: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
    broker: str | None = None,
) -> int:
    """Show what is published and who published it, compare publications, and publish an earlier one again.

    A publication is named by its number, or by the version of its catalog. `rollback` publishes all texts of an earlier
    publication as a new one, whatever their source; they are checked like any others. It first shows what changes, and
    how many users are in the segments now (with REDIS_URL). The exit code is 1 if somebody else publishes meanwhile.

    Example: `shoal catalog history hot-leads`

    Parameters
    ----------
    action
        list: every definition with its version. history: all publications, or those that touched NAME. show: the
        definitions of a publication, or the text of NAME. diff: the difference of two publications. rollback: publish
        an earlier one again.
    names
        history, show: a definition. diff: two publications. rollback: one publication.
    version
        show: the publication. Default: the latest.
    by
        rollback: who publishes (SHOAL_AUDIT_ACTOR, or the name of the account).
    message
        rollback: why.
    if_version
        rollback: only if this is the latest publication.
    dry_run
        rollback: show what would change, and write nothing.
    json
        history: print JSON, one line a publication.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    """
    quiet_clients()
    least, most, example = NAMES[action]
    if not least <= len(names) <= most:
        raise UserError(f"{action} takes {least if least == most else f'{least} or {most}'} names", hint=example)
    settings = load_settings(kafka_bootstrap_servers=broker)
    if action == "list":
        _list(settings)
    elif action == "history":
        _history(settings, next(iter(names), None), as_json=json)
    elif action == "show":
        _show(settings, next(iter(names), None), version)
    elif action == "diff":
        _diff(settings, *names)
    else:
        terms = Terms(
            by=by or settings.audit_actor or account() or "", message=message, source="cli", if_version=if_version
        )
        _roll_back(settings, names[0], terms, dry_run=dry_run)
    return 0


def _nothing(settings: Settings) -> UserError:
    return UserError(
        f"nothing is published in {settings.topics.catalog} at {settings.kafka_bootstrap_servers}",
        hint="publish a folder of definitions: shoal publish DIR",
    )


def _list(settings: Settings) -> None:
    found = asyncio.run(published_catalog(settings))
    if found is None:
        raise _nothing(settings)
    console, publication = make_console(), found.publication
    by = f" by {publication.by}" if publication.by else ""
    number = f", publication {publication.number}" if publication.number else ""
    say(console, f"catalog {found.catalog.version}{number}, published {show_instant(publication.published_ms)}{by}")
    if publication.message:
        say(console, f"  {publication.message}")
    table = Table(box=None, header_style="bold")
    for title in ("name", "kind", "status", "version", "source", "title", "file"):
        table.add_column(title, overflow="fold")
    sources = publication.sources
    for name, definition in sorted(definitions_of(found.catalog).items()):
        kind, status = kind_of(definition), definition.status if isinstance(definition, Segment) else "live"
        row = (name, kind, status, publication.definitions[name], sources.get(name, ""))
        table.add_row(*map(Text, (*row, definition.title, definition.path)))
    common = found.catalog.settings
    for name in SETTINGS_FILES:
        if (own := publication.definitions.get(name)) is not None:
            row = (name, "settings", "live", own, sources.get(name, ""))
            table.add_row(*map(Text, (*row, settings_text(common, name), common.paths[name])))
    console.print(table)


def _history(settings: Settings, name: str | None, *, as_json: bool) -> None:
    history = asyncio.run(read_state(settings)).history
    steps = history.steps if name is None else history.about(name)
    if as_json:
        lines = [visible_json(msgspec.json.encode(step).decode()) for step in steps]
        say_lines(make_console(), "\n".join(lines))
        return
    if not steps and name is not None:
        raise UserError(f"no publication was about {visible_line(name)}", hint="shoal catalog history lists all")
    if not steps:
        raise _nothing(settings)
    show_history(make_console(), steps)


def _show(settings: Settings, name: str | None, version: str | None) -> None:
    history = asyncio.run(read_state(settings)).history
    if history.latest is None:
        raise _nothing(settings)
    past = past_catalog(history, version or str(history.latest.publication.number))
    if name is None:
        show_past(make_console(), past)
        return
    if name not in past.texts:
        number = past.step.publication.number
        raise UserError(
            f"publication {number} has no {visible_line(name)}", hint=f"shoal catalog show --version {number}"
        )
    show_definition(make_console(), past, name)


def _diff(settings: Settings, before: str, after: str) -> None:
    history = asyncio.run(read_state(settings)).history
    old, new = past_catalog(history, before), past_catalog(history, after)
    show_difference(make_console(), old, new, difference_between(old, new))


def _roll_back(settings: Settings, reference: str, terms: Terms, *, dry_run: bool) -> None:
    console, published_ms = make_console(), int(time.time() * 1000)
    planned = asyncio.run(roll_back(settings, reference, terms=terms, published_ms=published_ms, write=False))
    if touched := (*planned.changes.changed, *planned.changes.removed):
        show_members(console, asyncio.run(members_now(settings, touched)))
    if dry_run or planned.changes.nothing:
        show_outcome(console, planned, dry_run=dry_run)
        return
    done = asyncio.run(roll_back(settings, reference, terms=terms, published_ms=published_ms, write=True))
    show_outcome(console, done, dry_run=False)
