"""`shoal users`: the keys of a person."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Annotated, Literal

import msgspec
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from cyclopts import Parameter

from app.cli.process import Pairs, settings_of
from app.console.output import make_console, say_lines
from app.console.person import show_person
from app.console.running import quiet_clients
from app.errors import UserError
from app.events.visible_text import visible_json
from app.offline.person import Person, find_person
from app.runtime.audit import audited
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.records.envelope import decode_profile
from app.runtime.records.newest_profiles import newest_values
from app.settings import Settings
from tables import profile as profiles
from tables.profile import Profile


def users(
    action: Literal["show"],
    key: str,
    /,
    *,
    json: Annotated[bool, Parameter(negative=())] = False,
    broker: str | None = None,
    set_: Pairs = None,
) -> int:
    """Show the keys of a person: the ids that a user has claimed, since when, why, and the state of each claim.

    For an id that has moved, shows where it has moved to, and that user. Reads the profiles as of the last commit of
    the workers: the whole partition of each key, about a second for half a million users.

    Example: `shoal users show u-42`

    Parameters
    ----------
    action
        show: show a person.
    key
        A userId, or the anonymousId of a visitor.
    json
        Print JSON.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    set_
        Other settings, as name=value: `--set topic_prefix=shop.`.
    """
    assert action == "show"
    quiet_clients()
    settings = settings_of(set_, kafka_bootstrap_servers=broker)
    known = settings.user_ids.id_of(key)
    if known is None or known.encode(errors="replace").decode() != known:  # bytes that are no UTF-8
        hint = "give a userId or an anonymousId; SHOAL_BLOCKED_IDS lists values that name nobody"
        raise UserError(f"{key!r:.80} names nobody", hint=hint)
    person = asyncio.run(_shown(settings, known))
    console = make_console()
    if json:
        say_lines(console, visible_json(msgspec.json.format(msgspec.json.encode(person), indent=2).decode()))
    else:
        show_person(console, person)
    return 0


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
