"""`shoal keys`: makes keys for the HTTP service."""

from typing import Literal

from app.console.safe_console import SafeConsole
from app.service.access_keys import Use, hash_of, new_key


def keys(action: Literal["new"], use: Use, /, *, name: str = "main") -> int:
    """Make a key for the HTTP service, and its hash. The key is shown once and stored nowhere.

    A write key may send events; it may be public, in a page. A forward key may send events that another system
    received, with their times; it is a secret. A read key may query users and segments; it is a secret. An admin key
    may administer, and nothing else; it is a secret of one person or one service.

    Example: `shoal keys new write --name shop`

    Parameters
    ----------
    action
        new: make a key.
    use
        write, forward, read or admin.
    name
        Name of the key in settings and metrics, such as the shop or the service that uses it.
    """
    assert action == "new"
    key = new_key(use)
    console = SafeConsole(soft_wrap=True, highlight=False)
    console.print(f"key   {key}", markup=False)
    console.print(f"hash  {name}:{hash_of(key)}", markup=False)
    console.print(
        f"\nGive the key to the program that uses it and the hash to the service: in SHOAL_{use.upper()}_KEYS, or as a "
        f"line of the file SHOAL_{use.upper()}_KEYS_FILE.",
        markup=False,
    )
    return 0
