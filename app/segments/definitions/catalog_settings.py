"""Settings of `catalog.yaml`, which hold for all definitions of a folder: reading, checks, meaning, version."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

import msgspec
import yaml

from app.segments.definitions.definition import CatalogSettings
from app.segments.definitions.definition_format import ORDER, ORDER_FORM, SETTINGS, WAIT
from app.segments.definitions.problem import Problem
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_source import YamlSource
from app.segments.language.durations import format_duration

SETTINGS_FILE: Final = SETTINGS.what
_NAMES: Final = (SETTINGS_FILE, "catalog.yml")
WAIT_MS_MAX: Final = 600_000
_DEFINITION_KEYS: Final = ("segment", "score")


def is_settings_file(path: str) -> bool:
    """True if the file of this path holds settings, and no definition.

    >>> is_settings_file("segments/catalog.yaml"), is_settings_file("catalogs.yaml")
    (True, False)
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


def read_catalog_settings(path: str, text: str) -> SettingsFile:
    """Reads one file; never raises. A file without a key says nothing."""
    source = YamlSource(path, text)
    file = SettingsFile(source, CatalogSettings(path=path, text=text))
    if all(not line.strip() or line.lstrip().startswith("#") for line in source.text.splitlines()):
        return file
    root = source.root("settings file", "settings consist of lines key: value, such as order: {wait: 5s}")
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


_READERS: Final[dict[str, Callable[[Fields, CatalogSettings], CatalogSettings]]] = {ORDER.name: _read_order}


def settings_meaning(settings: CatalogSettings) -> bytes:
    """All that makes settings what they are, in one spelling; nothing for the defaults."""
    said = {"order_wait_ms": settings.order_wait_ms} if settings.order_wait_ms else {}
    return msgspec.json.encode({"catalog": said}) if said else b""


def settings_version(settings: CatalogSettings) -> str | None:
    """Six hexadecimal digits that change with what the settings mean; None where all are the defaults."""
    meaning = settings_meaning(settings)
    return sha256(meaning).hexdigest()[:6] if meaning else None


def settings_text(settings: CatalogSettings) -> str:
    """The settings for people, in one line."""
    wait_ms = settings.order_wait_ms
    return f"order: wait {format_duration(wait_ms)}" if wait_ms else "the defaults"


def repeated(files: list[SettingsFile]) -> list[Problem]:
    """Problems of a folder with more than one such file."""
    return [
        file.source.problem(
            0, 0, f"there are two files {SETTINGS_FILE}", "leave one of them", f"{files[0].source.path} is one, too"
        )
        for file in files[1:]
    ]
