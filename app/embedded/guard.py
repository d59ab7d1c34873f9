"""Runs one server for another process, and ends it when that process is gone, however it went.

A program of its own, started as a script so that it needs nothing but the standard library:

    guard.py [--remove FOLDER] COMMAND ARGUMENT ...

Whoever starts it holds the other end of its standard input and never writes. The end of that pipe is the one sign of
a parent's death that no signal, crash or platform withholds: the kernel closes it after SIGKILL as well. Then the
server is killed and FOLDER removed. The server's pid is the only line on standard output. The guard lives in a session
of its own, so a Ctrl-C at the terminal reaches the parent only, which ends its servers in its own order.

Should the guard itself be killed, the kernel kills the server (Linux; elsewhere the server would stay).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def _die_with_guard() -> Callable[[], None] | None:
    """Returns what the server's process runs before it becomes the server, or None where the platform cannot do it.

    The signal follows the thread that starts the server; the guard starts it from its main thread, which lives
    as long as the guard does.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    guard_pid = os.getpid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard_pid:  # the guard died before the kernel had the order
            os._exit(1)

    return before_exec


def main(arguments: list[str]) -> int:
    """Run the command until it ends or the parent is gone; its exit code, 128 + the signal if one ended it."""
    folder = None
    if arguments[0] == "--remove":
        folder, arguments = arguments[1], arguments[2:]
    server = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=_die_with_guard(),  # noqa: PLW1509 - one thread yet: nothing can hold a lock across this fork
    )
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    parent_is_gone = threading.Event()

    def end_with_server() -> None:
        code = server.wait()
        if not parent_is_gone.is_set():
            os._exit(code if code >= 0 else 128 - code)

    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{server.pid}\n")
        sys.stdout.flush()
    threading.Thread(target=end_with_server, daemon=True).start()
    os.read(sys.stdin.fileno(), 1)
    parent_is_gone.set()
    server.kill()
    server.wait()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
