"""The Faust application of an installation: `faust -A shoal.main worker` finds `app` here.

In a checkout `faust -A app.main worker` finds the same one. Only a process that runs Shoal may import this module: it
takes the names `app`, `agents` and `tables` for Shoal's packages.
"""

from typing import TYPE_CHECKING

from shoal.launcher import use_own_packages

if TYPE_CHECKING:
    from app.runtime.application import Application

use_own_packages()


def __getattr__(name: str) -> "Application":
    if name != "app":
        raise AttributeError(name)
    from app import main

    return main.app
