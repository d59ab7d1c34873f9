"""`shoal lists`: static lists of users."""

import asyncio
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from app.cli.process import Pairs, settings_of
from app.console.output import counted, make_console, say, say_lines
from app.console.running import quiet_clients, reporting
from app.errors import UserError
from app.events.list_record import is_list_name
from app.events.visible_text import visible
from app.lists.list_file import Skipped, ids_of_csv, ids_of_lines, text_lines
from app.settings import Settings

EXIT_OK: Final = 0
EXIT_SOME_SKIPPED: Final = 1
LINES_AT_ONCE: Final = 1_000


def lists(
    action: Literal["import", "replace", "add", "remove", "show", "drop"],
    name: str,
    /,
    *values: str,
    column: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    broker: str | None = None,
    set_: Pairs = None,
) -> int:
    """Put users on a static list, or take them off it: conditions ask for it with list('NAME').

    A list needs no definition and is not created: it is there as soon as a user is on it. Who never came is remembered
    as well, and enters segments with their first event. Each change goes through the clickstream, at the place of its
    user, so it counts exactly once and in order. If rows of a file name nobody, they are shown, the others are
    imported, and the exit code is 1.

    Example: `shoal lists import vip customers.csv --column customer_id`

    Parameters
    ----------
    action
        import: put the users of a file on the list. replace: the same, and take off who is not in the file; who stays
        is not touched. add, remove: put users on it, or take them off. show: print who is on it. drop: take everybody
        off it.
    name
        Name of the list: small letters, digits and hyphens.
    values
        import, replace: the file, CSV with a header if its name ends with .csv, else one id a line; - reads standard
        input. add, remove: the users.
    column
        import, replace: the column of a CSV that holds the ids. Default: userId, user_id, anonymousId or id.
    dry_run
        Write nothing; only show how many users it would be about.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    set_
        Other settings, as name=value: `--set topic_prefix=shop.`.
    """
    if not is_list_name(name):
        hint = "small letters, digits and hyphens, at most 64, no hyphen at the ends: vip, early-birds"
        raise UserError(f"{visible(name)!r:.80} is no name of a list", hint=hint)
    quiet_clients()
    settings = settings_of(set_, kafka_bootstrap_servers=broker)
    if action in ("show", "drop"):
        if values:
            raise UserError(f"{action} takes no {visible(values[0])!r:.80}", hint=f"write: shoal lists {action} {name}")
        return _show(settings, name) if action == "show" else _drop(settings, name, dry_run=dry_run)
    skipped = Skipped()
    if action in ("import", "replace"):
        users = _imported(action, values, column, settings, skipped)
    else:
        users = _given(values, settings, skipped)
    if action == "replace":
        _replace(settings, name, users, dry_run=dry_run)
    else:
        _write(settings, name, users, on=action != "remove", dry_run=dry_run)
    for example in skipped.examples:
        print(f"skipped: {example}", file=sys.stderr)
    if skipped.reasons:
        print(f"skipped {counted(skipped.reasons.total(), 'row')}, which name nobody", file=sys.stderr)
    return EXIT_SOME_SKIPPED if skipped.reasons else EXIT_OK


def _imported(
    action: str, values: tuple[str, ...], column: str | None, settings: Settings, skipped: Skipped
) -> list[str]:
    if len(values) != 1:
        raise UserError(f"{action} needs one file", hint=f"write: shoal lists {action} vip customers.csv")
    try:
        data = sys.stdin.buffer.read() if values[0] == "-" else Path(values[0]).read_bytes()
    except OSError as error:
        hint = "give a file of ids that you may read, or - for standard input"
        raise UserError(f"{visible(values[0])} cannot be read: {error.strerror}", hint=hint) from None
    if values[0].lower().endswith(".csv") or column is not None:
        found = ids_of_csv(text_lines(data), column, settings.incoming_ids, skipped)
    else:
        found = ids_of_lines(text_lines(data), settings.incoming_ids, skipped)
    return list(dict.fromkeys(found))


def _given(values: tuple[str, ...], settings: Settings, skipped: Skipped) -> list[str]:
    if not values:
        raise UserError("no user is given", hint="write: shoal lists add vip u-1 u-2")
    return list(dict.fromkeys(ids_of_lines(values, settings.incoming_ids, skipped)))


def _write(settings: Settings, name: str, users: Iterable[str], *, on: bool, dry_run: bool) -> None:
    from app.lists.list_writer import write_list
    from app.runtime.audit import audited

    console, wanted = make_console(), list(users)
    deed = "put on" if on else "taken off"
    users_wanted = counted(len(wanted), "user")
    if dry_run:
        say(console, f"{users_wanted} would be {deed} {name}")
        return
    done = 0

    def progress(written: int) -> None:
        nonlocal done
        done = written

    async def work() -> None:
        details = {"list": name, "users": str(len(wanted)), "on": "yes" if on else "no"}
        async with audited(settings, "lists.write", details=details):
            await write_list(settings, name, wanted, on=on, progress=progress)

    asyncio.run(reporting(work(), console, lambda: f"{done:,} of {users_wanted} {deed} {name}"))
    say(console, f"{users_wanted} {deed} {name}")


def _members(settings: Settings, name: str) -> list[str]:
    from app.lists.list_members import list_members

    read = 0
    found: set[str] = set()

    def progress(seen: int) -> None:
        nonlocal read
        read = seen

    async def work() -> None:
        found.update(await list_members(settings, name, progress=progress))

    asyncio.run(reporting(work(), make_console(stderr=True), lambda: f"{read:,} profiles read"))
    return sorted(found)


def _replace(settings: Settings, name: str, users: list[str], *, dry_run: bool) -> None:
    """First who is new comes on the list, then who is not in the file goes: who stays never leaves a segment."""
    if not users:
        hint = f"to take everybody off the list: shoal lists drop {name}"
        raise UserError("the file names nobody, so the list would be empty", hint=hint)
    members, wanted = set(_members(settings, name)), set(users)
    _write(settings, name, [user for user in users if user not in members], on=True, dry_run=dry_run)
    _write(settings, name, sorted(members - wanted), on=False, dry_run=dry_run)


def _show(settings: Settings, name: str) -> int:
    shown, console = list(map(visible, _members(settings, name))), make_console()
    with suppress(BrokenPipeError):
        for start in range(0, len(shown), LINES_AT_ONCE):  # a list may have a million
            say_lines(console, "\n".join(shown[start : start + LINES_AT_ONCE]))
    return EXIT_OK


def _drop(settings: Settings, name: str, *, dry_run: bool) -> int:
    _write(settings, name, _members(settings, name), on=False, dry_run=dry_run)
    return EXIT_OK
