"""Starts the command `shoal`, and makes Shoal's packages importable in that process alone.

Shoal's packages have common names: `app`, `agents`, `tables`. Installed side by side with a user's own `app`, with
PyTables (`tables`) or with another vendor's `agents`, they would overwrite one another. So an installation puts one
name into an environment, `shoal`, and keeps the three packages in the folder `shoal/_packages`, which no import looks
into. `use_own_packages` puts that folder first on `sys.path`. It is called by the processes that run Shoal, never by
`import shoal`.

In a checkout there is no `_packages`: the packages are the folders beside this one.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress

PACKAGES = ("app", "agents", "tables")
SERVERS = (["worker"], ["serve"], ["intake"], ["memberships", "run"], ["destinations", "run"])
"""Commands that run until they are told to end."""


def packages_folder() -> str:
    """The folder that holds Shoal's packages, and beside them the files of `deploy` and `examples`."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs a tenth of the start
    installed = os.path.join(here, "_packages")  # noqa: PTH118 - as above
    return installed if os.path.isdir(installed) else os.path.dirname(here)  # noqa: PTH112, PTH120 - as above


def use_own_packages() -> None:
    """Makes `app`, `agents` and `tables` mean Shoal's in this process, whatever else has these names.

    The three are imported at once: what is put before them on `sys.path` later changes nothing. Modules of these names
    that were imported from elsewhere before, such as by a `sitecustomize`, are forgotten.
    """
    folder = packages_folder()
    for name in list(_of_others(folder)):
        del sys.modules[name]
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
    for name in PACKAGES:
        __import__(name)


def main() -> int:
    """Runs the command line; Ctrl-C while it is still being loaded ends it as quietly as later.

    So does SIGTERM a command that runs until it is told to end: with exit code 0, as nothing is begun yet.
    """
    if sys.argv[1:2] in SERVERS or sys.argv[1:3] in SERVERS:
        signal.signal(signal.SIGTERM, _end_before_the_start)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the parent process
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    try:
        use_own_packages()
        from app.cli.main import main as run
        from app.console.safe_console import show_traceback

        sys.excepthook = show_traceback

        return run()
    except KeyboardInterrupt:
        return 130


def _end_before_the_start(*_: object) -> None:
    """Until an event loop takes signals over. Not by an exception, which whatever is being imported could catch."""
    with suppress(OSError):
        os.write(sys.stderr.fileno(), b"told to end (SIGTERM) before it has started\n")
    os._exit(0)


def _of_others(folder: str) -> Iterator[str]:
    """The imported modules that have our names but another folder, with all below them."""
    for name in PACKAGES:
        module = sys.modules.get(name)
        if module is None or os.path.join(folder, name) in getattr(module, "__path__", ()):  # noqa: PTH118 - as above
            continue
        yield from (each for each in sys.modules if each == name or each.startswith(f"{name}."))
