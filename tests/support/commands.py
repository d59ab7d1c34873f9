"""Commands that download or build something: they end well, or say why not."""

import subprocess
from collections.abc import Sequence


def complaint_of(command: Sequence[str], *, timeout_s: float) -> str | None:
    """Runs it to its end: what it said if it failed or took longer than `timeout_s`, None if it ended well."""
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        return str(error.stdout)
    except subprocess.TimeoutExpired:
        return f"no end after {timeout_s:g} s"
    return None
