"""The topics a worker needs: made where they are missing, checked where they are there."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiokafka.admin import NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from app.errors import UserError
from app.runtime.kafka.clients import connect_admin
from app.settings import Settings

REPLICAS_MAX = 3
LOOK_S = 0.05
MESSAGE_BYTES_DEFAULT = 1_048_588
"""What brokers take as one record batch where nobody says otherwise."""
MESSAGE_BYTES_ROOM = 64 << 10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be. `config` is given when it is made.

    A start checks only the number of partitions; `topic_check` compares everything.
    """

    name: str
    partitions: int
    config: tuple[tuple[str, str], ...] = ()


TRANSACTION_ROOM_MS = 5_000

KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
DRAFTS_SEGMENT_BYTES = str(16 << 20)
"""The broker compacts all segments but the last: a small one is soon full, so that a start reads little."""
# Kafka's retention uses the time of the records: replayed old events would be deleted within minutes.
REPLAYABLE = {"cleanup.policy": "delete", "retention.ms": "-1"}
COMPACTED = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
READ_BY_OTHERS = {"cleanup.policy": "delete"}
CENSUSES_KEPT_MS = 90 * 86_400_000


def topic_specs(settings: Settings, own_topic_segments: Iterable[str]) -> list[TopicSpec]:
    """All topics of a deployment; `own_topic_segments` are the segments that have a topic of their own.

    Every topic but those of the catalog and the population has the partitions of the input: what comes out of a
    partition goes to the same number.
    """
    topics = settings.topics
    count = settings.partitions

    def spec(name: str, config: Mapping[str, str]) -> TopicSpec:
        return TopicSpec(name, count, _config(settings, config))

    return [
        spec(topics.clickstream, REPLAYABLE),
        spec(topics.changes, READ_BY_OTHERS),
        *(spec(topics.segment(name), READ_BY_OTHERS) for name in own_topic_segments),
        spec(topics.dead_letters, READ_BY_OTHERS),
        spec(topics.late, READ_BY_OTHERS),
        spec(topics.identity, READ_BY_OTHERS),
        spec(topics.erasures, READ_BY_OTHERS),
        spec(topics.profiles, COMPACTED),
        spec(topics.journal, KEPT),
        population_topic(settings),
        catalog_topic(settings),
    ]


def specs_of(settings: Settings, *names: str) -> list[TopicSpec]:
    """The topics of a deployment with these names: what one process reads and writes.

    It asks for no others, as it may not be allowed to see them.
    """
    return [spec for spec in topic_specs(settings, ()) if spec.name in names]


def catalog_topic(settings: Settings) -> TopicSpec:
    """The topic of published definitions: one partition, since a catalog is one thing."""
    return TopicSpec(settings.topics.catalog, 1, _config(settings, COMPACTED))


def population_topic(settings: Settings) -> TopicSpec:
    """The topic of censuses: one partition, so that all is in one order. Old ones say nothing any more."""
    kept = READ_BY_OTHERS | {"retention.ms": str(CENSUSES_KEPT_MS)}
    return TopicSpec(settings.topics.population, 1, _config(settings, kept))


def history_topic(settings: Settings) -> TopicSpec:
    """The topic of all publications: never compacted, kept for ever, so that each can be shown and published again."""
    return TopicSpec(settings.topics.catalog_history, 1, _config(settings, KEPT))


def drafts_topic(settings: Settings) -> TopicSpec:
    """The topic of the console's drafts: the newest record of each, in one partition, so that all are in one order."""
    return TopicSpec(settings.topics.drafts, 1, _config(settings, COMPACTED | {"segment.bytes": DRAFTS_SEGMENT_BYTES}))


def audit_topic(settings: Settings) -> TopicSpec:
    """The topic of audit records: one partition, so that all are in one order."""
    kept = READ_BY_OTHERS | {"retention.ms": str(settings.audit_retention_ms)}
    return TopicSpec(settings.topics.audit, 1, _config(settings, kept))


def _config(settings: Settings, config: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Returns the configuration of a topic: batches stay as they were sent, and none is too large."""
    bytes_max = str(message_bytes_max(settings))
    return (*config.items(), ("compression.type", "producer"), ("max.message.bytes", bytes_max))


def message_bytes_max(settings: Settings) -> int:
    """Largest record batch that a topic should take, in bytes: the broker's default, or more if workers write more."""
    return max(MESSAGE_BYTES_DEFAULT, settings.write_bytes_max + MESSAGE_BYTES_ROOM)


def transaction_timeout_ms(settings: Settings) -> int:
    """The time after which the broker ends a transaction that nobody has ended, in milliseconds.

    Until then it stops the readers of every partition that it wrote to, so it is hardly longer than a commit may take.
    """
    return settings.commit_timeout_ms + TRANSACTION_ROOM_MS


def replicas_wanted(settings: Settings, *, brokers: int) -> int:
    """Copies of each topic: the setting, or three, or as many as there are brokers."""
    return settings.replication_factor or max(1, min(REPLICAS_MAX, brokers))


def in_sync_wanted(replicas: int) -> int:
    """Number of copies that must have a record before it counts as written: with three, one may be away."""
    return 2 if replicas >= REPLICAS_MAX else 1


async def ensure_topics(settings: Settings, client: AIOKafkaClient, specs: Sequence[TopicSpec]) -> list[str]:
    """Makes what is missing; the names of what was made.

    Raises UserError for a topic with another number of partitions (all of them are named, nothing is made then), and
    for one that the broker refuses to make.
    """
    cluster = await client.fetch_all_metadata()
    wrong = []
    missing = []
    for spec in specs:
        partitions = cluster.partitions_for_topic(spec.name)
        if not partitions:
            missing.append(spec)
        elif len(partitions) != spec.partitions:
            wrong.append((spec.name, len(partitions)))
    if wrong:
        name, count = wrong[0]
        raise UserError(
            f"the setting partitions is {settings.partitions}, but {name} has {count} partitions",
            detail="\n".join(f"{other} has {others}" for other, others in wrong[1:]) or None,
            hint="partitions = what the topics have (SHOAL_PARTITIONS, --partitions). The number cannot be changed "
            "later:\nusers would move to other partitions than their profiles. Start again with another topic_prefix.",
        )
    if missing:
        await _create(settings, missing, brokers=len(cluster.brokers()))
        await _wait_until_visible(settings, client, missing)
    return [spec.name for spec in missing]


async def _create(settings: Settings, specs: Sequence[TopicSpec], *, brokers: int) -> None:
    replicas = replicas_wanted(settings, brokers=brokers)
    # Only if there are enough copies: without this setting, a topic follows its broker.
    copies = {"min.insync.replicas": str(in_sync_wanted(replicas))} if in_sync_wanted(replicas) > 1 else {}
    admin = await connect_admin(settings)
    try:
        response = await admin.create_topics(
            [NewTopic(spec.name, spec.partitions, replicas, topic_configs=dict(spec.config) | copies) for spec in specs]
        )
    finally:
        await admin.close()
    for name, code, *rest in response.topic_errors:
        if code in (0, TopicAlreadyExistsError.errno):  # another worker was faster
            continue
        reason = (rest[0] if rest else None) or for_code(code).__name__
        hint = "make it yourself, or let this user make topics" if code == TopicAuthorizationFailedError.errno else None
        raise UserError(f"the broker does not create the topic {name}: {reason}", hint=hint)


async def _wait_until_visible(settings: Settings, client: AIOKafkaClient, specs: Sequence[TopicSpec]) -> None:
    deadline_s = time.monotonic() + settings.request_timeout_ms / 1000
    while True:
        cluster = await client.fetch_all_metadata()
        absent = [spec.name for spec in specs if len(cluster.available_partitions_for_topic(spec.name) or ()) == 0]
        if not absent:
            return
        if time.monotonic() > deadline_s:
            raise UserError(f"the broker created the topic {absent[0]}, but no partition of it has a leader")
        await asyncio.sleep(LOOK_S)
