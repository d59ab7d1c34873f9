"""`shoal local`: a broker and a Redis on this machine, for trying."""

import signal
import threading


def local() -> int:
    """A broker and a Redis on this machine, for trying; all they hold is gone when they end, by Ctrl-C or SIGTERM.

    Prints the variables that lead there, for the shell: `shoal local > local.env &`, and then `source local.env`. The
    broker has no transactions: changes may be said twice after a crash, with the same id.

    Example: `shoal local`
    """
    from app.embedded import EmbeddedBroker, EmbeddedRedis

    told = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: told.set())
    with EmbeddedBroker() as broker, EmbeddedRedis() as redis:
        print(f"export KAFKA_BOOTSTRAP_SERVERS={broker.bootstrap_servers}\nexport REDIS_URL={redis.url}", flush=True)
        told.wait()
    return 0
