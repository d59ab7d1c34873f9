"""Settings of a deployment of one test's own, on a broker that it shares with others."""

from typing import Any, Final

from app.settings import Settings, load_settings
from tests.support.broker import session_timeout

PARTITIONS: Final = 2


def deployment(bootstrap_servers: str, unique: str, *, transactions: bool, **others: Any) -> Settings:
    """`unique` names it."""
    own = {
        "kafka_bootstrap_servers": bootstrap_servers,
        "app_id": unique,
        "topic_prefix": f"{unique}.",
        "partitions": PARTITIONS,
        "session_timeout_ms": session_timeout(transactions=transactions),
        "retry_wait_max_ms": 200,
    }
    return load_settings({}, **own | others)
