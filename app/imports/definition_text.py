"""The text of a definition file with its tests."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.events.instants import iso_text
from app.events.visible_text import visible_line
from app.imports.conditions import Events, Every, InstantAgo, Translated, text
from app.imports.value_tests import DAY_MS
from app.segments.language.durations import format_duration

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[ -][A-Za-z0-9_]+)*")
_WORDS_OF_YAML: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
START_MS: Final = 1_767_571_200_000
"""The instant of the check of a test without fixed dates: 2026-01-05T00:00:00Z."""
_KEYS: Final = ("on_list", "userId", "event", "type", "name", "properties", "traits", "context")


@dataclass(frozen=True, slots=True)
class WrittenTest:
    name: str
    events: Events
    inside: bool


def definition_text(translated: Translated, tests: Sequence[WrittenTest], source: str) -> str:
    """The file of one definition; comments at its top say what is missing in it."""
    assert translated.condition is not None
    lines = [f"# Imported from {source}, {_line(translated.path or 'the whole file')}."]
    if translated.left_out:
        lines.append("# A draft, since these parts could not be translated:")
        lines += [f"# - {_line(gap)}" for gap in translated.left_out]
    lines += [f"segment: {translated.name}", f"title: {_scalar(translated.title.strip() or translated.name)}"]
    if translated.description.strip():
        lines.append(f"description: {_scalar(translated.description)}")
    if translated.draft:
        lines.append("status: draft")
    lines += ["when: >-", *_condition(translated)]
    if tests:
        lines.append("tests:")
        for test in tests:
            lines += _test(test)
    return "\n".join(lines) + "\n"


def _condition(translated: Translated) -> list[str]:
    condition = translated.condition
    assert condition is not None
    whole = text(condition)
    if not isinstance(condition, Every) or len(whole) < 100:
        return [f"  {whole}"]
    first, *rest = (text(Every((part,))) for part in condition.parts)
    return [f"  {first}", *(f"  and {part}" for part in rest)]


def _test(test: WrittenTest) -> list[str]:
    fixed = [event.at_ms for event in test.events if event.at_ms is not None]
    check_ms = max([START_MS, *(at_ms + DAY_MS for at_ms in fixed)])
    instants = [check_ms - event.ago_ms if event.at_ms is None else event.at_ms for event in test.events]
    start_ms = min([check_ms, *instants])
    lines = [f"  - name: {test.name}"]
    if start_ms != START_MS:
        lines.append(f"    start: {iso_text(start_ms)}")
    lines.append("    events:")
    for at_ms, event in sorted(zip(instants, test.events, strict=True), key=lambda pair: pair[0]):
        written = [f"at: {format_duration(at_ms - start_ms)}"]
        written += [f"{key}: {_flow(event.message[key], check_ms)}" for key in _KEYS if key in event.message]
        lines.append(f"      - {{{', '.join(written)}}}")
    lines += ["    expect:", f"      - {{at: {format_duration(check_ms - start_ms)}, in: {str(test.inside).lower()}}}"]
    return lines


def _flow(value: Any, check_ms: int) -> str:
    if isinstance(value, InstantAgo):
        return f"'{iso_text(check_ms - value.ms)}'"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key, check_ms)}: {_flow(item, check_ms)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=False)


def _scalar(value: str) -> str:
    return json.dumps(_line(value), ensure_ascii=False)


def _line(value: str) -> str:
    return visible_line(value)
