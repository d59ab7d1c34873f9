"""`shoal local`: a broker and a Redis on this machine, for trying."""

import signal
import threading


def local() -> int:
    """Run a broker and a Redis on this machine, for trials. Ctrl-C or SIGTERM ends them and deletes their data.

    Prints their addresses as shell variables: `shoal local > local.env &`, then `source local.env`. The broker has
    no transactions: after a crash, changes may be sent twice, with the same id.

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
