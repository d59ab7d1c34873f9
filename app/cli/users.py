"""`shoal users`: the keys of a person: shown, split, merged, erased, suppressed, exported, named."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from cyclopts import Parameter

from app.cli.erasure_status import erasure_status
from app.cli.key_control import KeyControl
from app.cli.process import Pairs, settings_of
from app.cli.user_export import export_user
from app.console.erasure import show_erasure_status
from app.console.output import make_console, say, say_lines
from app.console.person import show_erasure, show_person, show_split
from app.console.running import quiet_clients
from app.errors import UserError
from app.events.visible_text import visible_json
from app.offline.key_erasure import KeyErasure
from app.offline.key_split import Split
from app.offline.person import Person, find_person
from app.offline.person_keys import Erasure
from app.runtime.audit import audited
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.kafka.log_writer import is_fenced
from app.runtime.records.envelope import decode_profile
from app.runtime.records.newest_profiles import newest_values
from app.settings import Settings
from tables import profile as profiles
from tables.profile import Profile

_DryRun = Annotated[
    bool, Parameter(negative=(), help="With split and erase: write nothing; only show what would change.")
]
_Force = Annotated[
    bool, Parameter(negative=(), help="With merge: move the id, whatever it is. Two people may become one.")
]
_Json = Annotated[bool, Parameter(negative=(), help="With show: print JSON.")]
_Status = Annotated[
    bool, Parameter(negative=(), help="With erase: erase nothing; tell what is left of a person who was erased.")
]
_Suppress = Annotated[bool, Parameter(negative=(), help="With erase: drop all later events of the user, too.")]
_Output = Annotated[Path | None, Parameter(help="With export: the file to write; standard output without it.")]


def users(
    action: Literal["show", "split", "merge", "erase", "unsuppress", "export", "pseudonym"],
    key: str,
    other: str | None = None,
    /,
    *,
    dry_run: _DryRun = False,
    force: _Force = False,
    json: _Json = False,
    segments: Path | None = None,
    output: _Output = None,
    status: _Status = False,
    suppress: _Suppress = False,
    broker: str | None = None,
    set_: Pairs = None,
) -> int:
    """Show the keys of a person, split two of them, merge two, erase a person, or export all of them.

    `show KEY` shows the ids that a user has claimed, since when, why, and the state of each claim; for an id that has
    moved, where to. It reads the profiles as of the last commit of the workers: the whole partition of each key, about
    a second for half a million users.

    `split USER ID` undoes a wrong merge: computes both again from all events, as if USER had never had ID, and keeps
    them apart. It reads the whole partition of USER, and needs all events of USER to be there.

    `merge ID USER --force` moves ID to USER, also if ID is a user; `split USER ID` undoes it.

    `erase USER` erases a person with all their keys: no older event brings them back. Events stay in their topics;
    `erase USER --status` tells what is still where, and until when at the latest. With `--suppress`, later events of
    the user are dropped, too, until `unsuppress USER`.

    `export KEY --output FILE` writes all that is known of a person as JSON, with every record about them. Only the
    owner of the file may read it.

    `pseudonym KEY` prints the pseudonym of an id (SHOAL_PSEUDONYM_KEYS), and asks nobody. All actions take either.

    Example: `shoal users split ann a-7 --dry-run`

    Parameters
    ----------
    action
        show, split, merge, erase, unsuppress, export or pseudonym.
    key
        A userId, or the anonymousId of a visitor.
    other
        The other key, of split and merge.
    segments
        With split and export: the folder of the workers' definitions (SHOAL_SEGMENTS, the shipped ones).
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    set_
        Other settings, as name=value: `--set topic_prefix=shop.`.
    """
    quiet_clients()
    settings = settings_of(set_, kafka_bootstrap_servers=broker, segments=segments)
    given = {"other": other is not None, "dry_run": dry_run, "force": force, "json": json, "status": status}
    _refuse(action, given | {"suppress": suppress, "segments": segments is not None, "output": output is not None})
    known = _known(settings, key)
    if action == "pseudonym":
        say(make_console(), _pseudonym(settings, known))
        return 0
    if action == "export":
        return export_user(settings, known, output)
    if action == "show":
        _print_person(asyncio.run(_shown(settings, known)), as_json=json)
    elif status:
        show_erasure_status(make_console(), erasure_status(settings, known))
    else:
        _change(settings, action, known, other, write=not dry_run, sure=force or suppress)
    return 0


def _change(settings: Settings, action: str, key: str, other: str | None, *, write: bool, sure: bool) -> None:
    """Erases, splits or merges. `sure`: a merge was forced, or an erasure is to suppress the user."""
    if action == "erase":
        show_erasure(make_console(), asyncio.run(_erase(settings, key, write=write, suppress=sure)))
        return
    if action == "unsuppress":
        asyncio.run(_unsuppress(settings, key))
        return
    second = _second(settings, action, key, other)
    if action == "split":
        show_split(make_console(), asyncio.run(_split(settings, key, second, write=write)))
        return
    if not sure:
        raise UserError(f"merge may make one of two people: {key} moves to {second}", hint="if so, add --force")
    asyncio.run(_merge(settings, key, second))


def _print_person(person: Person, *, as_json: bool) -> None:
    if as_json:
        text = msgspec.json.format(msgspec.json.encode(person), indent=2).decode()
        say_lines(make_console(), visible_json(text))
    else:
        show_person(make_console(), person)


_ORDER: Final = {"split": "USER ID", "merge": "ID USER --force"}


def _known(settings: Settings, key: str) -> str:
    """The key as it is stored. UserError if it can be none."""
    known = settings.incoming_ids.id_of(key)
    if known is None or known.encode(errors="replace").decode() != known:  # bytes that are no UTF-8
        hint = "give a userId or an anonymousId; SHOAL_BLOCKED_IDS lists values that name nobody"
        raise UserError(f"{key!r:.80} names nobody", hint=hint)
    return known


def _pseudonym(settings: Settings, known: str) -> str:
    if not settings.incoming_ids.hides:
        raise UserError("ids are not replaced: there is no pseudonym key", hint="SHOAL_PSEUDONYM_KEYS, or _FILE")
    return known


def _second(settings: Settings, action: str, first: str, other: str | None) -> str:
    """The other of two keys. UserError without one, and for the same."""
    if other is None:
        raise UserError(f"{action} needs two keys", hint=f"shoal users {action} {_ORDER[action]}")
    second = _known(settings, other)
    if second == first:
        raise UserError(f"both keys are {first!r:.80}")
    return second


_TAKES: Final = {
    "show": {"json"},
    "split": {"other", "dry_run", "segments"},
    "merge": {"other", "force"},
    "erase": {"dry_run", "status", "suppress"},
    "unsuppress": set(),
    "export": {"segments", "output"},
    "pseudonym": set(),
}
"""What an action takes beside a key."""


def _refuse(action: str, given: Mapping[str, bool]) -> None:
    """Refuses what only another action takes."""
    if given["status"] and (given["dry_run"] or given["suppress"]):
        raise UserError("--status stands alone", hint="it writes nothing")
    for name, is_given in given.items():
        if is_given and name not in _TAKES[action]:
            what = "second key" if name == "other" else f"--{name.replace('_', '-')}"
            raise UserError(f"{action} takes no {what}", hint="shoal users --help")


async def _split(settings: Settings, user: str, key: str, *, write: bool) -> Split:
    try:
        async with KeyControl(settings) as control:
            if not write:
                return await control.split(user, key, write=False)
            async with audited(settings, "users.split", user=user):
                return await control.split(user, key, write=True)
    except (KafkaError, OSError, OffsetLostError) as error:
        raise _failed(error, user) from None


async def _merge(settings: Settings, key: str, user: str) -> None:
    try:
        async with KeyControl(settings) as control, audited(settings, "users.merge", user=user):
            await control.merge(key, user)
    except (KafkaError, OSError, OffsetLostError) as error:
        raise _failed(error, user) from None
    say(make_console(), f"{key} moves to {user}")


async def _erase(settings: Settings, user: str, *, write: bool, suppress: bool) -> Erasure:
    try:
        async with KeyErasure(settings) as control:
            if not write:
                return await control.erase(user, write=False, suppress=suppress)
            async with audited(settings, "users.erase", user=user) as deed:
                erased = await control.erase(user, write=True, suppress=suppress)
                deed.details["keys"] = str(len(erased.keys))
                if suppress:
                    deed.details["suppressed"] = "true"
                return erased
    except (KafkaError, OSError, OffsetLostError) as error:
        raise _failed(error, user) from None


async def _unsuppress(settings: Settings, user: str) -> None:
    try:
        async with KeyErasure(settings) as control, audited(settings, "users.unsuppress", user=user):
            await control.unsuppress(user)
    except (KafkaError, OSError, OffsetLostError) as error:
        raise _failed(error, user) from None
    say(make_console(), f"events of {user} are taken again")


def _failed(error: Exception, user: str) -> UserError:
    """All keys or none have changed: which, the profiles say."""
    if isinstance(error, KafkaError) and is_fenced(error):
        return UserError("another shoal users command has taken over", hint=f"see: shoal users show {user}")
    detail = f"{type(error).__name__}: {error}"
    return UserError("the command failed", detail=detail, hint=f"shoal users show {user} says if it took effect")


async def _shown(settings: Settings, key: str) -> Person:
    """Reads the person, and records in the audit log that somebody has looked."""
    async with audited(settings, "users.show", user=key):
        return await _person(settings, key)


async def _person(settings: Settings, key: str) -> Person:
    """Reads the person. UserError if nothing is known of the key, or the profiles cannot be read."""
    client = await wait_for_broker(settings)
    try:
        found = await find_person(key, _Stored(client, settings).read)
    except (KafkaError, OSError, OffsetLostError) as error:
        raise UserError("the profiles cannot be read", detail=f"{type(error).__name__}: {error}") from None
    finally:
        await client.close()
    if found is None:
        raise UserError(
            f"nothing is remembered of {key}",
            detail=f"{settings.topics.profiles} at {settings.kafka_bootstrap_servers} has no profile with this key",
            hint="check the spelling: upper and lower case differ. Who had no event for SHOAL_RETENTION is forgotten",
        )
    return found


class _Stored:
    """Reads profiles from their topic."""

    def __init__(self, client: AIOKafkaClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    async def read(self, keys: Collection[str]) -> Mapping[str, Profile]:
        """The profiles of these keys."""
        values = await newest_values(self._client, self._settings, keys)
        if values is None:
            topic = self._settings.topics.profiles
            raise UserError(
                f"no worker has stored a profile yet: there is no topic {topic}",
                hint="SHOAL_TOPIC_PREFIX and --broker say which deployment is asked",
            )
        stored = {user.decode(): decode_profile(value).profile for user, value in values.items()}
        return {user: profiles.decode(encoded) for user, encoded in stored.items() if encoded is not None}
