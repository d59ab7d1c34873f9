"""Options of every Faust application of Shoal."""

from typing import Any

from faust.auth import SASLCredentials

from app.runtime.faust.tables import TableManager
from app.runtime.faust.worker import Worker
from app.runtime.kafka.clients import connection
from app.settings import Settings

MAX_POLL_S = 86_400.0  # Faust's consumer polls nothing, and must not be considered dead because of that


def faust_options(settings: Settings) -> dict[str, Any]:
    """Arguments of `faust.App`, but for its id and its agents."""
    kafka = connection(settings)
    credentials = None
    if "sasl" in settings.kafka_security:
        credentials = SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password,
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=kafka.get("ssl_context"),
        )
    return {
        "broker": [f"kafka://{broker.strip()}" for broker in settings.kafka_bootstrap_servers.split(",")],
        "broker_credentials": credentials or kafka.get("ssl_context"),
        "TableManager": TableManager,
        "Worker": Worker,
        "web_enabled": False,
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "topic_partitions": settings.partitions,
        "stream_wait_empty": False,
        "broker_session_timeout": settings.session_timeout_ms / 1000,
        "broker_rebalance_timeout": settings.session_timeout_ms / 1000,
        "broker_heartbeat_interval": max(0.3, settings.session_timeout_ms / 6_000),
        "broker_request_timeout": max(settings.request_timeout_ms, settings.session_timeout_ms + 1_000) / 1000,
        "broker_max_poll_interval": MAX_POLL_S,
        "broker_commit_interval": 60.0,
        "broker_check_crcs": False,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": settings.group_instance_id or None,
        "consumer_max_fetch_size": settings.fetch_bytes_max,
        "worker_redirect_stdouts": False,
    }
