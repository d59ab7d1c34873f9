"""A profile in words: what each of its parts is, by the definitions that read it. Pure."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.events.instants import iso
from app.offline.person import claims_of
from app.segments.compiler.leaf_ids import first_id, leaf_id
from app.segments.compiler.list_ids import list_id
from app.segments.compiler.program import Program
from app.segments.definitions.definition import Catalog, Definition
from app.segments.definitions.dependencies import expressions
from app.segments.evaluation.exposure import exposed_of
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.walk import walk
from tables.by_value import AGGREGATES, LATEST, MEMBER, State
from tables.exposures import CROSSED, EXPOSED_AT, GROUP
from tables.identity import ERASED
from tables.in_hand import InHand
from tables.profile import INSIDE, OUT_AT, SENT, SINCE, TIMES, TOLD, Profile
from tables.values import key_order, key_value


class ProfileWords:
    """Says in words what a profile remembers. What the definitions do not name is told by its number."""

    def __init__(self, catalog: Catalog, program: Program) -> None:
        self._program = program
        self._segments = {code.id: code.name for code in program.segments}
        self._leaves: dict[int, str] = {}
        self._lists: dict[int, str] = {}
        definitions: Sequence[Definition] = catalog.definitions
        for node in (node for each in definitions for top in expressions(each) for node in walk(top)):
            if isinstance(node, s.Trait | s.ContextValue):
                is_trait = isinstance(node, s.Trait)
                path = ("traits", *node.path) if is_trait else node.path
                self._leaves[leaf_id(path)] = canonical.path_text(node.path, "traits" if is_trait else "context")
            elif isinstance(node, s.FirstValue):
                self._leaves[first_id(node.of.path)] = canonical.text(node)
            elif isinstance(node, s.StaticList):
                self._lists[list_id(node.name)] = node.name
        policy = catalog.settings.consent
        self._purposes = {} if policy is None else {leaf_id(each.path): name for name, each in policy.purposes.items()}

    def of(self, key: str, profile: Profile | None) -> dict[str, Any]:
        """All that is remembered under one key."""
        if profile is None:
            return {"key": key, "known": False}
        leaves = profile.leaves
        told = {
            "key": key,
            "known": True,
            "moved_to": profile.moved_to,
            "claims": claims_of(profile),
            "identified": profile.identified,
            "first_seen": iso(profile.first_seen_ms) if profile.begun else None,
            "last_seen": iso(profile.highest_ms) if profile.begun else None,
            "segments": [self._membership(number, member) for number, member in sorted(profile.members.items())],
            "erased": None if profile.identity is None else _instant(profile.identity.answered.get(ERASED)),
            "suppressed": profile.identity is not None and profile.identity.is_suppressed,
            "consent": _dated(self._purposes, leaves),
            "lists": _dated(self._lists, leaves),
            "values": self._values(leaves),
            "remembered": [self._aggregate(number, state) for number, state in sorted(profile.aggregates.items())],
            "visit": profile.session,
            "cart": profile.cart,
            "waiting": None if profile.waiting is None else msgspec.to_builtins(profile.waiting, enc_hook=_plain),
        }
        return {name: plain_json(value) for name, value in told.items()}

    def _values(self, leaves: Mapping[int, Any]) -> list[dict[str, Any]]:
        others = (number for number in sorted(leaves) if number not in self._purposes and number not in self._lists)
        return _dated({number: self._leaves.get(number, f"number {number}") for number in others}, leaves)

    def _aggregate(self, number: int, state: Any) -> dict[str, Any]:
        if (experiment := self._program.experiments.get(number)) is not None:
            group = {"group": state[GROUP], "exposed_at": _instant(state[EXPOSED_AT]), "crossed": bool(state[CROSSED])}
            return {"name": f"experiment {experiment}", "state": group}
        for by_value in self._program.by_value:
            if by_value.state_id == number:
                return {"name": f"values of {by_value.code.name}", "state": self._by_value(by_value.segment, state)}
        known = self._program.remembered.get(number)
        return {"name": f"number {number}" if known is None else known.text, "state": state}

    def _by_value(self, segment: int, state: State) -> list[dict[str, Any]]:
        """The values of a segment by value, in order of text."""
        parts = next(parts for parts in self._program.parts if parts.by_value.segment == segment).registry.by_id
        return [
            {
                "value": key_value(key),
                "latest": _instant(entry[LATEST]),
                "membership": None if entry[MEMBER] is None else self._membership(segment, entry[MEMBER]),
                "remembered": [
                    {"name": parts[own].text if own in parts else f"number {own}", "state": kept}
                    for own, kept in sorted(entry[AGGREGATES].items())
                ],
            }
            for key, entry in sorted(state.items(), key=lambda item: key_order(item[0]))
        ]

    def _membership(self, number: int, member: list[Any]) -> dict[str, Any]:
        return {
            "segment": self._segments.get(number, f"number {number}"),
            "in": bool(member[INSIDE]),
            "since": _instant(member[SINCE]),
            "times": member[TIMES],
            "left": _instant(member[OUT_AT]),
            "sent": member[SENT],
            **({"groups": _groups(member[TOLD])} if len(member) > TOLD else {}),
        }


def _dated(names: Mapping[int, str], leaves: Mapping[int, list[Any]]) -> list[dict[str, Any]]:
    """Remembered values with their instants, by name."""
    known = sorted((name, leaves[number]) for number, name in names.items() if number in leaves)
    return [{"name": name, "value": value, "at": _instant(at_ms)} for name, (at_ms, value) in known]


def _groups(told: list[Any]) -> list[dict[str, Any]]:
    """The groups that a membership tells."""
    return [msgspec.to_builtins(exposed) for exposed in exposed_of(told)]


def _instant(instant_ms: int | None) -> str | None:
    return None if instant_ms is None or instant_ms < 0 else iso(instant_ms)


def _plain(value: Any) -> Any:
    return value.plain() if isinstance(value, InHand) else str(value)


def plain_json(value: Any) -> Any:
    """A state as JSON can hold it: bytes as base64, a map whose keys are no texts as a list of pairs.

    >>> plain_json({1: b"ab", "x": [None, 2]}), plain_json({"x": bytearray(b"a")})
    ([[1, 'base64:YWI='], ['x', [None, 2]]], {'x': 'base64:YQ=='})
    """
    if isinstance(value, InHand):
        value = value.plain()
    if isinstance(value, bytes | bytearray):
        return f"base64:{base64.b64encode(value).decode()}"
    if isinstance(value, msgspec.Struct):
        return plain_json(msgspec.to_builtins(value))
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: plain_json(each) for key, each in value.items()}
        return [[plain_json(key), plain_json(each)] for key, each in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(each) for each in value]
    return value
