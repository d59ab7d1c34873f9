"""Access lists with the names of a deployment, and as commands. tests/contract compares them with a real Kafka."""

import shlex

import pytest

from app.cli.main import main
from app.runtime.kafka.access_list import Grant, access_lists, commands, scaler_access
from app.settings import Settings

OWN = Settings(app_id="eu", topic_prefix="shop.", topic_clickstream="events", topic_segment_prefix="in.")


def test_names_are_those_of_the_settings() -> None:
    lists = access_lists(OWN, sources=["raw"])
    names = {grant.name for grants in lists.values() for grant in grants if grant.resource == "topic"} - {"raw"}
    assert all(name.startswith("shop.") for name in names), names
    others = {grant.name for grants in lists.values() for grant in grants if grant.resource != "topic"}
    assert all(name.startswith("eu") or name == "kafka-cluster" for name in others), others
    assert Grant(operation="Read", resource="topic", name="shop.events") in lists["worker"]
    assert Grant(operation="Read", resource="topic", name="raw") in lists["intake"]
    assert {grant.name for grant in scaler_access(OWN)} == {"shop.events", "eu"}


def test_only_workers_may_write_what_changes_are_made_of() -> None:
    lists = access_lists(Settings())
    private = {Settings().topics.profiles, Settings().topics.journal, Settings().topics.changes}
    writers = {
        process
        for process, grants in lists.items()
        for each in grants
        if each.operation == "Write" and each.name in private
    }
    assert writers == {"worker"}


def test_a_grant_is_a_command_of_kafkas_own_tool() -> None:
    grants = (
        Grant(operation="Write", resource="topic", name="in.", prefix=True),
        Grant(operation="DescribeConfigs", resource="cluster", name="kafka-cluster"),
    )
    head = "kafka-acls.sh --bootstrap-server a:1 --add --allow-principal User:eu-worker --operation"
    assert list(commands(grants, principal="User:eu-worker", bootstrap_servers="a:1")) == [
        f"{head} Write --topic in. --resource-pattern-type prefixed",
        f"{head} DescribeConfigs --cluster",
    ]


def test_the_command_prints_all_of_them(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_APP_ID", "eu")
    monkeypatch.setenv("SHOAL_SOURCES", "raw=ga4")
    assert main(["topics", "acls", "--broker", "kafka:9092"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.removeprefix("# shoal ") for line in lines if line.startswith("#")] == list(access_lists(Settings()))
    asked = [shlex.split(line) for line in lines if not line.startswith("#")]
    assert all(words[:3] == ["kafka-acls.sh", "--bootstrap-server", "kafka:9092"] for words in asked)
    assert sum(map(len, access_lists(Settings(), sources=["raw"]).values())) == len(asked)
    assert any("raw" in words for words in asked)


def test_intake_may_make_the_topics_that_share_out_streams(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOAL_SOURCES", "kinesis:clicks")
    assert main(["topics", "acls"]) == 0
    lines = [
        shlex.split(line) for line in capsys.readouterr().out.splitlines() if "shoal.intake.kinesis.clicks" in line
    ]
    assert [words[words.index("--operation") + 1] for words in lines] == ["Create", "Describe"]
