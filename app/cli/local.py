"""`shoal local`: a broker and a Redis on this machine, for trying."""

import shutil
import signal
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path


def local(*, console: bool = False) -> int:
    """Run a broker and a Redis on this machine, for trials. Ctrl-C or SIGTERM ends them and deletes their data.

    Prints their addresses as shell variables: `shoal local > local.env &`, then `source local.env`. The broker has
    no transactions: after a crash, changes may be sent twice, with the same id.

    Example: `shoal local`

    Parameters
    ----------
    console
        Also run the web console of what `shoal publish` publishes; its address is printed as a comment. It makes the
        topics that it reads: SHOAL_PARTITIONS has to be that of the workers.
    """
    from app.embedded import EmbeddedBroker, EmbeddedRedis

    told = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: told.set())
    with ExitStack() as stack:
        broker, redis = stack.enter_context(EmbeddedBroker()), stack.enter_context(EmbeddedRedis())
        variables = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "REDIS_URL": redis.url}
        if console:
            print(f"# console: {_start_console(stack, variables)}")
        print("\n".join(f"export {name}={value}" for name, value in variables.items()), flush=True)
        told.wait()
    return 0


def _start_console(stack: ExitStack, variables: dict[str, str]) -> str:
    """Starts it; its address. It ends with the stack."""
    from app.cli.demo_processes import HOST, SHOAL, free_port
    from app.embedded.process import GuardedProcess
    from app.settings import load_settings

    folder = Path(tempfile.mkdtemp(prefix="shoal-local-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    port = free_port(load_settings().console_port)
    given = variables | {"SHOAL_CATALOG": "topic", "SHOAL_CONSOLE_HOST": HOST, "SHOAL_CONSOLE_PORT": str(port)}
    command = ["env", *(f"{name}={value}" for name, value in given.items()), *SHOAL, "console"]
    process = GuardedProcess(command, log=folder / "console.log", remove=folder)
    stack.callback(process.kill)
    return f"http://{HOST}:{port}"
