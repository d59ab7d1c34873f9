"""Experiments over HTTP: what the definitions say, who was exposed, and the groups compared."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.service.questions import experiments as subject
from app.settings import Settings
from tests.service.running import BASIC, BEARER, Running, serving
from tests.unit.offline.test_uplift_warehouse import Shop
from tests.warehouse.making import START_MS

USERS = 600
PATH = "/v1/experiments/cart-mail"
GOAL = {"goal": "Order Completed", "within": "1d"}
FILES = {
    "cart.yaml": "segment: cart\nwhen: exists('Product Added')\n"
    "experiment: {name: cart-mail, groups: {holdout: 50, mail: 50}}\n",
    "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed')\nstatus: draft\n"
    "experiment: {name: banner, layer: page, from: 20, start: 2026-01-05T00:00:00Z, groups: {a: 30, b: 12.5}}\n",
    "catalog.yaml": "holdout: {share: 5}\n",
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 visitors, of whom those with a mail buy far more often; the windows of the last are not over."""
    folder = tmp_path_factory.mktemp("warehouse")
    shop = Shop(lift=0.3)
    for number in range(USERS):
        shop.visit(f"u-{number}", START_MS + number * 600_000)
    shop.export(folder)
    return folder


@pytest.fixture
def definitions(tmp_path: Path) -> Path:
    folder = tmp_path / "segments"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
async def measured(own_settings: Settings, definitions: Path, warehouse: Path) -> AsyncIterator[Running]:
    async with serving(replace(own_settings, segments=definitions, warehouse=str(warehouse))) as running:
        yield running


async def ask(service: Running, path: str = PATH, **params: str) -> Any:
    answer = await service.http.get(path, headers=BEARER, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_all_experiments_are_as_the_definitions_say(measured: Running) -> None:
    found = (await ask(measured, "/v1/experiments"))["experiments"]
    assert [each["name"] for each in found] == ["banner", "cart-mail", "holdout"]
    assert found[0] == {
        "name": "banner",
        "groups": [
            {"name": "a", "share": 30.0, "starts_at": 20.0},
            {"name": "b", "share": 12.5, "starts_at": 50.0},
        ],
        "salt": "page",
        "start": "2026-01-05T00:00:00.000Z",
        "layer": "page",
        "is_universal": False,
        "segments": {"buyers": "draft"},
    }
    assert (found[2]["is_universal"], found[1]["segments"]) == (True, {"cart": "live"})


async def test_the_users_of_the_groups_are_counted_and_compared_by_their_outcomes(measured: Running) -> None:
    plain = await ask(measured)
    assert (plain["name"], plain["uplift"], plain["no_uplift"]) == ("cart-mail", None, None)
    assert set(plain["exposed"]["groups"]) == {"holdout", "mail"}
    assert sum(plain["exposed"]["groups"].values()) == USERS
    assert plain["exposed"]["ratio_p"] > 0.001
    found = (await ask(measured, **GOAL))["uplift"]
    (against,) = found["comparisons"]
    assert (found["control"], against["group"], against["verdict"]) == ("holdout", "mail", "better")
    assert against["low"] <= 0.3 <= against["high"]
    assert sum(each["pending"] for each in found["groups"]) > 0
    (other,) = (await ask(measured, **GOAL, value="revenue", control="mail"))["uplift"]["comparisons"]
    assert (other["group"], other["verdict"]) == ("holdout", "worse")


async def test_there_is_no_verdict_before_windows_are_over(measured: Running) -> None:
    found = (await ask(measured, **GOAL | {"within": "90d"}))["uplift"]
    assert [each["users"] for each in found["groups"]] == [0, 0]
    assert [each["verdict"] for each in found["comparisons"]] == ["too few"]


async def test_an_experiment_without_users_says_why_its_groups_are_not_compared(measured: Running) -> None:
    found = await ask(measured, "/v1/experiments/banner", **GOAL)
    assert (found["exposed"]["groups"], found["exposed"]["ratio_p"], found["uplift"]) == ({}, None, None)
    assert "nobody is in the group a" in found["no_uplift"]


async def test_sizes_are_not_checked_by_the_shares_of_today_if_users_have_other_groups(
    own_settings: Settings, definitions: Path, warehouse: Path
) -> None:
    text = FILES["cart.yaml"].replace("{holdout: 50, mail: 50}", "{holdout: 10, letter: 90}")
    (definitions / "cart.yaml").write_text(text)
    async with serving(replace(own_settings, segments=definitions, warehouse=str(warehouse))) as service:
        found = await ask(service, **GOAL)
    assert (found["exposed"]["ratio_p"], found["uplift"]["ratio_p"]) == (None, None)
    assert [each["verdict"] for each in found["uplift"]["comparisons"]] == ["better"]


async def test_a_wrong_ratio_gives_no_verdict(own_settings: Settings, definitions: Path, warehouse: Path) -> None:
    text = FILES["cart.yaml"].replace("{holdout: 50, mail: 50}", "{holdout: 10, mail: 90}")
    (definitions / "cart.yaml").write_text(text)
    async with serving(replace(own_settings, segments=definitions, warehouse=str(warehouse))) as service:
        found = await ask(service, **GOAL)
    assert found["exposed"]["ratio_p"] < 0.001
    assert [each["verdict"] for each in found["uplift"]["comparisons"]] == ["wrong ratio"]


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/v1/experiments/none", {}, 404, "no-experiment"),
        (PATH, {"goal": "Order Completed"}, 400, "within"),
        (PATH, {"goal": "Order Completed", "within": "soon"}, 400, "within"),
        (PATH, {"goal": "Order Completed", "within": "0d"}, 400, "within"),
        (PATH, {"goal": " ", "within": "1d"}, 400, "goal"),
        (PATH, GOAL | {"value": "x" * 501}, 400, "value"),
        (PATH, GOAL | {"control": "letter"}, 400, "control"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(
    measured: Running, path: str, params: dict[str, str], status: int, code: str
) -> None:
    answer = await measured.http.get(path, headers=BEARER, params=params)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_too_many_users_are_refused(measured: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "EXPOSURES_MAX", USERS - 1)
    answer = await measured.http.get(PATH, headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-many")


async def test_without_a_warehouse_there_are_definitions_only(own_settings: Settings, definitions: Path) -> None:
    async with serving(replace(own_settings, segments=definitions)) as service:
        assert (await ask(service))["exposed"] is None
        answer = await service.http.get(PATH, headers=BEARER, params=GOAL)
        assert (answer.status_code, answer.json()["code"]) == (400, "no-warehouse")


async def test_a_warehouse_that_is_not_there_is_said(own_settings: Settings, definitions: Path, tmp_path: Path) -> None:
    missing = replace(own_settings, segments=definitions, warehouse=str(tmp_path / "none"))
    async with serving(missing) as service:
        answer = await service.http.get(PATH, headers=BEARER)
        assert (answer.status_code, answer.json()["code"]) == (503, "warehouse")


@pytest.mark.parametrize("path", ["/v1/experiments", PATH])
async def test_only_a_read_key_may_ask(service: Running, path: str) -> None:
    assert (await service.http.get(path)).status_code == 401
    assert (await service.http.get(path, headers=BASIC)).status_code == 401


async def test_what_if_tells_the_group_of_a_membership(own_settings: Settings, definitions: Path) -> None:
    events = [{"type": "track", "event": "Product Added", "userId": "u", "timestamp": "2026-01-05T10:00:00Z"}]
    (definitions / "cart.yaml").write_text(FILES["cart.yaml"].replace("holdout: 50, mail: 50", "mail: 100"))
    (definitions / "plain.yaml").write_text("segment: plain\nwhen: exists('Nothing')\n")
    (definitions / "catalog.yaml").unlink()
    async with serving(replace(own_settings, segments=definitions)) as service:
        answer = await service.http.post("/v1/evaluate", json={"events": events}, headers=BEARER)
    assert {each["segment"]: each["group"] for each in answer.json()["segments"]} == {"cart": "mail", "plain": None}
