"""`shoal keys`: makes keys for the HTTP service."""

from typing import Literal

from app.console.safe_console import SafeConsole
from app.service.access_keys import hash_of, new_key


def keys(action: Literal["new"], use: Literal["write", "forward", "read"], /, *, name: str = "main") -> int:
    """Make a key for the HTTP service, and its hash. The key is shown once and kept nowhere.

    A write key sends events and may stand in a page. A forward key passes on events that were received before, with
    their times, and is a secret. A read key asks for users and segments and is a secret.

    Example: `shoal keys new write --name shop`

    Parameters
    ----------
    action
        new: makes one.
    use
        write, forward or read.
    name
        What the key is called in settings and metrics, such as the shop or the service that uses it.
    """
    assert action == "new"
    key = new_key(use)
    console = SafeConsole(soft_wrap=True, highlight=False)
    console.print(f"key   {key}", markup=False)
    console.print(f"hash  {name}:{hash_of(key)}", markup=False)
    console.print(
        f"\nGive the key to whoever uses it, and the hash to the service: SHOAL_{use.upper()}_KEYS, or a line of the "
        f"file SHOAL_{use.upper()}_KEYS_FILE.",
        markup=False,
    )
    return 0
