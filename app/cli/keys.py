"""`shoal keys`: makes keys for the HTTP service, and users of the console."""

import getpass
import sys
from typing import Literal, cast, get_args

from app.console.safe_console import SafeConsole
from app.errors import UserError
from app.service.access.access_keys import Use, hash_of, new_key


def keys(action: Literal["new", "user"], use: str, /, *, name: str = "main", roles: str = "viewer") -> int:
    """Make a key for the HTTP service, and its hash, or a user of the console. A key is shown once and stored nowhere.

    A write key may send events; it may be public, in a page. A forward key may send events that another system
    received, with their times; it is a secret. A read key may query users and segments; it is a secret. An admin key
    may administer, and nothing else; it is a secret of one person or one service.

    `shoal keys user NAME` asks for a password and prints a line for the file of the console's users
    (SHOAL_CONSOLE_USERS_FILE): docs/console.md.

    Example: `shoal keys new write --name shop`

    Parameters
    ----------
    action
        new: make a key. user: make a user of the console.
    use
        With new: write, forward, read or admin. With user: the name of the user.
    name
        Name of the key in settings and metrics, such as the shop or the service that uses it.
    roles
        With user: viewer, people, editor, publisher, admin, privacy; several separated by commas.
    """
    console = SafeConsole(soft_wrap=True, highlight=False)
    if action == "user":
        from app.web.access.passwords import check_user, user_line

        check_user(use, roles)
        console.print(user_line(use, roles, _password()), markup=False)
        return 0
    if use not in get_args(Use):
        raise UserError(f"{use} is no use of a key", hint=f"choose from {', '.join(get_args(Use))}")
    key = new_key(cast(Use, use))
    console.print(f"key   {key}", markup=False)
    console.print(f"hash  {name}:{hash_of(key)}", markup=False)
    console.print(
        f"\nGive the key to the program that uses it and the hash to the service: in SHOAL_{use.upper()}_KEYS, or as a "
        f"line of the file SHOAL_{use.upper()}_KEYS_FILE.",
        markup=False,
    )
    return 0


def _password() -> str:
    """The password: typed twice without being shown, or the first line of what is piped in."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("password: ")
    if getpass.getpass("once more: ") != first:
        raise UserError("the two passwords differ", hint="type the same one twice")
    return first
