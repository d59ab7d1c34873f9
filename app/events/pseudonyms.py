"""Pseudonyms: keys of people in place of the ids that senders know them by.

A pseudonym is an HMAC-SHA256 of the id with a secret key, in base32, behind the name of that key: `2026_` and 26
characters. The same id always has the same one, and without the secret nobody finds the id. Of several keys, each takes
what the one before has made: the pseudonym by a newer key is found from the older one, so the ids themselves are not
needed to replace a key, and an older pseudonym stands for the same person wherever an id can stand.
"""

import hmac
import re
from base64 import b32encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, Final

from app.events.user_ids import UserIds

CHARACTERS: Final = 26
"""Of base32: 130 bits."""
_PSEUDONYM: Final = re.compile(rf"([a-z0-9-]{{1,16}})_[a-z2-7]{{{CHARACTERS}}}")

ID_FIELDS: Final = frozenset(
    {
        "userId",
        "user_id",
        "anonymousId",
        "anonymous_id",
        "previousId",
        "previous_id",
        "distinct_id",
        "$distinct_id",
        "$user_id",
        "$device_id",
        "$anon_distinct_id",
        "client_id",
        "clientId",
        "app_instance_id",
        "device_id",
        "deviceId",
        "advertisingId",
        "externalId",
    }
)
"""Fields that hold the id of a person or of their device, wherever they are in an event."""
PERSONS: Final = ("userId", "anonymousId", "previousId")
_OF_PARENT: Final = {"traits": "identify", "device": None, "externalId": None, "externalIds": None}
"""Fields whose `id` is one, too, and the type of event for which alone that is so; None: for all."""


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """A secret and its name. Its text shows the name alone."""

    name: str
    secret: bytes

    def __repr__(self) -> str:
        return f"PseudonymKey({self.name})"

    def of(self, text: str) -> str:
        """The pseudonym of a text by this key.

        >>> PseudonymKey("2026", b"a secret for tests only").of("ann")
        '2026_zvgfvd4pz7j46lsbv3e3bxnrtp'
        """
        digest = hmac.digest(self.secret, text.encode(errors="replace"), sha256)
        return f"{self.name}_{b32encode(digest)[:CHARACTERS].decode().lower()}"


@dataclass(frozen=True, slots=True)
class Pseudonyms(UserIds):
    """Ids as senders know them, as the keys of people. `keys`: the oldest first, at least one."""

    hides: ClassVar[bool] = True
    keys: tuple[PseudonymKey, ...] = ()

    def id_of(self, value: Any) -> str | None:
        """The pseudonym of an id; None for what is no id. What is a pseudonym already counts as the id behind it."""
        found = UserIds.id_of(self, value)
        return None if found is None else self.key_of(found)

    def key_of(self, text: str) -> str:
        """The pseudonym of an id, or of a pseudonym by an older key."""
        bare = text.strip()
        made = _PSEUDONYM.fullmatch(bare)
        names = [key.name for key in self.keys]
        first = names.index(made[1]) + 1 if made is not None and made[1] in names else 0
        for key in self.keys[first:]:
            bare = key.of(bare)
        return bare

    def cover(self, event: dict[str, Any]) -> None:
        """Replaces the ids of people and of their devices in an event, in place; a `messageId` that contains one, too.
        In other texts they stay."""
        kind, message_id = event.get("type"), event.get("messageId")
        own = [str(event[name]).strip() for name in PERSONS if event.get(name) not in (None, "")]
        if message_id.__class__ is str and any(each in message_id for each in own):
            event["messageId"] = self.key_of(message_id)
        left: list[tuple[str, Any]] = [("", event)]
        while left:
            parent, value = left.pop()
            if value.__class__ is list:
                left.extend((parent, each) for each in value)
                continue
            for name, each in value.items():
                if each.__class__ in (dict, list):
                    left.append((name, each))
                elif name in ID_FIELDS or (name == "id" and parent in _OF_PARENT):
                    if name == "id" and _OF_PARENT[parent] not in (None, kind) and value is event.get(parent):
                        continue  # the traits of a group are those of the group
                    covered = self.id_of(each)
                    if covered is not None:
                        value[name] = covered
