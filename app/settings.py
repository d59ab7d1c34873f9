"""Every setting of a worker: its unit, default, bounds and meaning; read from the environment and the command line.

The variable of a setting is `SHOAL_` and its name in capitals without the unit (`lateness_ms` is `SHOAL_LATENESS`);
durations are written as in definitions (`5s`, `1h30m`). `KAFKA_BOOTSTRAP_SERVERS` and `REDIS_URL` keep the names that
everyone uses.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from app.configuration.incoming_ids import incoming_ids
from app.configuration.setting import SettingInfo, option_of, setting, variable_of
from app.configuration.setting_value import (
    SHIPPED,
    allowed_values,
    check_bounds,
    nearest_setting,
    parse_value,
    shown,
)
from app.configuration.stream_settings import StreamSettings
from app.errors import UserError
from app.events.user_ids import BLOCKED_IDS, UserIds, blocked_ids
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.durations import format_duration

PORT_MAX = 65_535
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
SegmentTopics = Literal["listed", "all", "none"]
DeliveryChoice = Literal["auto", "at-least-once", "exactly-once"]
Security = Literal["plaintext", "ssl", "sasl-plaintext", "sasl-ssl"]
CatalogSource = Literal["folder", "topic"]
Compression = Literal["snappy", "lz4", "zstd", "gzip", "none"]
ProfileStore = Literal["memory", "disk"]
LogLevel = Literal["debug", "info", "warning", "error"]
Keep = Literal["all", "catalog"]
Privacy = Literal["off", "strict"]
LogFormat = Literal["text", "json"]
PlanRefuses = Literal["nothing", "wrong", "unplanned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(StreamSettings):
    """All settings of a worker. Units end the names: `_ms` milliseconds, `_bytes` bytes."""

    # Where the brokers are.
    kafka_bootstrap_servers: str = setting(
        "127.0.0.1:9092", "Kafka brokers, host:port, separated by commas", variable="KAFKA_BOOTSTRAP_SERVERS"
    )
    kafka_security: Security = setting("plaintext", "Security protocol of the connections to the brokers")
    kafka_sasl_mechanism: str = setting("PLAIN", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
    kafka_username: str = setting("", "User of SASL")
    kafka_password: str = setting("", "Password of SASL", secret=True)
    kafka_ca_file: str = setting("", "File of the certificates that sign the brokers'; empty: the system's")
    redis_url: str = setting("", "Redis for memberships; empty: none", variable="REDIS_URL", secret=True)

    # Who this worker is.
    app_id: str = setting("shoal", "Name of the deployment: consumer group, prefix of transactional ids")
    group_instance_id: str = setting("", "Static member id, so that a quick restart moves no partition; empty: none")

    # Topics.
    partitions: int = setting(24, "Partitions of every topic; bounds the number of workers", low=1, high=10_000)
    replication_factor: int = setting(
        0, "Copies of each new topic; 0: three, or as many as there are brokers", low=0, high=9
    )
    topic_prefix: str = setting("", "Put before the name of every topic")
    topic_clickstream: str = setting("clickstream", "Input: one message an event, key is the user")
    topic_changes: str = setting("segment.changes", "Output: every change")
    topic_segment_prefix: str = setting("segment.", "Output: a topic of one segment is this and its name")
    topic_profiles: str = setting("shoal.profiles", "Private: changelog of profiles and positions, compacted")
    topic_journal: str = setting("shoal.journal", "Private: what moved a partition other than its records")
    topic_catalog: str = setting("shoal.catalog", "Published definitions, compacted")

    privacy: Privacy = setting(
        "off", "strict: shoal topics check wants every topic about users to forget within 30 days"
    )

    # Definitions.
    catalog: CatalogSource = setting(
        "folder", "Where definitions come from: a folder, read at the start, or the topic that shoal publish writes"
    )
    segments: Path = setting(SHIPPED / "segments", "Folder of the definitions (.yaml); without one, the shipped ones")
    segment_topics: SegmentTopics = setting(
        "listed", "Which segments have a topic of their own: those with `topic: true`, all, or none"
    )

    # Time.
    disorder_ms: int = setting(
        5_000, "Time that a partition's clock stays behind the highest event time", low=0, high=HOUR_MS
    )
    lateness_ms: int = setting(DAY_MS, "Age behind `now` above which an event is late", low=0, high=30 * DAY_MS)
    skew_max_ms: int = setting(5 * MINUTE_MS, "Time ahead of its receipt that makes a dead letter", low=0, high=DAY_MS)
    session_gap_ms: int = setting(30 * MINUTE_MS, "Silence after which a visit is over", low=1_000, high=DAY_MS)
    retention_ms: int = setting(
        400 * DAY_MS, "Silence after which a user is forgotten", low=HOUR_MS, high=3_650 * DAY_MS
    )
    idle_clock: bool = setting(True, "Whether the clock of a partition advances while there is nothing left to read")
    idle_clock_speed: float = setting(
        1.0, "Pace of the idle clock; 1: that of the wall clock", low=0.001, high=1_000_000
    )

    # Users.
    blocked_ids: str = setting(
        ",".join(BLOCKED_IDS),
        "Values of userId and anonymousId that name nobody, separated by commas; case, blanks and quotes around them "
        "do not count, 0 stands for all of zeros and dashes",
    )

    pseudonym_keys: str = setting(
        "",
        "Keys of pseudonyms in place of ids: name:secret, separated by commas, the newest first; empty: none",
        secret=True,
    )
    pseudonym_keys_file: str = setting("", "File with these keys instead, one name:secret a line, the newest first")

    # Batches.
    batch_records_max: int = setting(10_000, "Records of one micro-batch at most", low=1, high=100_000)
    pace_ms: int = setting(20, "Least time between the starts of a partition's micro-batches", low=0, high=10_000)
    fetch_wait_ms: int = setting(100, "How long the broker may wait for something to read", low=1, high=10_000)
    fetch_bytes_max: int = setting(4 << 20, "Largest fetch of a partition, in bytes", low=64 << 10, high=64 << 20)
    write_bytes_max: int = setting(900_000, "Largest record batch that is written, in bytes", low=16_384, high=16 << 20)
    # lz4 is as small, but aiokafka writes it at its slowest level: 60 MB/s, and snappy at 600.
    compression: Compression = setting("snappy", "Compression of the record batches that are written")
    delivery: DeliveryChoice = setting("auto", "How changes are delivered; auto: exactly once where the broker can")
    fast_path: bool = setting(
        True, "Whether common events go through the fast path (the C extension), where it was built"
    )
    poison_tries: int = setting(3, "Tries of a failing record before it becomes a dead letter", low=1, high=100)

    # Limits of waiting.
    start_timeout_ms: int = setting(
        10_000, "Longest search for the broker at the start of a process", low=100, high=600_000
    )
    request_timeout_ms: int = setting(10_000, "Longest wait for an answer of the broker", low=500, high=300_000)
    batch_timeout_ms: int = setting(30_000, "Longest time an agent may work on one batch", low=100, high=600_000)
    commit_timeout_ms: int = setting(20_000, "Longest time that a commit of a batch may take", low=500, high=600_000)
    drain_timeout_ms: int = setting(
        3_000, "Longest time for the batch in progress when its partition is revoked", low=0, high=60_000
    )
    session_timeout_ms: int = setting(
        6_000, "Silence after which the group assigns a worker's partitions to others", low=1_000, high=300_000
    )
    retry_wait_max_ms: int = setting(
        5_000, "Longest pause before a failed partition opens again", low=100, high=300_000
    )
    stall_exit_ms: int = setting(
        60_000, "Time without progress of event loop or partition that ends a worker", low=2_000, high=HOUR_MS
    )
    commit_stall_exit_ms: int = setting(
        180_000,
        "Time without a commit, in a partition with records to read, that ends a worker",
        low=5_000,
        high=HOUR_MS,
    )

    # Readers and intake: memberships, destinations, intake.
    redis_prefix: str = setting("shoal:", "Prefix of the name of every key in Redis")
    counts_every_ms: int = setting(HOUR_MS, "Interval of counting each segment's users", low=1_000, high=7 * DAY_MS)
    counts_kept_ms: int = setting(
        92 * DAY_MS, "Retention of the counts of users in each segment", low=1_000, high=3_700 * DAY_MS
    )
    census_every_ms: int = setting(
        DAY_MS, "Interval of counting all users for top(10%) and the like", low=1_000, high=90 * DAY_MS
    )
    redis_timeout_ms: int = setting(5_000, "Longest wait for an answer of Redis", low=100, high=60_000)
    destinations: Path = setting(Path("destinations"), "Folder of the destinations (.yaml)")
    private_destinations: bool = setting(
        False, "Whether destinations may be at private, loopback and link-local addresses"
    )
    destination_refusals_max: int = setting(
        20, "Refusals in a row after which a destination is paused; 0: never", low=0, high=10_000
    )
    topic_destinations: str = setting(
        "shoal.destinations", "Private topic: the position of each destination, compacted"
    )
    topic_intake: str = setting("shoal.intake", "Private topic: the position of intake in each source, compacted")
    sources: str = setting(
        "",
        "Sources of shoal intake: topic, kinesis:STREAM, pubsub:PROJECT/SUBSCRIPTION; with =segment-raw, ga4, posthog",
    )

    enrichers: str = setting("", "Enrichers of shoal intake, by name, separated by commas; empty: none")
    enricher_keywords: str = setting("", "File of the topics and words of the enricher keywords")

    # The warehouse.
    warehouse: str = setting("", "Place of the Parquet files of shoal warehouse: a folder, or s3://bucket/path")
    warehouse_tables: str = setting(
        "events,changes,identity,dead_letters,undelivered", "Tables of shoal warehouse, separated by commas"
    )
    warehouse_every_ms: int = setting(
        MINUTE_MS, "Time for which records are collected before they are written to files", low=100, high=HOUR_MS
    )
    warehouse_file_bytes_max: int = setting(
        16 << 20, "Size at which a file of the warehouse grows no more, in bytes", low=1, high=1 << 30
    )

    # Memory.
    profiles_bytes_max: int = setting(
        0, "Memory for profiles, in bytes, above which a worker warns; 0: no limit", low=0, high=1 << 50
    )

    profile_store: ProfileStore = setting(
        "memory", "Where profiles are held: memory, or disk (RocksDB) for partitions that are larger than it"
    )
    profile_directory: Path = setting(Path("shoal-profiles"), "Folder of the profiles on disk; emptied at each start")

    # Monitoring.
    web_port: int = setting(0, "Port of /metrics, /live, /ready; 0: none", low=0, high=65_535)
    web_host: str = setting("127.0.0.1", "Address at which /metrics, /live and /ready listen")
    log_level: LogLevel = setting("info", "Least severe lines that are logged")
    log_format: LogFormat = setting("text", "Lines for people, or one JSON object a line")

    # The audit log.
    audit_secret: str = setting("", "Secret of the HMAC of users in audit records; empty: they name none", secret=True)
    audit_actor: str = setting("", "Who runs a command, in audit records; empty: the account of the system")
    audit_retention_ms: int = setting(
        1_095 * DAY_MS, "Time that audit records are kept, given to a new topic", low=DAY_MS, high=3_650 * DAY_MS
    )

    # The HTTP service.
    keep: Keep = setting(
        "all",
        "What shoal serve takes of events: all, or only ids, times and what definitions read (catalog)",
    )
    serve_host: str = setting("127.0.0.1", "Address of shoal serve")
    serve_port: int = setting(8080, "Port of shoal serve; 0: a free one", low=0, high=65_535)
    public_url: str = setting("", "Where browsers find shoal serve; empty: where they asked")
    cors_origins: str = setting("*", "Origins whose pages may ask shoal serve, separated by commas; *: all")
    write_keys: str = setting("", "Who may send events: name:hash, separated by commas; see shoal keys", secret=True)
    write_keys_file: str = setting("", "File with further keys, one name:hash a line")
    forward_keys: str = setting(
        "", "Who may pass on events with the time at which they were received before: name:hash", secret=True
    )
    forward_keys_file: str = setting("", "File with further keys, one name:hash a line")
    read_keys: str = setting("", "Who may ask for users and segments: name:hash; empty: nobody", secret=True)
    read_keys_file: str = setting("", "File with further keys, one name:hash a line")
    admin_keys: str = setting("", "Who may administer: name:hash; empty: nobody", secret=True)
    admin_keys_file: str = setting("", "File with further keys, one name:hash a line")
    token_secret: str = setting("", "Secret that signs visitors' tokens; empty: no tokens", secret=True)
    token_secrets: str = setting(
        "",
        "Secrets of visitors' tokens as id:secret, separated by commas: the first signs, all are accepted",
        secret=True,
    )
    collect_rate: int = setting(
        10_000, "Events a second that each key may send to one process; 0: any", low=0, high=1_000_000
    )
    tracking_plan: str = setting("", "File of a tracking plan that events are held against; empty: none")
    tracking_plan_refuses: PlanRefuses = setting(
        "nothing", "Events refused by the plan: nothing, wrong (against their schema), unplanned (also those not in it)"
    )
    ack_timeout_ms: int = setting(5_000, "Longest wait for Kafka before events are refused", low=100, high=60_000)
    connections_max: int = setting(
        20_000,
        "Open connections of shoal serve, or as many as it may open files for; with more, idle ones are closed",
        low=10,
        high=1_000_000,
    )
    requests_max: int = setting(
        2_000, "Requests that one process works on at once; with more the answer is 503", low=1, high=100_000
    )
    stream_clients_max: int = setting(1_000, "Live streams that one process serves at once", low=0, high=100_000)
    stream_heartbeat_ms: int = setting(15_000, "Longest silence of a live stream", low=100, high=300_000)

    def __post_init__(self) -> None:
        for each in fields(self):
            check_bounds(each, getattr(self, each.name), where=each.name)
        for server in self.kafka_bootstrap_servers.split(","):
            port = server.rpartition(":")[2]
            if port.isdecimal() and int(port) > PORT_MAX:
                raise UserError(
                    f"kafka_bootstrap_servers: {server.strip()} has no port from 0 to {PORT_MAX}",
                    hint="set KAFKA_BOOTSTRAP_SERVERS to host:port of a running broker, or --broker",
                )
        if self.commit_stall_exit_ms < self.stall_exit_ms:
            raise UserError(
                f"commit_stall_exit is {format_duration(self.commit_stall_exit_ms)}, shorter than stall_exit "
                f"({format_duration(self.stall_exit_ms)})",
                hint="a partition commits less often than it makes progress: set a longer time",
            )

    @property
    def time_rules(self) -> TimeRules:
        """The settings that decide how times, users and link records are read."""
        shared = ("disorder_ms", "lateness_ms", "skew_max_ms", "session_gap_ms", "retention_ms", "user_ids")
        return TimeRules(app=self.app_id, **{name: getattr(self, name) for name in shared})

    @property
    def user_ids(self) -> UserIds:
        """Tells ids of users from values that name nobody."""
        return UserIds(blocked_ids(self.blocked_ids))

    @property
    def incoming_ids(self) -> UserIds:
        """Ids as senders and questions name people, as keys: pseudonyms, if there are keys for them."""
        return incoming_ids(self.blocked_ids, self.pseudonym_keys, self.pseudonym_keys_file)

    @property
    def topics(self) -> "Topics":
        """The names of all topics, with the prefix."""
        prefix = self.topic_prefix
        clickstream = prefix + self.topic_clickstream
        return Topics(
            clickstream=clickstream,
            changes=prefix + self.topic_changes,
            segment_prefix=prefix + self.topic_segment_prefix,
            profiles=prefix + self.topic_profiles,
            journal=prefix + self.topic_journal,
            catalog=prefix + self.topic_catalog,
            destinations=prefix + self.topic_destinations,
            intake=prefix + self.topic_intake,
            identity=f"{prefix}shoal.identity",
            erasures=f"{prefix}shoal.erasures",
            population=f"{prefix}shoal.population",
            audit=f"{prefix}shoal.audit",
            drafts=f"{prefix}shoal.drafts",
            dead_letters=f"{clickstream}.dead-letter",
            late=f"{clickstream}.late",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Names of topics as the broker knows them."""

    clickstream: str
    changes: str
    segment_prefix: str
    profiles: str
    journal: str
    catalog: str
    destinations: str
    intake: str
    identity: str
    erasures: str
    population: str
    audit: str
    drafts: str
    dead_letters: str
    late: str

    @property
    def catalog_history(self) -> str:
        """The topic of all publications."""
        return f"{self.catalog}.history"

    def segment(self, name: str) -> str:
        """The topic of one segment."""
        return self.segment_prefix + name


def load_settings(environ: Mapping[str, str] | None = None, /, **given: Any) -> Settings:
    """Settings from the environment (the process's by default); what is `given` and not None comes first.

    A value given as text is read as from the environment. Raises UserError that names the variable, the value and
    what is allowed; also for an unknown variable that begins with SHOAL_.

    >>> load_settings({"SHOAL_LATENESS": "2h"}, partitions="4").lateness_ms
    7200000
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    known = {variable_of(each): each for each in fields(Settings)}
    for name in environ:
        if name.startswith("SHOAL_") and name not in known:
            raise UserError(f"{name} is not a setting", hint=nearest_setting(name, known))
    for variable, each in known.items():
        if (raw := environ.get(variable)) is not None and raw.strip():
            values[each.name] = parse_value(each, raw.strip(), where=variable)
    by_name = {each.name: each for each in fields(Settings)}
    for name, value in given.items():
        if value is None:
            continue
        if name not in by_name:
            raise UserError(f"{name} is not a setting", hint=nearest_setting(name, by_name))
        each = by_name[name]
        values[name] = parse_value(each, value, where=option_of(each)) if isinstance(value, str) else value
    return Settings(**values)


def describe_settings() -> Iterator[SettingInfo]:
    """Every setting, in order, for the documentation; secrets without their default."""
    for each in sorted(fields(Settings), key=lambda each: each.name.startswith("console_")):
        yield SettingInfo(
            name=each.name,
            variable=variable_of(each),
            default="" if each.metadata["secret"] else shown(each, each.default),
            allowed=allowed_values(each),
            meaning=each.metadata["meaning"],
        )
