"""Problems of the topics and brokers of a deployment, and what to do about them. Pure.

Values are texts as the broker tells them. What a broker does not tell is not judged: the embedded one tells nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.runtime.kafka.privacy_check import terms_of
from app.runtime.kafka.topics import (
    REPLICAS_MAX,
    TopicSpec,
    in_sync_wanted,
    message_bytes_max,
    replicas_wanted,
    transaction_timeout_ms,
)
from app.segments.language.durations import format_duration
from app.settings import Settings

EXPIRATION_MS_MIN = 86_400_000
ENCRYPTED = ("ssl", "sasl-ssl")


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is. `replicas`: of the partition that has the fewest; `config` empty: the broker tells nothing."""

    name: str
    partitions: int
    replicas: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    name: of the topic, or `broker N`. wrong: it can lose, repeat or stop something; else it is worth knowing.
    config: what mends it if given to the topic, name and value; None if no setting of the topic does.
    """

    name: str
    wrong: bool
    found: str
    do: str
    config: tuple[str, str] | None = None


def check_topics(
    settings: Settings, specs: Sequence[TopicSpec], states: Mapping[str, TopicState], *, brokers: int
) -> list[Finding]:
    """Each topic against what it should be, in the order of `specs`."""
    counts = {
        states[spec.name].partitions for spec in specs if spec.name in states and not _stands_alone(settings, spec)
    }
    same = counts.pop() if len(counts) == 1 else None
    found: list[Finding] = []
    for spec in specs:
        state = states.get(spec.name)
        if state is None:
            found.append(Finding(spec.name, True, "missing", "shoal topics create"))
            continue
        found += _check_partitions(settings, spec, state, states, same=same)
        found += _check_copies(settings, state, brokers=brokers)
        if state.config:
            found += _check_config(settings, spec, state)
            if settings.privacy == "strict":
                found += _check_terms(settings, spec, state)
    return found


def check_broker(settings: Settings, number: int, config: Mapping[str, str], *, brokers: int) -> list[Finding]:
    """A broker's own settings, as far as it tells them; there are so many `brokers` in all."""
    name = f"broker {number}"
    wrong: list[Finding] = []

    def look(setting: str, *, low: int | None = None, high: int | None = None, what: str) -> None:
        value = _number(config.get(setting))
        if value is not None and low is not None and value < low:
            wrong.append(Finding(name, True, f"{setting}={value}", f"at least {low}: {what}"))
        if value is not None and high is not None and value > high:
            wrong.append(Finding(name, True, f"{setting}={value}", f"at most {high}: {what}"))

    transaction_ms = transaction_timeout_ms(settings)
    what = f"workers ask for transactions of {format_duration(transaction_ms)} (commit_timeout and 5 s)"
    look("transaction.max.timeout.ms", low=transaction_ms, what=what)
    what = "a partition without a change for so long would lose its fence"
    look("transactional.id.expiration.ms", low=EXPIRATION_MS_MIN, what=what)
    session_ms = settings.session_timeout_ms
    what = f"session_timeout is {format_duration(session_ms)}: raise or lower one of the two"
    look("group.min.session.timeout.ms", high=session_ms, what=what)
    look("group.max.session.timeout.ms", low=session_ms, what=what)
    copies = min(REPLICAS_MAX, brokers)
    what = "which transactions were committed is forgotten with one disk otherwise; before the first worker starts"
    look("transaction.state.log.replication.factor", low=copies, what=what)
    look("offsets.topic.replication.factor", low=copies, what="the same for where the group is")
    return wrong


def check_connections(settings: Settings) -> list[Finding]:
    """Connections that carry data about people over a network as plain text, where strict privacy is asked for."""
    if settings.privacy != "strict":
        return []
    found = []
    servers = [server.rpartition(":")[0] for server in settings.kafka_bootstrap_servers.split(",")]
    if settings.kafka_security not in ENCRYPTED and not all(map(_is_here, servers)):
        said = f"connections are not encrypted: {settings.kafka_security}"
        found.append(Finding("Kafka", True, said, "set SHOAL_KAFKA_SECURITY to ssl or sasl-ssl"))
    redis = urlsplit(settings.redis_url)
    if redis.scheme == "redis" and not _is_here(redis.hostname or ""):
        said = "connections are not encrypted: redis://"
        found.append(Finding("Redis", True, said, "let REDIS_URL begin with rediss://"))
    return found


def _is_here(host: str) -> bool:
    """True for an address of this machine."""
    return host.strip("[] ") in ("localhost", "127.0.0.1", "::1")


def _check_partitions(
    settings: Settings, spec: TopicSpec, state: TopicState, states: Mapping[str, TopicState], *, same: int | None
) -> Iterator[Finding]:
    if state.partitions == spec.partitions:
        return
    has = f"{state.partitions} partitions"
    if _stands_alone(settings, spec):
        do = "make it anew with one"
        if spec.name == settings.topics.catalog:
            do += ", and publish again (shoal publish): a catalog is one thing"
        yield Finding(spec.name, True, has, do)
        return
    if same is not None:
        do = f"SHOAL_PARTITIONS={same}: all topics have this number, the setting says {spec.partitions}"
        yield Finding(spec.name, True, has, do)
        return
    source = states.get(settings.topics.clickstream)
    wanted = spec.partitions if source is None else source.partitions
    if spec.name == settings.topics.clickstream:
        yield Finding(
            spec.name,
            True,
            has,
            f"the setting says {spec.partitions}, and other topics differ: if partitions were added, users have moved "
            "away from their profiles: start again with another topic_prefix and replay the input",
        )
    elif state.partitions < wanted:
        do = f"kafka-topics --alter --topic {spec.name} --partitions {wanted}: as many as {settings.topics.clickstream}"
        yield Finding(spec.name, True, has, do)
    elif state.partitions > wanted:
        do = f"make it anew with {wanted}, as many as {settings.topics.clickstream}: partitions cannot be taken away"
        yield Finding(spec.name, True, has, do)


def _stands_alone(settings: Settings, spec: TopicSpec) -> bool:
    """True if its partitions have nothing to do with those of the input."""
    return spec.name == settings.topics.catalog or (spec.partitions == 1 and settings.partitions != 1)


def _check_copies(settings: Settings, state: TopicState, *, brokers: int) -> Iterator[Finding]:
    wanted = replicas_wanted(settings, brokers=brokers)
    if state.replicas < wanted:
        do = f"{wanted} copies (kafka-reassign-partitions): what a lost disk held is gone otherwise"
        yield Finding(state.name, True, f"replication factor {state.replicas}", do)
    in_sync = _number(state.config.get("min.insync.replicas"))
    if in_sync is None:
        return
    told = f"min.insync.replicas={in_sync}"
    if in_sync > state.replicas:
        do = "nothing can be written to it: as many as there are copies, less one"
        yield _config_finding(state.name, told, "min.insync.replicas", str(max(1, state.replicas - 1)), do)
    elif in_sync == state.replicas > 1:
        do = "one broker away stops everything: one less than there are copies"
        yield _config_finding(state.name, told, "min.insync.replicas", str(state.replicas - 1), do, wrong=False)
    elif in_sync < in_sync_wanted(state.replicas):
        do = "what only one broker has counts as written: it can be lost with it"
        yield _config_finding(state.name, told, "min.insync.replicas", str(in_sync_wanted(state.replicas)), do)


def _check_config(settings: Settings, spec: TopicSpec, state: TopicState) -> Iterator[Finding]:
    topics, config = settings.topics, state.config
    wanted = dict(spec.config)
    policy = config.get("cleanup.policy")
    if policy is not None and policy != wanted["cleanup.policy"]:
        why = {
            "compact": "what is remembered would be deleted by age",
            "delete": "all but the last record of each user would be taken away",
        }[wanted["cleanup.policy"]]
        yield _config_finding(spec.name, f"cleanup.policy={policy}", "cleanup.policy", wanted["cleanup.policy"], why)
    for setting in ("retention.ms", "retention.bytes"):
        value = config.get(setting)
        names_nobody = spec.name == topics.catalog_history
        free = settings.privacy == "strict" and not names_nobody
        if free or value is None or value == "-1" or policy == "compact":
            continue
        told = f"{setting}={value}"
        if setting == "retention.ms" and (after_ms := _number(value)) is not None:
            told += f" ({format_duration(after_ms)})"
        if spec.name == topics.journal:
            why = "without the whole journal nothing can be computed again, and idle moves are forgotten"
            yield _config_finding(spec.name, told, setting, "-1", why)
        elif names_nobody:
            why = "earlier publications could not be shown, compared or published again"
            yield _config_finding(spec.name, told, setting, "-1", why)
        elif spec.name == topics.clickstream:
            why = (
                "worth knowing: what workers do not read in time is lost, shoal verify needs all of it, and records of "
                "old events go at once, since their own time counts"
            )
            yield _config_finding(spec.name, told, setting, "-1", why, wrong=False)
    bytes_max = _number(config.get("max.message.bytes"))
    if bytes_max is not None and bytes_max < settings.write_bytes_max and spec.name != topics.clickstream:
        why = f"a record batch has up to {settings.write_bytes_max} bytes (write_bytes_max): the broker would refuse it"
        yield _config_finding(
            spec.name, f"max.message.bytes={bytes_max}", "max.message.bytes", str(message_bytes_max(settings)), why
        )
    compression = config.get("compression.type")
    if compression not in (None, "producer"):
        why = "the broker packs every batch anew, which costs it processor time"
        told = f"compression.type={compression}"
        yield _config_finding(spec.name, told, "compression.type", "producer", why, wrong=False)
    if config.get("unclean.leader.election.enable") == "true":
        why = "a broker that was behind may become leader: acknowledged records are lost then"
        setting = "unclean.leader.election.enable"
        yield _config_finding(spec.name, f"{setting}=true", setting, "false", why)
    tombstones_ms = _number(config.get("delete.retention.ms"))
    if spec.name == topics.profiles and tombstones_ms is not None and tombstones_ms < settings.stall_exit_ms:
        why = "a restore that takes longer would find users again who were forgotten"
        setting = "delete.retention.ms"
        yield _config_finding(spec.name, f"{setting}={tombstones_ms}", setting, str(EXPIRATION_MS_MIN), why)


def _check_terms(settings: Settings, spec: TopicSpec, state: TopicState) -> Iterator[Finding]:
    """Checks the terms of a topic with records about users: all but definitions, drafts, audit records and censuses."""
    topics = settings.topics
    if spec.name in (topics.catalog, topics.catalog_history, topics.audit, topics.drafts, topics.population):
        return
    compacted = dict(spec.config)["cleanup.policy"] == "compact"
    for setting, most, why in terms_of(state.config, compacted=compacted):
        yield _config_finding(spec.name, f"{setting}={state.config[setting]}", setting, str(most), why)


def _config_finding(name: str, found: str, setting: str, value: str, why: str, *, wrong: bool = True) -> Finding:
    return Finding(name, wrong, found, f"{setting}={value}: {why}", (setting, value))


def remedies(found: Iterable[Finding], *, bootstrap_servers: str) -> list[str]:
    """One command of Kafka's tools for each topic that a setting mends; what is only worth knowing is left out."""
    configs: dict[str, dict[str, str]] = {}
    for finding in found:
        if finding.config is not None and finding.wrong:
            configs.setdefault(finding.name, {})[finding.config[0]] = finding.config[1]
    return [
        f"kafka-configs --bootstrap-server {bootstrap_servers} --alter --topic {name} "
        f"--add-config {','.join(f'{setting}={value}' for setting, value in config.items())}"
        for name, config in configs.items()
    ]


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
