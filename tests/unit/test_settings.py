"""Settings are typed, bounded, and say what is wrong with them."""

from pathlib import Path

import pytest

from app.errors import UserError
from app.settings import Settings, describe_settings, load_settings


def test_the_defaults_are_allowed() -> None:
    assert load_settings({}) == Settings()
    assert load_settings({}).partitions == 24


def test_the_environment_is_read_and_what_is_given_comes_first() -> None:
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2",
        "SHOAL_LATENESS": "2h30m",
        "SHOAL_PARTITIONS": "8",
        "SHOAL_IDLE_CLOCK": "off",
        "SHOAL_IDLE_CLOCK_SPEED": "60",
        "SHOAL_SEGMENTS": "shop",
        "SHOAL_SEGMENT_TOPICS": "ALL",
        "SHOAL_DELIVERY": "at_least_once",
        "HOME": "/",
    }
    settings = load_settings(environ, partitions=4, app_id=None)
    assert settings.kafka_bootstrap_servers == "a:1,b:2"
    assert settings.lateness_ms == 9_000_000
    assert settings.partitions == 4
    assert not settings.idle_clock
    assert settings.idle_clock_speed == 60.0
    assert settings.segments == Path("shop")
    assert settings.segment_topics == "all"
    assert settings.delivery == "at-least-once"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SHOAL_LATENESS": "2 hours"}, "SHOAL_LATENESS is '2 hours'\n  2 hours is not a duration: write 2h"),
        ({"SHOAL_LATENESS": "100d"}, "SHOAL_LATENESS is 100d\n  hint: allowed: a duration from 0s to 30d"),
        ({"SHOAL_PARTITIONS": "many"}, "SHOAL_PARTITIONS is 'many'\n  not a whole number"),
        ({"SHOAL_PARTITIONS": "0"}, "SHOAL_PARTITIONS is 0\n  hint: allowed: a whole number from 1 to 10000"),
        ({"SHOAL_IDLE_CLOCK": "maybe"}, "hint: allowed: on, off"),
        ({"SHOAL_IDLE_CLOCK_SPEED": "fast"}, "not a number"),
        ({"SHOAL_COMPRESSION": "zip"}, "hint: allowed: snappy, lz4, zstd, gzip, none"),
        ({"SHOAL_PARTITION": "3"}, "SHOAL_PARTITION is not a setting\n  hint: did you mean SHOAL_PARTITIONS?"),
        ({"SHOAL_BROKER": "b:9092"}, "SHOAL_BROKER is not a setting\n  hint: docs/settings.md lists them all"),
        ({"SHOAL_GAP": "1h"}, "SHOAL_GAP is not a setting\n  hint: did you mean SHOAL_SESSION_GAP?"),
        (
            {"KAFKA_BOOTSTRAP_SERVERS": "a:9092, b:99999"},
            "kafka_bootstrap_servers: b:99999 has no port from 0 to 65535",
        ),
        ({"SHOAL_STALL_EXIT": "5m"}, "commit_stall_exit is 3m, shorter than stall_exit (5m)"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(environ: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as told:
        load_settings(environ)
    assert message in str(told.value)


def test_an_option_is_named_as_an_option() -> None:
    with pytest.raises(UserError, match=r"^--web-port is 70000"):
        load_settings({}, web_port="70000")


def test_an_empty_variable_is_as_if_it_were_not_there() -> None:
    assert load_settings({"SHOAL_APP_ID": ""}).app_id == "shoal"


def test_secrets_are_never_shown() -> None:
    settings = load_settings({"REDIS_URL": "redis://:hunter2@host", "SHOAL_KAFKA_PASSWORD": "hunter3"})
    assert settings.redis_url == "redis://:hunter2@host"
    assert "hunter" not in repr(settings)


def test_every_setting_is_described() -> None:
    infos = list(describe_settings())
    assert len({info.variable for info in infos}) == len(infos)
    assert all(info.meaning and info.allowed for info in infos)


def test_topics_have_the_prefix() -> None:
    topics = load_settings({}, topic_prefix="a.").topics
    assert topics.clickstream == "a.clickstream"
    assert topics.dead_letters == "a.clickstream.dead-letter"
    assert topics.segment("buyers") == "a.segment.buyers"


def test_every_setting_in_milliseconds_is_given_as_a_duration() -> None:
    assert load_settings({"SHOAL_RETRY_WAIT_MAX": "1m"}).retry_wait_max_ms == 60_000
    assert load_settings({}, retry_wait_max_ms="200ms").retry_wait_max_ms == 200
    for each in describe_settings():
        if "ms" in each.name.split("_"):
            assert each.allowed.startswith("a duration"), each.name


def test_what_hangs_is_given_up_before_the_whole_worker_is() -> None:
    settings = Settings()
    assert settings.batch_timeout_ms <= settings.stall_exit_ms / 2
    assert settings.commit_timeout_ms <= settings.stall_exit_ms / 2
