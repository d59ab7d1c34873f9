"""Packages that an installation may lack."""

from importlib.util import find_spec

from app.errors import UserError, install_command


def need_packages(extra: str, *names: str) -> None:
    """UserError if one of the packages is missing: how the extra is installed."""
    if missing := [name for name in names if find_spec(name) is None]:
        raise UserError(f"this command needs {', '.join(missing)}", hint=install_command(extra))
