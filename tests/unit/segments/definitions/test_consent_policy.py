"""The policy of consent: what a file says, what is wrong with it, and when it is another one."""

import pytest

from app.segments.definitions.catalog import definition_version, load_catalog
from app.segments.definitions.catalog_settings import CONSENT_FILE, settings_text, settings_versions
from app.segments.definitions.consent_policy import ConsentPolicy, Purpose
from app.segments.definitions.problem import CatalogError

SEGMENT = {"s.yaml": "segment: s\nwhen: exists(page)\n"}
POLICY = "purposes: {marketing: {default: denied}, analytics: {default: granted, category: C0002}}\n"


def policy(text: str) -> ConsentPolicy | None:
    """The policy of a catalog with this file."""
    return load_catalog(SEGMENT | {CONSENT_FILE: text}).settings.consent


def problems(files: dict[str, str]) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(files)
    return [f"{each.path}:{each.line} {each.message} | {each.hint}" for each in caught.value.problems]


def test_without_the_file_there_are_no_purposes() -> None:
    assert load_catalog(SEGMENT).settings.consent is None


def test_every_key_is_read() -> None:
    usual = ("consent", "categoryPreferences")
    assert policy(POLICY) == ConsentPolicy(
        {
            "marketing": Purpose(granted=False, path=(*usual, "marketing")),
            "analytics": Purpose(granted=True, path=(*usual, "C0002")),
        }
    )
    assert policy("from: context.cmp.choices\npurposes: {ads: {}}\n") == ConsentPolicy(
        {"ads": Purpose(granted=False, path=("cmp", "choices", "ads"))}
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "consent.yaml is empty | write purposes: {marketing: {default: denied}}"),
        ("# nothing\n", "consent.yaml is empty"),
        ("from: context.a.b\n", "consent.yaml needs purposes"),
        ("purposes: {}\n", "there are 0 purposes"),
        ("purposes: {Ads!: {}}\n", "Ads! cannot be the name of a purpose"),
        ("purposes: {ads: granted}\n", "the purpose ads needs lines key: value"),
        ("purposes: {ads: {default: yes}}\n", "default is yes, but must be denied or granted"),
        ("purposes: {ads: {colour: red}}\n", "unknown key colour"),
        (
            "from: properties.consent\npurposes: {ads: {}}\n",
            "from is properties.consent, but must be a place in the context",
        ),
        ("segment: s\nwhen: exists(page)\n", "consent.yaml holds settings for all definitions, and no segment"),
    ],
)
def test_each_mistake_is_told(text: str, told: str) -> None:
    found = problems(SEGMENT | {CONSENT_FILE: text})
    assert any(told in each for each in found), found


def test_a_purpose_that_does_not_exist_is_told_with_a_suggestion() -> None:
    asked = {"s.yaml": "segment: s\nwhen: consent('marketin')\nrequires: [analytic]\n"}
    assert problems(asked | {CONSENT_FILE: POLICY}) == [
        "s.yaml:2 unknown purpose marketin | did you mean marketing?",
        "s.yaml:3 unknown purpose analytic | did you mean analytics?",
    ]
    assert problems(asked) == [
        "s.yaml:2 unknown purpose marketin | add a file consent.yaml: purposes: {marketin: {default: denied}}",
        "s.yaml:3 unknown purpose analytic | add a file consent.yaml: purposes: {analytic: {default: denied}}",
    ]


def test_a_purpose_is_required_once_and_consent_needs_a_name() -> None:
    twice = {"s.yaml": "segment: s\nwhen: consent()\nrequires: [marketing, marketing]\n", CONSENT_FILE: POLICY}
    found = problems(twice)
    assert any("consent needs a name" in each for each in found), found
    assert any("marketing appears twice" in each for each in found), found


def test_a_catalog_is_another_one_with_each_policy() -> None:
    texts = (POLICY, POLICY.replace("denied", "granted"), POLICY.replace("C0002", "x"), f"from: context.c\n{POLICY}")
    versions = [load_catalog(SEGMENT | {CONSENT_FILE: text}).version for text in texts]
    assert len({load_catalog(SEGMENT).version, *versions}) == len(texts) + 1
    assert set(settings_versions(load_catalog(SEGMENT | {CONSENT_FILE: POLICY}).settings)) == {CONSENT_FILE}


def test_what_a_segment_requires_is_part_of_its_version() -> None:
    files = SEGMENT | {CONSENT_FILE: POLICY}
    asking = files | {"s.yaml": SEGMENT["s.yaml"] + "requires: [marketing]\n"}
    plain, strict = (load_catalog(each).segment("s") for each in (files, asking))
    assert definition_version(plain) == definition_version(load_catalog(SEGMENT).segment("s"))
    assert definition_version(strict) != definition_version(plain)


def test_the_policy_is_told_in_one_line() -> None:
    settings = load_catalog(SEGMENT | {CONSENT_FILE: POLICY}).settings
    assert settings_text(settings, CONSENT_FILE) == "purposes by default analytics: granted, marketing: denied"
