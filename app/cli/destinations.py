"""`shoal destinations`: changes to other people's services."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from app.cli.process import Pairs, prepare_process, settings_of
from app.console.output import counted, make_console, say, say_lines
from app.console.running import quiet_clients
from app.destinations.destination import Destination
from app.destinations.folder import load_destinations
from app.errors import UserError
from app.settings import Settings

EXIT_OK: Final = 0
EXIT_SOME_LEFT: Final = 1


def destinations(
    action: Literal["run", "check", "status", "replay", "confirm"],
    folder: Path | None = None,
    /,
    *,
    only: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    segments: Path | None = None,
    broker: str | None = None,
    partitions: int | None = None,
    app_id: str | None = None,
    web_port: int | None = None,
    set_: Pairs = None,
) -> int:
    """Send changes to other services over HTTP (`run`), show the requests (`check`) or the progress (`status`), send
    dead letters again (`replay`), or let changes go that are held back (`confirm`).

    Each destination is a file; docs/destinations.md explains it, and `shoal files destinations` has examples.
    `check` needs no broker and sends nothing. `status` shows the last answer of each paused destination, and exits
    with 1 if there is one, or if one holds changes back. `replay` sends each dead letter once more, and exits with 1
    if any is left. `confirm` needs names (`--only`).

    Example: `shoal destinations check destinations --segments segments`

    Parameters
    ----------
    action
        run, check, status, replay or confirm.
    folder
        The folder with the destinations (SHOAL_DESTINATIONS, destinations).
    only
        Names of the destinations to use. Default: all.
    segments
        Folder of the definitions. `check` then shows destinations that need a segment or a value which does not exist.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    partitions
        Partitions of every topic (SHOAL_PARTITIONS, 24).
    app_id
        Name of the deployment (SHOAL_APP_ID, shoal).
    web_port
        Port of /metrics, /live and /ready (SHOAL_WEB_PORT, 0: none).
    set_
        Other settings, as name=value: `--set private_destinations=on`.
    """
    settings = settings_of(
        set_,
        destinations=folder,
        kafka_bootstrap_servers=broker,
        partitions=partitions,
        app_id=app_id,
        web_port=web_port,
    )
    wanted = chosen(settings, only, environ=os.environ)
    if action == "check":
        _check(wanted)
        return EXIT_OK if segments is None else _check_against(wanted, segments, settings)
    if action == "status":
        return _status(settings, wanted)
    if action == "replay":
        return _replay(settings, wanted)
    if action == "confirm":
        if not only:
            raise UserError("confirm needs the names of destinations", hint="add --only NAME")
        return _confirm(settings, wanted)
    return _run(settings, wanted)


def chosen(settings: Settings, only: Sequence[str] | None, *, environ: Mapping[str, str]) -> list[Destination]:
    """The destinations that are meant. Raises UserError."""
    found = load_destinations(settings.destinations, environ=environ, private=settings.private_destinations)
    names = {each.name for each in found}
    for name in only or ():
        if name not in names:
            raise UserError(f"there is no destination {name}", hint=f"there are {', '.join(sorted(names))}")
    return [each for each in found if not only or each.name in only]


def _run(settings: Settings, wanted: Sequence[Destination]) -> int:
    prepare_process(settings)
    from agents.destinations import create_app

    return create_app(settings, wanted).run_worker()


def _check(wanted: Sequence[Destination]) -> None:
    from app.destinations.sample import sample
    from app.destinations.unusable import UnusableError

    console = make_console()
    for each in wanted:
        try:
            shown = sample(each)
        except UnusableError as error:
            raise UserError(f"{each.path}: nothing can be sent: {error.detail}") from None
        say_lines(console, shown)
        say(console)
    count = len(wanted)
    say(console, "1 destination is right" if count == 1 else f"{count} destinations are right")


def _check_against(wanted: Sequence[Destination], folder: Path, settings: Settings) -> int:
    from app.catalogs.definitions_folder import load_segments
    from app.destinations.against_catalog import mismatches

    console = make_console()
    catalog = load_segments(folder, settings.time_rules)
    found = [f"{each.path}: {text}" for each in wanted for text in mismatches(each, catalog)]
    for text in found:
        say(console, text)
    if not found:
        say(console, f"and {folder} has what they expect")
    return EXIT_SOME_LEFT if found else EXIT_OK


def _status(settings: Settings, wanted: Sequence[Destination]) -> int:
    from app.destinations.member_counts import read_latest_census, why_nobody_is_added
    from app.destinations.status import read_status

    quiet_clients()
    console = make_console()
    found = asyncio.run(read_status(settings, wanted))
    with_minimum = {each.name: each for each in wanted if each.minimum_members}
    census = asyncio.run(read_latest_census(settings)) if with_minimum else None
    for each in found:
        if each.behind is None:
            say(console, f"{each.name}: has not run yet")
        elif each.pause is None:
            say(console, f"{each.name}: not paused, {counted(each.behind, 'change')} behind")
        else:
            pause = each.pause
            say(console, f"{each.name}: paused since {pause.since} after {counted(pause.refusals, 'refusal')} in a row")
            say(console, f"  it said last: {_printable(pause.detail or pause.status)}")
            say(
                console,
                f"  {counted(each.behind, 'change')} behind, kept until one is taken; tried every minute",
            )
        if each.hold is not None:
            held = counted(each.hold.users, "user")
            say(console, f"  holds back changes of {held} since {each.hold.since}: {_printable(each.hold.detail)}")
            say(console, f"  if that is meant: shoal destinations confirm {settings.destinations} --only {each.name}")
        if each.name in with_minimum and (text := why_nobody_is_added(with_minimum[each.name], census)):
            say(console, f"  {text}")
    return EXIT_SOME_LEFT if any(each.pause or each.hold for each in found) else EXIT_OK


def _confirm(settings: Settings, wanted: Sequence[Destination]) -> int:
    from app.destinations.confirmation import confirm

    quiet_clients()
    asyncio.run(confirm(settings, wanted))
    for each in wanted:
        say(make_console(), f"{each.name}: confirmed, what it holds back goes on within seconds")
    return EXIT_OK


def _printable(text: str) -> str:
    """Text of a service, with what a terminal would obey shown instead."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _replay(settings: Settings, wanted: Sequence[Destination]) -> int:
    from app.destinations.dead_letter_replay import replay

    quiet_clients()
    console = make_console()
    result = asyncio.run(replay(settings, wanted))
    for name, counts in sorted(result.items()):
        say(console, f"{name}: {counts.delivered} delivered, {counts.left} left")
    if not result:
        say(console, "no dead letters")
    return EXIT_SOME_LEFT if any(counts.left for counts in result.values()) else EXIT_OK
