"""The settings of the streams that `shoal intake` reads besides topics, a part of all settings."""

from dataclasses import dataclass

from app.configuration.console_settings import ConsoleSettings
from app.configuration.setting import setting

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings(ConsoleSettings):
    """Amazon Kinesis and Google Pub/Sub. Credentials are found as in all programs that use their libraries."""

    kinesis_region: str = setting("", "Region of the streams of Kinesis; empty: that of boto3, AWS_DEFAULT_REGION")
    kinesis_endpoint: str = setting("", "URL of Kinesis, for emulators and private endpoints; empty: the region's")
    kinesis_pause_ms: int = setting(
        500, "Time between two reads of a shard that has nothing more at the moment", low=200, high=60_000
    )
    kinesis_records_max: int = setting(2_000, "Records that one read of a shard returns", low=1, high=10_000)
    kinesis_shards_every_ms: int = setting(
        10_000, "Time between two looks for new shards of a stream", low=1_000, high=HOUR_MS
    )
    pubsub_endpoint: str = setting("", "host:port of an emulator of Pub/Sub, without encryption; empty: Google's")
    pubsub_messages_max: int = setting(1_000, "Messages that one pull of a subscription returns", low=1, high=1_000)
    pubsub_wait_ms: int = setting(5_000, "Time for which a pull waits for messages", low=1_000, high=60_000)
    pubsub_ids_max: int = setting(
        100_000, "Ids of messages that intake remembers, to drop those that come again", low=1_000, high=1_000_000
    )
