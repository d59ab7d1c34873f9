"""Static lists in the console: which ones definitions ask for, and putting the users of a file on one."""

import asyncio
import io
import re
from typing import Final

import msgspec

from app.errors import UserError
from app.events.list_record import is_list_name
from app.lists.list_file import Skipped, ids_of_csv, ids_of_lines
from app.lists.list_writer import write_list
from app.runtime.audit import audited
from app.segments.definitions.definition import Catalog, Definition
from app.segments.definitions.dependencies import expressions
from app.segments.language import syntax as s
from app.segments.language.walk import walk
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.kafka_problems import kafka_told
from app.web.texts import say

TIMEOUT_S: Final = 60.0


class StaticList(msgspec.Struct, frozen=True):
    """A list that definitions ask for, and these definitions."""

    name: str
    used_by: list[str]


class StaticLists(msgspec.Struct, frozen=True):
    """All lists that definitions ask for. A list that none asks for has no name that could be found."""

    lists: list[StaticList]


class ListChange(msgspec.Struct, kw_only=True, frozen=True):
    """A file of users for a list. `on`: to be put on it; else to be taken off it. `csv`: with a header; else one id a
    line. `column`: of the ids, empty: one with a usual name. `dry_run`: nothing is written."""

    name: str
    text: str
    on: bool = True
    csv: bool = False
    column: str = ""
    dry_run: bool = False


class ListChanged(msgspec.Struct, kw_only=True, frozen=True):
    """Result of a change. `users`: different ones, written or to be written. `skipped`: rows that name nobody, and
    `examples` of them."""

    name: str
    on: bool
    users: int
    written: bool
    skipped: int
    examples: list[str]


def lists_of(catalog: Catalog) -> list[StaticList]:
    """The lists that definitions ask for, by name."""
    found: dict[str, list[str]] = {}
    definitions: list[Definition] = [*catalog.definitions]
    for each in definitions:
        named = {node.name for one in expressions(each) for node in walk(one) if isinstance(node, s.StaticList)}
        for name in named:
            found.setdefault(name, []).append(each.name)
    return [StaticList(name, sorted(found[name])) for name in sorted(found)]


async def change_list(settings: Settings, change: ListChange, *, by: str) -> ListChanged:
    """Writes a record for each user of a file; the audit log has the number. Problem 400 or 503."""
    check_list_name(change.name)
    users, skipped = await asyncio.to_thread(_users_of, settings, change)
    if not change.dry_run and users:
        await write_users(settings, change.name, users, on=change.on, by=by)
    return ListChanged(
        name=change.name,
        on=change.on,
        users=len(users),
        written=not change.dry_run and bool(users),
        skipped=skipped.reasons.total(),
        examples=skipped.examples,
    )


async def write_users(settings: Settings, name: str, users: list[str], *, on: bool, by: str) -> None:
    """Puts users on a list, or takes them off it, as `shoal lists` does. Problem 503."""
    details = {"list": name, "users": str(len(users)), "on": "yes" if on else "no"}
    async with kafka_told(), asyncio.timeout(TIMEOUT_S), audited(settings, "lists.write", details=details, actor=by):
        await write_list(settings, name, users, on=on, progress=lambda _: None)


def check_list_name(name: str) -> None:
    """Problem 400 for what is no name of a list."""
    if not is_list_name(name):
        raise Problem(400, "list", say("refused_list_name", name=f"{name!r:.80}"))


def _users_of(settings: Settings, change: ListChange) -> tuple[list[str], Skipped]:
    skipped, lines = Skipped(), io.StringIO(change.text.removeprefix("\ufeff"), newline="")
    try:
        if change.csv:
            found = ids_of_csv(lines, change.column or None, settings.incoming_ids, skipped)
        else:
            found = ids_of_lines(lines, settings.incoming_ids, skipped)
        return list(dict.fromkeys(found)), skipped
    except UserError as error:
        hint = re.sub(r"name (one|it) with --column", r"choose \1", error.hint or "")
        raise Problem(400, "file", f"{error.message}: {hint}" if hint else error.message) from None
