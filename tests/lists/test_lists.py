"""`shoal lists` on both brokers, with a worker: who is put on a list enters, who is taken off it leaves."""

import asyncio
import json
from pathlib import Path

import pytest

from app.cli.main import main
from app.main import create_app
from app.settings import Settings
from tests.support.broker import Broker
from tests.support.deployment import deployment
from tests.support.records import read_topic, write_topic
from tests.support.shop import running, soon

SEGMENT = "segment: vip\nwhen: list('vip')\n"


@pytest.fixture
def settings(broker: Broker, unique: str, tmp_path: Path) -> Settings:
    """Of a deployment of this test's own, with one segment."""
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "vip.yaml").write_text(SEGMENT)
    transactions = broker.transactions
    return deployment(broker.bootstrap_servers, unique, transactions=transactions, segments=tmp_path / "segments")


class Lists:
    """The command, for one deployment."""

    def __init__(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        self._given = ["--broker", settings.kafka_bootstrap_servers, "--set", f"topic_prefix={settings.topic_prefix}"]
        self._given += [f"app_id={settings.app_id}", f"partitions={settings.partitions}"]
        self._capsys = capsys

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["lists", *arguments, *self._given])
        out, err = self._capsys.readouterr()
        return code, out, err


async def changes(settings: Settings, at_least: int) -> list[tuple[str, str, str]]:
    found = await read_topic(settings, settings.topics.changes, at_least=at_least)
    said = [json.loads(record.value) for record in found]
    return sorted({(each["id"], each["user"], each["change"]) for each in said}, key=lambda each: each[1:])


async def visit(settings: Settings, *users: str) -> None:
    """A page of each of these users."""
    events = [{"type": "page", "userId": user, "timestamp": "2026-01-05T00:00:00.000Z"} for user in users]
    await write_topic(settings, settings.topics.clickstream, [(event["userId"], event) for event in events])


async def test_users_of_a_file_enter_and_leave_when_the_list_is_dropped(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = Lists(settings, capsys)
    file = tmp_path / "customers.csv"
    file.write_text("customer,city\nann,Rome\nbob,Bonn\nnever-came,Oslo\n,Nowhere\nann,Rome\n")
    async with running(create_app(settings)):
        await visit(settings, "ann", "bob")
        code, out, err = await lists.run("import", "vip", str(file), "--column", "customer", "--dry-run")
        assert (code, out) == (1, "3 users would be put on vip\n")
        code, out, err = await lists.run("import", "vip", str(file), "--column", "customer")
        assert (code, out) == (1, "3 users put on vip\n")
        assert err == "skipped: line 5: : empty\nskipped 1 row, which name nobody\n"
        entered = await soon(lambda: changes(settings, 2))
        assert [each[1:] for each in entered] == [("ann", "entered"), ("bob", "entered")]

        async def shown() -> bool:
            return await lists.run("show", "vip") == (0, "ann\nbob\nnever-came\n", "")

        await soon(shown)
        assert (await lists.run("remove", "vip", "bob"))[:2] == (0, "1 user taken off vip\n")
        await soon(lambda: changes(settings, 3))
        assert (await lists.run("drop", "vip"))[:2] == (0, "2 users taken off vip\n")
        left = [each[1:] for each in await soon(lambda: changes(settings, 4)) if each[2] == "exited"]
        assert left == [("ann", "exited"), ("bob", "exited")]


async def test_who_is_in_the_new_file_too_stays_in_the_segment(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists, file = Lists(settings, capsys), tmp_path / "new.txt"
    file.write_text("bob\ncyd\n")
    async with running(create_app(settings)):
        await visit(settings, "ann", "bob", "cyd")
        await lists.run("add", "vip", "ann", "bob")
        await soon(lambda: changes(settings, 2))

        async def shown(text: str) -> bool:
            return await lists.run("show", "vip") == (0, text, "")

        await soon(lambda: shown("ann\nbob\n"))
        code, out, _ = await lists.run("replace", "vip", str(file), "--dry-run")
        assert (code, out) == (0, "1 user would be put on vip\n1 user would be taken off vip\n")
        code, out, _ = await lists.run("replace", "vip", str(file))
        assert (code, out) == (0, "1 user put on vip\n1 user taken off vip\n")
        told = [each[1:] for each in await soon(lambda: changes(settings, 4))]
        assert told == [("ann", "entered"), ("ann", "exited"), ("bob", "entered"), ("cyd", "entered")]
        await soon(lambda: shown("bob\ncyd\n"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "VIP", "ann"], "'VIP' is no name of a list"),
        (["add", "vip"], "no user is given"),
        (["import", "vip"], "import needs one file"),
        (["replace", "vip"], "replace needs one file"),
        (["replace", "vip", "/dev/null"], "the file names nobody, so the list would be empty"),
        (["import", "vip", "no-such-file"], "no-such-file cannot be read: No such file or directory"),
        (["show", "vip", "ann"], "show takes no 'ann'"),
        (["add", "vip", "ann", "--broker", "127.0.0.1:1", "--set", "start_timeout=1s"], "no Kafka broker answers"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lists", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_without_topics_nothing_is_written(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    lists = Lists(settings, capsys)
    code, _, err = await lists.run("add", "vip", "ann")
    assert code == 2
    assert "there is no topic" in err
    code, _, err = await lists.run("show", "vip")
    assert code == 2
    assert "no worker has stored a profile yet" in err
