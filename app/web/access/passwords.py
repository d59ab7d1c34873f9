"""The file of the console's users: names, roles and hashes of passwords.

A line is `name:roles:hash`, the roles separated by commas. The hash is scrypt, with its parameters and salt, as
`shoal keys user` prints it.
"""

import hmac
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import scrypt
from pathlib import Path
from typing import Final

from app.errors import UserError
from app.web.access.roles import Role, read_roles

COST: Final = 1 << 14
BLOCK: Final = 8
PARALLEL: Final = 1
MEMORY_BYTES_MAX: Final = 64 << 20
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
PASSWORD_CHARACTERS_MIN: Final = 8
PASSWORD_CHARACTERS_MAX: Final = 1_000
_NAME: Final = re.compile(r"[A-Za-z0-9@._-]{1,80}")
_HINT: Final = "each line is name:roles:hash; shoal keys user makes one"


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password as it is kept. `cost`: scrypt's n."""

    cost: int
    salt: bytes = field(repr=False)
    hash: bytes = field(repr=False)

    def fits(self, password: str) -> bool:
        """True for the password that it was made of. Takes as long for any other."""
        return hmac.compare_digest(self.hash, _scrypt(password, self.salt, self.cost))

    def text(self) -> str:
        """Its form in the file."""
        return f"scrypt${self.cost}${b64encode(self.salt).decode()}${b64encode(self.hash).decode()}"


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """A person who may log in."""

    name: str
    roles: tuple[Role, ...]
    password: PasswordHash


def hash_password(password: str) -> PasswordHash:
    """The hash of a new password. UserError for one that is too short or too long."""
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise UserError(
            f"the password has {len(password)} characters",
            hint=f"from {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX}",
        )
    salt = secrets.token_bytes(SALT_BYTES)
    return PasswordHash(COST, salt, _scrypt(password, salt, COST))


def check_user(name: str, roles: str) -> None:
    """UserError for a name or roles that cannot be used."""
    _checked_name(name)
    read_roles(roles, "the roles")


def user_line(name: str, roles: str, password: str) -> str:
    """The line of a new user. UserError for a name, roles or a password that cannot be used."""
    return f"{_checked_name(name)}:{','.join(read_roles(roles, 'the roles'))}:{hash_password(password).text()}"


def load_users(file: str) -> dict[str, ConsoleUser]:
    """The users of a file by name. UserError for a line that cannot be read; no hash is repeated."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the file of console users, {file}, cannot be read: {error}", hint=_HINT) from None
    found: dict[str, ConsoleUser] = {}
    for number, line in _lines(text):
        where = f"line {number} of {file}"
        name, _, rest = line.partition(":")
        roles, colon, known = rest.partition(":")
        if not colon:
            raise UserError(f"{where} is not name:roles:hash", hint=_HINT)
        if name in found:
            raise UserError(f"{where} names {name} once more", hint="one line for each user")
        user = ConsoleUser(
            _checked_name(name.strip(), where), read_roles(roles, where), _read_hash(known.strip(), where)
        )
        found[user.name] = user
    if not found:
        raise UserError(f"there is no user in {file}", hint=_HINT)
    return found


class UsersFile:
    """The users of a file, read again when it changes."""

    def __init__(self, file: str) -> None:
        """UserError for a file that is not named or cannot be read."""
        if not file:
            raise UserError(
                "console_login is password, but there is no file of users",
                hint="shoal keys user prints a line of it; set SHOAL_CONSOLE_USERS_FILE",
            )
        self._file = Path(file)
        self._changed_ns = -1
        self._users: dict[str, ConsoleUser] = {}
        self._read()

    def find(self, name: str) -> ConsoleUser | None:
        """The user of a name, as the file has them now."""
        self._read()
        return self._users.get(name)

    def get(self, name: str) -> ConsoleUser:
        """The user of a name that was found just now."""
        return self._users[name]

    def _read(self) -> None:
        """A file that cannot be used leaves those who were known."""
        try:
            changed_ns = self._file.stat().st_mtime_ns
        except OSError:
            changed_ns = -2
        if changed_ns == self._changed_ns:
            return
        try:
            self._users = load_users(str(self._file))
        except UserError:
            if not self._users:
                raise
        self._changed_ns = changed_ns


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if (entry := line.strip()) and not entry.startswith("#"):
            yield number, entry


def _checked_name(name: str, where: str = "") -> str:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{where + ': ' if where else ''}the name {name[:80]!r} cannot be used",
            hint="up to 80 letters, digits and @._-",
        )
    return name


def _read_hash(text: str, where: str) -> PasswordHash:
    kind, *parts = text.split("$")
    try:
        cost, salt, known = parts
        if kind != "scrypt" or not 1 << 10 <= int(cost) <= 1 << 15:
            raise ValueError
        made = PasswordHash(int(cost), b64decode(salt, validate=True), b64decode(known, validate=True))
        if made.cost & (made.cost - 1) or len(made.hash) != HASH_BYTES or not made.salt:
            raise ValueError
    except ValueError:
        raise UserError(f"{where}: the hash is none of scrypt", hint=_HINT) from None
    return made


def _scrypt(password: str, salt: bytes, cost: int) -> bytes:
    given = password[: PASSWORD_CHARACTERS_MAX + 1].encode(errors="surrogatepass")
    return scrypt(given, salt=salt, n=cost, r=BLOCK, p=PARALLEL, maxmem=MEMORY_BYTES_MAX, dklen=HASH_BYTES)
