"""Settings that hold for all definitions of a folder, in the files of SETTINGS_FILES such as `catalog.yaml`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

import msgspec
import yaml

from app.segments.definitions.cart_policy import DEFAULT_CART, cart_meaning, cart_text, read_cart_policy
from app.segments.definitions.cleaning_format import CLEANING
from app.segments.definitions.cleaning_rules import cleaning_meaning, cleaning_text, read_cleaning
from app.segments.definitions.consent_policy import consent_meaning, consent_text, read_consent_policy
from app.segments.definitions.definition import CatalogSettings
from app.segments.definitions.definition_format import (
    CONSENT,
    HOLDOUT,
    IDENTITY,
    ORDER,
    ORDER_FORM,
    SETTINGS,
    SHOP_CART,
    SHOP_CART_FORM,
    WAIT,
    ZONE,
)
from app.segments.definitions.experiment import read_holdout
from app.segments.definitions.identity_policy import (
    DEFAULT_POLICY,
    policy_meaning,
    policy_text,
    read_identity_policy,
)
from app.segments.definitions.problem import Problem
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_source import YamlSource
from app.segments.language.durations import format_duration
from app.segments.language.zones import is_zone, zone_hint

SETTINGS_FILE: Final = SETTINGS.what
IDENTITY_FILE: Final = IDENTITY.what
CONSENT_FILE: Final = CONSENT.what
CLEANING_FILE: Final = CLEANING.what
SETTINGS_FILES: Final = (SETTINGS_FILE, IDENTITY_FILE, CONSENT_FILE, CLEANING_FILE)
_NAMES: Final = {name: file for file in SETTINGS_FILES for name in (file, file.replace(".yaml", ".yml"))}
WAIT_MS_MAX: Final = 600_000
DEFAULT_ZONE: Final = CatalogSettings().zone
_EXAMPLES: Final = {
    SETTINGS_FILE: "order: {wait: 5s}",
    IDENTITY_FILE: "follow: always",
    CONSENT_FILE: "purposes: {marketing: {default: denied}}",
    CLEANING_FILE: "rules: [{event: Product Viewed, property: category, do: [trim, lower]}]",
}
_DEFINITION_KEYS: Final = ("segment", "score")


def is_settings_file(path: str) -> bool:
    """True if the file of this path holds settings, and no definition.

    >>> is_settings_file("segments/catalog.yaml"), is_settings_file("identity.yaml"), is_settings_file("catalogs.yaml")
    (True, True, False)
    """
    return _name(path) in _NAMES


def _name(path: str) -> str:
    """The last part of a path, of whatever system."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


@dataclass(slots=True)
class SettingsFile:
    """The settings of one file, the defaults for what it does not say. Problems are in `source.problems`."""

    source: YamlSource
    settings: CatalogSettings

    @property
    def name(self) -> str:
        """The name by which the file is known, whatever its path."""
        return _NAMES[_name(self.source.path)]


def read_catalog_settings(path: str, text: str, settings: CatalogSettings) -> SettingsFile:
    """Reads one file; never raises. `settings`: those of the files before it.

    A `catalog.yaml` without a key says nothing; an `identity.yaml` without one turns identity on, as it usually is; a
    `consent.yaml` names purposes, a `cleaning.yaml` has rules.
    """
    source = YamlSource(path, text)
    file = SettingsFile(source, settings)
    file.settings = replace(settings, paths={**settings.paths, file.name: path})
    is_identity = file.name == IDENTITY_FILE
    if is_identity:
        file.settings = replace(file.settings, identity=DEFAULT_POLICY)
    example = _EXAMPLES[file.name]
    if all(not line.strip() or line.lstrip().startswith("#") for line in source.text.splitlines()):
        if file.name in (CONSENT_FILE, CLEANING_FILE):
            source.problems.append(source.problem(0, 0, f"{file.name} is empty", f"write {example}"))
        return file
    root = source.root("settings file", f"settings consist of lines key: value, such as {example}")
    if root is None:
        return file
    for key, _ in root.value:
        if isinstance(key, yaml.ScalarNode) and key.value in _DEFINITION_KEYS:
            source.wrong(
                key,
                f"{_name(path)} holds settings for all definitions, and no {key.value}",
                "give the file of the definition another name",
            )
            return file
    if is_identity:
        policy = read_identity_policy(IDENTITY.fields(source, root))
        file.settings = replace(file.settings, identity=policy)
        return file
    if file.name == CONSENT_FILE:
        file.settings = replace(file.settings, consent=read_consent_policy(CONSENT.fields(source, root)))
        return file
    if file.name == CLEANING_FILE:
        file.settings = replace(file.settings, cleaning=read_cleaning(CLEANING.fields(source, root)))
        return file
    fields = SETTINGS.fields(source, root)
    for name, read in _READERS.items():
        if name in fields:
            file.settings = read(fields, file.settings)
    return file


def _read_order(fields: Fields, settings: CatalogSettings) -> CatalogSettings:
    node = ORDER.read(fields)
    if node is None:
        return settings
    order = ORDER_FORM.fields(fields.source, node)
    wait_ms = WAIT.read(order)
    if wait_ms == 0:
        order.wrong("wait", "wait must be longer than 0s", "leave order out: then events are processed as they arrive")
    elif wait_ms is not None and wait_ms > WAIT_MS_MAX:
        order.wrong(
            "wait", f"wait is at most {format_duration(WAIT_MS_MAX)}", "every change is delayed by this time: write 5s"
        )
    return replace(settings, order_wait_ms=wait_ms or 0)


def _read_cart(fields: Fields, settings: CatalogSettings) -> CatalogSettings:
    node = SHOP_CART.read(fields)
    if node is None:
        return settings
    return replace(settings, cart=read_cart_policy(SHOP_CART_FORM.fields(fields.source, node)))


def _read_zone(fields: Fields, settings: CatalogSettings) -> CatalogSettings:
    zone = ZONE.read(fields)
    if is_zone(zone):
        return replace(settings, zone=zone)
    fields.wrong(ZONE.name, f"unknown time zone {zone}", zone_hint(zone, quoted=False))
    return settings


def _read_holdout(fields: Fields, settings: CatalogSettings) -> CatalogSettings:
    return replace(settings, holdout=read_holdout(fields))


_READERS: Final[dict[str, Callable[[Fields, CatalogSettings], CatalogSettings]]] = {
    ORDER.name: _read_order,
    ZONE.name: _read_zone,
    SHOP_CART.name: _read_cart,
    HOLDOUT.name: _read_holdout,
}


def settings_meanings(settings: CatalogSettings) -> dict[str, bytes]:
    """Name of the file -> all that makes its settings what they are, in one spelling; none for the defaults."""
    found = {}
    common: dict[str, Any] = {}
    if settings.order_wait_ms:
        common["order_wait_ms"] = settings.order_wait_ms
    if settings.zone != DEFAULT_ZONE:
        common["zone"] = settings.zone
    if settings.cart != DEFAULT_CART:
        common["cart"] = cart_meaning(settings.cart)
    if settings.holdout is not None:
        common["holdout"] = settings.holdout.meaning()
    if common:
        found[SETTINGS_FILE] = msgspec.json.encode({"catalog": common})
    if settings.identity is not None:
        found[IDENTITY_FILE] = msgspec.json.encode({"identity": policy_meaning(settings.identity)})
    if settings.consent is not None:
        found[CONSENT_FILE] = msgspec.json.encode({"consent": consent_meaning(settings.consent)})
    if settings.cleaning:
        found[CLEANING_FILE] = msgspec.json.encode({"cleaning": cleaning_meaning(settings.cleaning)})
    return found


def settings_versions(settings: CatalogSettings) -> dict[str, str]:
    """Name of the file -> six hexadecimal digits that change with what its settings mean; none for the defaults."""
    return {name: sha256(meaning).hexdigest()[:6] for name, meaning in settings_meanings(settings).items()}


def settings_text(settings: CatalogSettings, name: str = SETTINGS_FILE) -> str:
    """The settings of one file for people, in one line."""
    if name == IDENTITY_FILE:
        return "no identity" if settings.identity is None else policy_text(settings.identity)
    if name == CONSENT_FILE:
        return "no consent" if settings.consent is None else consent_text(settings.consent)
    if name == CLEANING_FILE:
        return cleaning_text(settings.cleaning) or "no cleaning"
    said = [f"order: wait {format_duration(settings.order_wait_ms)}"] if settings.order_wait_ms else []
    if settings.zone != DEFAULT_ZONE:
        said.append(f"zone: {settings.zone}")
    if settings.cart != DEFAULT_CART:
        said.append(f"cart: {cart_text(settings.cart)}")
    if settings.holdout is not None:
        said.append(f"holdout: {settings.holdout.name}: {settings.holdout.text()}")
    return ", ".join(said) or "the defaults"


def repeated(files: list[SettingsFile]) -> list[Problem]:
    """Problems of a folder with more than one file of one name."""
    first: dict[str, SettingsFile] = {}
    problems = []
    for file in files:
        other = first.setdefault(file.name, file)
        if other is not file:
            told = f"there are two files {file.name}"
            problems.append(file.source.problem(0, 0, told, "leave one of them", f"{other.source.path} is one, too"))
    return problems
