"""The uplift of an experiment out of the warehouse of a shop: from definitions by way of changes to the verdict."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli
from app.errors import UserError
from app.events.instants import iso
from app.events.user_ids import UserIds
from app.offline.uplift_warehouse import Hands, Warehouse
from app.runtime.records.identity_events import encode_identity
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import IDENTITY_FILE
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.warehouse.day_files import DayFiles
from app.warehouse.rows import change_row, day_of, event_row, identity_row
from app.warehouse.store import FolderStore
from app.warehouse.tables import wanted_tables
from tests.warehouse.making import START_MS, Record, settings_with

HOUR_MS = 3_600_000
USERS = 3_000
GUESTS = [f"g-{number}" for number in range(20)]
SEGMENT = (
    "segment: cart\nwhen: exists('Product Added' within 1h)\n"
    "experiment: {name: cart-mail, groups: {holdout: 50, mail: 50}}\n"
)
SHOP = {"cart.yaml": SEGMENT, IDENTITY_FILE: "follow: always\n"}


class Shop:
    """A shop whose visitors put something into their cart. The group mail gets mails, and buys more often or not."""

    def __init__(self, *, lift: float, seed: int = 1) -> None:
        self._partition = Partition(compile_catalog(load_catalog(SHOP), TimeRules()), TimeRules(), alone=True)
        self._chance = random.Random(seed)
        self._lift = lift
        self.events: list[Record] = []
        self.changes: list[Record] = []
        self.identity: list[Record] = []

    def visit(self, user: str, at_ms: int, **ids: str) -> None:
        """A visitor adds something, perhaps logs in, and perhaps buys."""
        group = self.say(
            user, at_ms, "Product Added", **({"anonymousId": ids["as_guest"]} if ids else {"userId": user})
        )
        if ids:
            self.say(user, at_ms + 1_000, "Logged In", userId=user, anonymousId=ids["as_guest"])
        chance = 0.1 + (self._lift if group == "mail" else 0.0)
        if self._chance.random() < chance:
            self.say(user, at_ms + HOUR_MS, "Order Completed", userId=user)

    def say(self, user: str, at_ms: int, event: str, **ids: str) -> str | None:
        """One event. Returns the group of the last change that it causes."""
        value: dict[str, Any] = {"type": "track", "event": event, "messageId": f"m{len(self.events)}", **ids}
        value |= {"timestamp": iso(at_ms), "properties": {"revenue": 20}}
        key = (ids.get("userId") or user if "userId" in ids else ids["anonymousId"]).encode()
        record = Record(len(self.events), json.dumps(value).encode(), key=key, timestamp=at_ms)
        self.events.append(record)
        batch = self._partition.process([record])
        for change in batch.changes:
            self.changes.append(Record(len(self.changes), change.encode(), key=change.user.encode(), timestamp=at_ms))
        for linked in batch.linked:
            said = encode_identity(linked)
            self.identity.append(Record(len(self.identity), said, key=b"u", timestamp=at_ms))
        return batch.changes[-1].group if batch.changes else None

    def export(self, folder: Path) -> None:
        """The files of `shoal warehouse`."""
        tables = {
            table.name: table for table in wanted_tables(settings_with(warehouse_tables="events,changes,identity"))
        }
        reading = {"events": event_row(UserIds()), "changes": change_row, "identity": identity_row}
        records = {"events": self.events, "changes": self.changes, "identity": self.identity}
        for name, table in tables.items():
            files = DayFiles(FolderStore(folder), table, 0, bytes_max=1 << 20)
            days: dict[str, list[Any]] = {}
            for row in map(reading[name], records[name]):
                assert row.get("problem") is None, row
                days.setdefault(day_of(row), []).append(row)
            for day, rows in days.items():
                files.add(day, rows)


@pytest.mark.parametrize(("lift", "verdict"), [(0.1, "better"), (0.0, "undecided")])
def test_a_known_lift_of_a_shop_is_found_and_none_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lift: float, verdict: str
) -> None:
    shop = Shop(lift=lift)
    for number in range(USERS):
        guest = {"as_guest": f"g-{number}"} if number % 5 == 0 else {}
        shop.visit(f"u-{number}", START_MS + number * 60_000, **guest)
    shop.export(tmp_path)
    words = ["uplift", "--warehouse", str(tmp_path), "--experiment", "cart-mail", "--goal", "Order Completed"]
    assert cli.main([*words, "--within", "1d", "--share", "holdout=50", "mail=50", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (against,) = found["comparisons"]
    assert against["verdict"] == verdict
    assert against["low"] <= lift <= against["high"]
    assert sum(group["users"] + group["pending"] for group in found["groups"]) + found["crossed"] == USERS
    assert sum(group["pending"] for group in found["groups"]) > 0, "the windows of the last day are not over"
    assert found["ratio_p"] > 0.001
    assert cli.main([*words, "--within", "1d", "--metric", "value", "--value", "revenue", "--json"]) == 0
    mean = {group["group"]: group["mean"] for group in json.loads(capsys.readouterr().out)["groups"]}
    assert mean["holdout"] == pytest.approx(2.0, rel=0.25)


def test_what_a_visitor_did_counts_for_the_user_whom_they_turn_out_to_be(tmp_path: Path) -> None:
    shop = Shop(lift=0.0)
    shop.say("g-1", START_MS, "Product Added", anonymousId="g-1")
    shop.say("u-1", START_MS + 1_000, "Logged In", userId="u-1", anonymousId="g-1")
    shop.say("g-1", START_MS + 2_000, "Order Completed", anonymousId="g-1")
    shop.export(tmp_path)
    warehouse = Warehouse(str(tmp_path))
    assert {(each.user, each.exposed_ms) for each in warehouse.exposures("cart-mail")} == {("u-1", START_MS)}
    assert [(each.user, each.value) for each in warehouse.outcomes("Order Completed", "revenue")] == [("u-1", 20.0)]
    assert warehouse.until_ms() == START_MS + 2_000


def test_a_user_who_has_two_groups_by_a_login_has_crossed(tmp_path: Path) -> None:
    """The visitor logs in when the user is in the other group: nobody is left to compare."""
    shop = Shop(lift=0.0)
    groups = {name: shop.say(name, START_MS, "Product Added", anonymousId=name) for name in GUESTS}
    guest = next(name for name, group in groups.items() if group == "mail")
    user = next(
        name
        for name in (f"u-{number}" for number in range(20))
        if shop.say(name, START_MS + 1, "Product Added", userId=name) == "holdout"
    )
    shop.say(user, START_MS + 2, "Logged In", userId=user, anonymousId=guest)
    shop.export(tmp_path)
    own = [each for each in Warehouse(str(tmp_path)).exposures("cart-mail") if each.user == user]
    assert {each.group for each in own} == {"holdout", "mail"}
    assert guest not in {each.user for each in Warehouse(str(tmp_path)).exposures("cart-mail")}


def test_an_id_is_whose_it_was_or_else_of_the_next() -> None:
    hands = Hands()
    for at_ms, owner in ((10, "u-1"), (20, None), (30, "u-2")):
        hands.take(at_ms, owner)
    assert [hands.owner(at_ms) for at_ms in (5, 10, 19, 20, 30, 40)] == ["u-1", "u-1", "u-1", "u-2", "u-2", "u-2"]
    hands.take(50, None)
    assert hands.owner(50) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--experiment", "e"], "--warehouse needs --experiment and --goal"),
        (["--experiment", "e", "--goal", "x", "--metric", "value"], "--metric value needs --value"),
        (["--experiment", "e", "--goal", "x"], "has no events"),
    ],
)
def test_what_is_missing_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert cli.main(["uplift", "--warehouse", str(tmp_path), *words, "--within", "1d"]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        Warehouse(str(tmp_path / "none"))
