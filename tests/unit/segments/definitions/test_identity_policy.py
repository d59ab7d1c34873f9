"""The policy of identity: what a file says, what it leaves out, and when it is another one."""

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import IDENTITY_FILE, SETTINGS_FILE, settings_text, settings_versions
from app.segments.definitions.identity_policy import DEFAULT_POLICY, IdentityPolicy
from app.segments.definitions.problem import CatalogError

SEGMENT = {"s.yaml": "segment: s\nwhen: exists(page)\n"}


def policy(text: str) -> IdentityPolicy | None:
    """The policy of a catalog with this file."""
    return load_catalog(SEGMENT | {IDENTITY_FILE: text}).settings.identity


def test_without_the_file_there_is_no_identity() -> None:
    assert load_catalog(SEGMENT).settings.identity is None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "follow: always\n"])
def test_a_file_that_says_nothing_new_has_the_usual_policy(text: str) -> None:
    assert policy(text) == DEFAULT_POLICY


def test_every_key_is_read() -> None:
    text = (
        "follow: before\nlogout: [Bye, Ciao]\nblocked: [' Kiosk-1 ', NULL-ID]\n"
        "devices_max: 3\nswitches_max: 1\ntrust_alias: false\ncart: sum\n"
    )
    assert policy(text) == IdentityPolicy(
        follow="before",
        logout=("Bye", "Ciao"),
        blocked=frozenset(["kiosk-1", "null-id"]),
        devices_max=3,
        switches_max=1,
        trust_alias=False,
        cart="sum",
    )


def test_a_catalog_is_another_one_with_each_policy() -> None:
    texts = (
        "",
        "follow: before",
        "logout: [Bye]",
        "blocked: [x]",
        "devices_max: 3",
        "switches_max: 1",
        "trust_alias: false",
        "cart: sum",
        "cart: user",
    )
    versions = [load_catalog(SEGMENT | {IDENTITY_FILE: text}).version for text in texts]
    assert len({load_catalog(SEGMENT).version, *versions}) == len(texts) + 1


def test_what_means_the_same_has_the_same_version() -> None:
    one, other = ({IDENTITY_FILE: f"logout: [{names}]\n"} for names in ("A, B", "B, A, A"))
    assert load_catalog(SEGMENT | one).version == load_catalog(SEGMENT | other).version


def test_each_file_of_settings_has_a_version_of_its_own() -> None:
    files = {SETTINGS_FILE: "order: {wait: 5s}\n", IDENTITY_FILE: "follow: before\n"}
    settings = load_catalog(SEGMENT | files).settings
    assert set(settings_versions(settings)) == set(files)
    assert settings.paths == {name: name for name in files}
    assert settings_text(settings, IDENTITY_FILE) == "follow: before"
    assert settings_text(settings) == "order: wait 5s"


def test_a_folder_has_one_policy() -> None:
    with pytest.raises(CatalogError, match=r"there are two files identity\.yaml"):
        load_catalog(SEGMENT | {"a/identity.yaml": "", "b/identity.yml": ""})
