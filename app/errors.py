"""The error for what a user can mend: a setting, a file, a broker that is not there."""

import shlex
import sys
from importlib.metadata import requires
from importlib.util import find_spec
from typing import ClassVar


class UserError(Exception):
    """Something outside the program is wrong, and whoever runs it can do something about it.

    `message` says in one line what is wrong, with the value and where it stands. `detail` says more (what was tried,
    the last lines of a log). `hint` says what to do. The command line prints all three, without a traceback, and
    exits with code 2, or another `exit_code` where a command documents one.

    >>> print(UserError("no segments in shop/", hint="give the folder that holds the .yaml files"))
    no segments in shop/
      hint: give the folder that holds the .yaml files
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, detail: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.message]
        if self.detail:
            lines += [f"  {line}" for line in self.detail.splitlines()]
        if self.hint:
            first, *rest = self.hint.splitlines()
            lines += [f"  hint: {first}", *(f"        {line}" for line in rest)]
        return "\n".join(lines)


def need_packages(what: str, extra: str, *names: str) -> None:
    """UserError if one of the packages is missing that something needs: how the extra is installed."""
    if missing := [name for name in names if find_spec(name) is None]:
        raise UserError(f"{what} needs {', '.join(missing)}", hint=install_command(extra))


def install_command(extra: str) -> str:
    """The command that adds the packages of one of Shoal's extras to the environment of this process.

    It names the packages themselves: Shoal is on no package index, so `pip install shoal[parquet]` finds nothing.
    """
    declared = (line.partition(";") for line in requires("shoal") or ())
    packages = [package.strip() for package, _, condition in declared if f"extra == '{extra}'" in condition]
    assert packages, f"no extra {extra}"
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])
