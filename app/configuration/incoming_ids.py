"""Ids as senders and questions name people, by the settings: as they are, or as pseudonyms."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from app.errors import UserError
from app.events.pseudonyms import PseudonymKey, Pseudonyms
from app.events.user_ids import UserIds, blocked_ids

SECRET_CHARACTERS_MIN: Final = 32
_NAME: Final = re.compile(r"[a-z0-9-]{1,16}")
_HINT: Final = "for example 2027:SECRET,2026:SECRET, the newest first; openssl rand -hex 32 makes a secret"


@lru_cache(maxsize=16)
def incoming_ids(blocked: str, keys: str, keys_file: str) -> UserIds:
    """The ids of three settings. A file of keys is read once in a process. UserError for keys that cannot be used."""
    if keys and keys_file:
        raise UserError("pseudonym_keys and pseudonym_keys_file are both set", hint="the order counts: use one of them")
    text, where = keys, "SHOAL_PSEUDONYM_KEYS"
    if keys_file:
        where = keys_file
        try:
            text = Path(keys_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"the file of pseudonym keys, {keys_file}, cannot be read: {error}") from None
    found = pseudonym_keys(text, where=where)
    if keys_file and not found:
        raise UserError(f"{keys_file} has no pseudonym key", hint="one name:secret a line, the newest first")
    return Pseudonyms(blocked_ids(blocked), keys=found) if found else UserIds(blocked_ids(blocked))


def pseudonym_keys(text: str, *, where: str) -> tuple[PseudonymKey, ...]:
    """The keys of a setting, `name:secret` separated by commas or lines, the newest first; returned the oldest first.

    UserError for what is no such list; a secret is never repeated.
    """
    found: dict[str, PseudonymKey] = {}
    for number, part in enumerate(_entries(text), 1):
        name, colon, secret = (piece.strip() for piece in part.partition(":"))
        if not colon or not _NAME.fullmatch(name):
            said = f"entry {number} of {where} is not name:secret; a name has 1 to 16 small letters, digits and hyphens"
            raise UserError(said, hint=_HINT)
        if name in found:
            raise UserError(f"{where} has two keys named {name}", hint="give each key its own name")
        if len(secret) < SECRET_CHARACTERS_MIN:
            said = f"the secret {name} of {where} has less than {SECRET_CHARACTERS_MIN} characters"
            raise UserError(said, hint="openssl rand -hex 32 makes a suitable one")
        found[name] = PseudonymKey(name, secret.encode())
    return tuple(reversed(found.values()))


def _entries(text: str) -> Iterable[str]:
    return (entry for line in re.split(r"[,\n]", text) if (entry := line.partition("#")[0].strip()))
