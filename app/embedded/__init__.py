"""The broker and the Redis that come by pip, for the demo and the tests; production never needs them.

>>> from app.embedded import EmbeddedBroker
>>> with EmbeddedBroker() as broker:
...     broker.bootstrap_servers.startswith("127.0.0.1:")
True
"""

from app.embedded.broker import EmbeddedBroker
from app.embedded.redis import EmbeddedRedis

__all__ = ["EmbeddedBroker", "EmbeddedRedis"]
