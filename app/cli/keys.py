"""`shoal keys`: makes keys for the HTTP service."""

from typing import Literal

from app.console.safe_console import SafeConsole
from app.service.access_keys import hash_of, new_key


def keys(action: Literal["new"], use: Literal["write", "forward", "read"], /, *, name: str = "main") -> int:
    """Make a key for the HTTP service, and its hash. The key is shown once and stored nowhere.

    A write key may send events; it may be public, in a page. A forward key may send events that another system
    received, with their times; it is a secret. A read key may query users and segments; it is a secret.

    Example: `shoal keys new write --name shop`

    Parameters
    ----------
    action
        new: make a key.
    use
        write, forward or read.
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
