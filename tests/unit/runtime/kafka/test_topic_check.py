"""Problems of topics are reported."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.runtime.kafka.topic_check import Finding, TopicState, check_broker, check_connections, check_topics, remedies
from app.runtime.kafka.topics import TopicSpec, history_topic, topic_specs
from app.settings import Settings, load_settings

SETTINGS = load_settings({}, partitions=6)
TOPICS = SETTINGS.topics


def specs(settings: Settings) -> list[TopicSpec]:
    return [*topic_specs(settings, ["buyers"]), history_topic(settings)]


def right(settings: Settings = SETTINGS, *, replicas: int = 3) -> dict[str, TopicState]:
    """Topics as `create` makes them on three brokers."""
    return {
        spec.name: TopicState(spec.name, spec.partitions, replicas, dict(spec.config) | {"min.insync.replicas": "2"})
        for spec in specs(settings)
    }


def check(states: Mapping[str, TopicState], *, settings: Settings = SETTINGS, brokers: int = 3) -> list[Finding]:
    return check_topics(settings, specs(settings), states, brokers=brokers)


def changed(name: str, config: Mapping[str, str] | None = None, **given: Any) -> list[Finding]:
    """Returns the report when one topic is different."""
    states = right()
    there = states[name]
    states[name] = replace(there, config=dict(there.config) | dict(config or {}), **given)
    return check(states)


def test_nothing_is_said_of_topics_that_are_right() -> None:
    assert check(right()) == []
    assert check({name: replace(state, config={}) for name, state in right().items()}) == []


def test_every_missing_topic_is_named() -> None:
    found = check({})
    assert [(finding.name, finding.found, finding.wrong) for finding in found] == [
        (spec.name, "missing", True) for spec in specs(SETTINGS)
    ]


@pytest.mark.parametrize(
    ("name", "config", "wrong"),
    [
        (TOPICS.profiles, {"cleanup.policy": "delete"}, True),
        (TOPICS.profiles, {"cleanup.policy": "compact,delete"}, True),
        (TOPICS.catalog, {"cleanup.policy": "delete"}, True),
        (TOPICS.catalog_history, {"retention.ms": "604800000"}, True),
        (TOPICS.catalog_history, {"cleanup.policy": "compact"}, True),
        (TOPICS.changes, {"cleanup.policy": "compact"}, True),
        (TOPICS.segment("buyers"), {"cleanup.policy": "compact"}, True),
        (TOPICS.clickstream, {"cleanup.policy": "compact"}, True),
        (TOPICS.journal, {"retention.ms": "604800000"}, True),
        (TOPICS.journal, {"retention.bytes": "1000000"}, True),
        (TOPICS.clickstream, {"retention.ms": "604800000"}, False),
        (TOPICS.changes, {"max.message.bytes": "100000"}, True),
        (TOPICS.profiles, {"min.insync.replicas": "1"}, True),
        (TOPICS.profiles, {"min.insync.replicas": "4"}, True),
        (TOPICS.profiles, {"min.insync.replicas": "3"}, False),
        (TOPICS.profiles, {"unclean.leader.election.enable": "true"}, True),
        (TOPICS.profiles, {"delete.retention.ms": "1000"}, True),
        (TOPICS.changes, {"compression.type": "zstd"}, False),
    ],
)
def test_a_wrong_setting_is_told_with_the_value_that_mends_it(name: str, config: dict[str, str], wrong: bool) -> None:
    (finding,) = changed(name, config)
    ((setting, value),) = config.items()
    assert (finding.name, finding.wrong) == (name, wrong)
    assert finding.found.startswith(f"{setting}={value}")
    assert finding.config is not None
    assert finding.config[0] == setting
    assert changed(name, dict([finding.config])) == []


@pytest.mark.parametrize("name", [TOPICS.changes, TOPICS.late, TOPICS.dead_letters])
def test_what_others_read_may_be_kept_as_long_as_its_owner_likes(name: str) -> None:
    assert changed(name, {"retention.ms": "3600000"}) == []


def test_the_clickstream_may_have_smaller_messages() -> None:
    assert changed(TOPICS.clickstream, {"max.message.bytes": "40000"}) == []


def test_too_few_copies_are_told() -> None:
    (finding,) = changed(TOPICS.changes, replicas=2, config={"min.insync.replicas": "1"})
    assert (finding.found, finding.wrong) == ("replication factor 2", True)
    assert check({name: replace(state, replicas=1, config={}) for name, state in right().items()}, brokers=1) == []


def test_when_all_topics_have_another_number_of_partitions_the_setting_is_wrong() -> None:
    found = check(right(load_settings({}, partitions=12)))
    assert {finding.do.split(":")[0] for finding in found} == {"SHOAL_PARTITIONS=12"}
    assert TOPICS.catalog not in {finding.name for finding in found}


def test_a_topic_that_differs_from_the_others_is_told_by_what_can_be_done() -> None:
    (fewer,) = changed(TOPICS.changes, partitions=4)
    assert "--partitions 6" in fewer.do
    (more,) = changed(TOPICS.changes, partitions=8)
    assert "make it anew with 6" in more.do
    (catalog,) = changed(TOPICS.catalog, partitions=2)
    assert "publish again" in catalog.do
    enlarged = changed(TOPICS.clickstream, partitions=12)
    assert "users have moved away from their profiles" in enlarged[0].do


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"transaction.max.timeout.ms": "24000"}, "at least 25000"),
        ({"transactional.id.expiration.ms": "60000"}, "at least 86400000"),
        ({"group.min.session.timeout.ms": "10000"}, "at most 6000"),
        ({"group.max.session.timeout.ms": "5000"}, "at least 6000"),
        ({"transaction.state.log.replication.factor": "1"}, "at least 3"),
        ({"offsets.topic.replication.factor": "2"}, "at least 3"),
    ],
)
def test_a_brokers_own_settings_are_looked_at(config: dict[str, str], said: str) -> None:
    (finding,) = check_broker(SETTINGS, 1, config, brokers=3)
    assert finding.name == "broker 1"
    assert said in finding.do
    assert check_broker(SETTINGS, 1, {"transaction.max.timeout.ms": "900000", "log.dirs": "data"}, brokers=3) == []


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"kafka_bootstrap_servers": "kafka:9092", "redis_url": "redis://cache:6379"}, ["Kafka", "Redis"]),
        ({"kafka_bootstrap_servers": "127.0.0.1:9092,kafka:9092", "kafka_security": "sasl-plaintext"}, ["Kafka"]),
        ({"kafka_bootstrap_servers": "kafka:9092", "kafka_security": "ssl", "redis_url": "rediss://cache"}, []),
        ({"kafka_bootstrap_servers": "localhost:9092,[::1]:9093", "redis_url": "redis://127.0.0.1/0"}, []),
    ],
)
def test_connections_over_a_network_are_encrypted_where_privacy_is_strict(given: Any, names: list[str]) -> None:
    strict = replace(SETTINGS, privacy="strict", **given)
    assert [finding.name for finding in check_connections(strict)] == names
    assert check_connections(replace(strict, privacy="off")) == []


def test_one_command_a_topic_mends_its_settings() -> None:
    states = right()
    for name in (TOPICS.profiles, TOPICS.journal):
        config = dict(states[name].config) | {"cleanup.policy": "compact,delete", "min.insync.replicas": "1"}
        states[name] = replace(states[name], config=config)
    first, second = remedies(check(states), bootstrap_servers="kafka:9092")
    assert first == (
        "kafka-configs --bootstrap-server kafka:9092 --alter --topic shoal.profiles "
        "--add-config min.insync.replicas=2,cleanup.policy=compact"
    )
    assert "--topic shoal.journal --add-config min.insync.replicas=2,cleanup.policy=delete" in second


DAY_MS = 86_400_000
STRICT = load_settings({}, privacy="strict")
FORGETTING = {"retention.ms": str(30 * DAY_MS)}
COMPACTING = {"max.compaction.lag.ms": str(7 * DAY_MS), "delete.retention.ms": str(DAY_MS)}


def strict(**changes: Mapping[str, str]) -> list[Finding]:
    """Returns the report under privacy=strict, where all topics forget in time but for what is changed by name."""
    states = {}
    for name, state in right(STRICT).items():
        own = {} if name == TOPICS.catalog_history else FORGETTING
        own = COMPACTING if state.config["cleanup.policy"] == "compact" else own
        config = dict(state.config) | own | dict(changes.get(name.replace(".", "_"), {}))
        states[name] = replace(state, config=config)
    return check(states, settings=STRICT)


def test_topics_that_forget_in_time_are_right_under_strict_privacy() -> None:
    assert strict() == []


@pytest.mark.parametrize(
    ("topic", "setting", "value", "most"),
    [
        (TOPICS.clickstream, "retention.ms", "-1", 30 * DAY_MS),
        (TOPICS.late, "retention.ms", str(31 * DAY_MS), 30 * DAY_MS),
        (TOPICS.dead_letters, "retention.ms", "-1", 30 * DAY_MS),
        (TOPICS.changes, "retention.ms", "-1", 30 * DAY_MS),
        (TOPICS.segment("buyers"), "retention.ms", "-1", 30 * DAY_MS),
        (TOPICS.journal, "retention.ms", "-1", 30 * DAY_MS),
        (TOPICS.identity, "retention.ms", "-1", 30 * DAY_MS),
        (TOPICS.profiles, "max.compaction.lag.ms", "9223372036854775807", 7 * DAY_MS),
        (TOPICS.profiles, "delete.retention.ms", str(2 * DAY_MS), DAY_MS),
    ],
)
def test_a_topic_that_keeps_users_for_too_long_is_wrong_under_strict_privacy(
    topic: str, setting: str, value: str, most: int
) -> None:
    (finding,) = strict(**{topic.replace(".", "_"): {setting: value}})
    assert (finding.name, finding.wrong, finding.config) == (topic, True, (setting, str(most)))
    assert "privacy=strict" in finding.do
