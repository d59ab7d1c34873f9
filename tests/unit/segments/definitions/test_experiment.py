"""Experiments: what a definition says, and what is wrong with it, alone and beside others."""

import pytest

from app.segments.definitions.catalog import definition_version, load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE, settings_text, settings_versions
from app.segments.definitions.experiment import Experiment
from app.segments.definitions.problem import CatalogError

SEGMENT = "segment: s\nwhen: exists(page)\n"
GROUPS = "groups: {holdout: 10, mail: 90}"


def experiment(text: str) -> Experiment | None:
    return load_catalog({"s.yaml": f"{SEGMENT}experiment: {{{text}}}\n"}).segment("s").experiment


def problems(files: dict[str, str]) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(files)
    return [f"{each.path}:{each.line} {each.message} | {each.hint}" for each in caught.value.problems]


def two(one: str, other: str) -> dict[str, str]:
    """Two segments with these experiments."""
    return {
        "a.yaml": f"segment: a\nwhen: exists(page)\nexperiment: {{{one}}}\n",
        "b.yaml": f"segment: b\nwhen: exists(page)\nexperiment: {{{other}}}\n",
    }


def test_every_key_is_read() -> None:
    assert experiment(f"name: cart-mail, {GROUPS}") == Experiment(
        name="cart-mail", groups=(("holdout", 1_000), ("mail", 9_000)), salt="cart-mail"
    )
    assert experiment("name: e, groups: {a: 0.01, b: 33.33}, salt: x, start: 1970-01-01T00:00:01Z") == Experiment(
        name="e", groups=(("a", 1), ("b", 3_333)), salt="x", start_ms=1_000
    )
    assert experiment("name: e, groups: {b: 20}, layer: mails, from: 12.5") == Experiment(
        name="e", groups=(("b", 2_000),), salt="mails", from_step=1_250, layer="mails"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GROUPS, "an experiment needs a name | write name: cart-mail"),
        ("name: e", "an experiment needs groups | write groups: {holdout: 10, mail: 90}"),
        ("name: e, groups: {}", "there are 0 groups"),
        ("name: e, groups: {a: 60, b: 60}", "the groups have 120 % of the users | the most is 100"),
        ("name: e, groups: {a: 60}, layer: l, from: 50", "the groups end at 110 | the most is 100"),
        ("name: e, groups: {a: 0}", "the share of a is 0 | a share is a part of all users in per cent, such as 10"),
        ("name: e, groups: {a: 101}", "the share of a is 101"),
        ("name: e, groups: {a: 0.001}", "a is 0.001 | write per cent from 0 to 100, with at most two decimals"),
        ("name: e, groups: {a: many}", "a must be a number"),
        ("name: e, groups: {A!: 10}", "A! cannot be the name of a group"),
        (f"name: E, {GROUPS}", "E cannot be the name of an experiment"),
        (f"name: e, {GROUPS}, start: soon", "start is soon, which is not an instant"),
        (f"name: e, {GROUPS}, start: 2026-01-05", "start needs a time zone | write 2026-01-05T00:00:00Z for UTC"),
        ("name: e, groups: {a: 5}, from: 5", "from is the place in a layer | add layer: <name>, or leave from out"),
        ("name: e, groups: {a: 5}, layer: l, from: -1", "from is -1"),
        (f"name: e, {GROUPS}, layer: l, salt: x", "salt and layer exclude each other"),
        (f"name: e, {GROUPS}, colour: red", "unknown key colour"),
    ],
)
def test_each_mistake_is_told(text: str, told: str) -> None:
    found = problems({"s.yaml": f"{SEGMENT}experiment: {{{text}}}\n"})
    assert any(told in each for each in found), found


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (
            f"name: e, {GROUPS}",
            "name: e, groups: {holdout: 20, mail: 80}",
            (
                "there are two experiments e"
                " | give one of them another name, or write the same groups, salt and start in both"
            ),
        ),
        (
            f"name: e, {GROUPS}, salt: x",
            f"name: f, {GROUPS}, salt: x",
            "f divides the users in the same way as e | give one of them another salt, or the same layer to both",
        ),
        (
            "name: e, groups: {a: 50}, layer: l",
            "name: f, groups: {a: 50}, layer: l, from: 49.99",
            "f and e have the same users in the layer l | write from: 50",
        ),
        (
            "name: e, groups: {a: 50}, layer: l, from: 50",
            "name: f, groups: {a: 51}, layer: l",
            "f and e have the same users in the layer l | make the groups of one of them smaller",
        ),
    ],
)
def test_experiments_that_disturb_each_other_are_told(one: str, other: str, told: str) -> None:
    assert problems(two(one, other)) == [f"b.yaml:3 {told}"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"name: e, {GROUPS}", f"name: e, {GROUPS}"),
        (f"name: e, {GROUPS}", f"name: f, {GROUPS}"),
        ("name: e, groups: {a: 50}, layer: l", "name: f, groups: {a: 50}, layer: l, from: 50"),
    ],
)
def test_experiments_stand_beside_each_other(one: str, other: str) -> None:
    assert len(load_catalog(two(one, other)).segments) == 2


def test_the_holdout_of_the_catalog_is_read_and_has_a_name_of_its_own() -> None:
    settings = load_catalog({"s.yaml": SEGMENT, SETTINGS_FILE: "holdout: {share: 5}\n"}).settings
    assert settings.holdout == Experiment(
        name="holdout", groups=(("holdout", 500), ("reached", 9_500)), salt="holdout", is_universal=True
    )
    assert settings_text(settings) == "holdout: holdout: holdout 5 %, reached 95 %"
    files = {"s.yaml": f"{SEGMENT}experiment: {{name: holdout, {GROUPS}}}\n", SETTINGS_FILE: "holdout: {share: 5}\n"}
    assert problems(files)[0].startswith("s.yaml:3 there are two experiments holdout")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("holdout: {}", "a holdout needs share | write share: 5"),
        ("holdout: {share: 100}", "share is 100 | a holdout is a part of the users: write share: 5 for 5 %"),
        ("holdout: {share: 0}", "share is 0"),
        ("holdout: {share: 5, name: X}", "X cannot be the name of an experiment"),
        ("holdout: 5", "holdout must consist of lines name: value"),
    ],
)
def test_each_mistake_of_a_holdout_is_told(text: str, told: str) -> None:
    found = problems({"s.yaml": SEGMENT, SETTINGS_FILE: f"{text}\n"})
    assert any(told in each for each in found), found


def test_another_share_is_another_version_and_an_experiment_of_another_segment_is_not() -> None:
    def versions(mail: int, share: int) -> list[str]:
        catalog = load_catalog(
            {
                "s.yaml": f"{SEGMENT}experiment: {{name: e, groups: {{mail: {mail}}}}}\n",
                "t.yaml": "segment: t\nwhen: exists(page)\n",
                SETTINGS_FILE: f"holdout: {{share: {share}}}\n",
            }
        )
        own = [definition_version(catalog.segment(name)) for name in "st"]
        return [*own, catalog.version, settings_versions(catalog.settings)[SETTINGS_FILE]]

    base = versions(50, 5)
    assert [one == other for one, other in zip(base, versions(51, 5), strict=True)] == [False, True, False, True]
    assert [one == other for one, other in zip(base, versions(50, 6), strict=True)] == [True, True, False, False]
