"""Values of an event as the rules of `cleaning.yaml` leave them: all properties are made anew, whoever reads them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from app.segments.definitions.catalog_settings import CLEANING_FILE, read_catalog_settings
from app.segments.definitions.cleaning_rules import CleaningRule
from app.segments.definitions.definition import CatalogSettings
from tests.model.messages import Message


def rules_said(text: str) -> tuple[CleaningRule, ...]:
    """The rules of a file; none for an empty text."""
    return read_catalog_settings(CLEANING_FILE, text, CatalogSettings()).settings.cleaning if text else ()


def cleaned(message: Message, rules: Iterable[CleaningRule]) -> Message:
    if message.type != "track":
        return message
    properties: Any = message.properties
    for rule in rules:
        if message.name in rule.events:
            properties = within(dict(properties), rule.path, rule)
    return replace(message, properties=properties)


def within(value: Any, path: tuple[str, ...], rule: CleaningRule) -> Any:
    """A value in which what stands at a path is cleaned: in an object, in each object of a list."""
    if isinstance(value, list):
        return [within(item, path, rule) for item in value]
    if not path:
        return alone(value, rule)
    if not isinstance(value, dict):
        return value
    name, *rest = path
    return {**value, name: within(value.get(name), tuple(rest), rule)}


def alone(value: Any, rule: CleaningRule) -> Any:
    if isinstance(value, str):
        for step in rule.steps:
            value = value.strip() if step == "trim" else value.lower()
        if value in rule.map:
            value = rule.map[value]
    is_there = value is not None and value != ""
    return value if is_there or rule.default is None else rule.default
