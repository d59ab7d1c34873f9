"""Target of the kind `audience`: the state that a change wants for its user. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.destinations.audiences.identifiers import IdentifierKind, identifier
from app.destinations.audiences.platform import ACTIONS, Member, Platform
from app.destinations.destination import ERASED, Occasion
from app.destinations.json_path import value_at
from app.destinations.template import MissingValueError, Node, Placeholder, Text
from app.segments.evaluation.change import CHANGE_KINDS

DEMANDED: Final = (ERASED, "consent")
"""Causes of exits that a person demands."""
YES: Final = frozenset({"true", "yes", "granted", "1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """State that a change wants: these identifiers at the service, none: the user shall not be there.

    is_demanded: the person wants it so: they were erased, or took their consent back.
    """

    id: str
    user: str
    change: str
    group: object
    identifiers: Sequence[str] = field(repr=False)
    is_demanded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceTarget:
    """The contract: `app.destinations.destination.Target`. identify: path of a value in a change, by kind.

    guarded: what looks like a mistake is held back. reconcile_ms: time from one sending of the whole list to the next;
    0: it is not sent again.
    """

    platform: Platform
    identify: Mapping[IdentifierKind, tuple[str, ...]]
    consent: tuple[str, ...] = ()
    guarded: bool = True
    reconcile_ms: int = 0

    @property
    def changes(self) -> Collection[Occasion]:
        return CHANGE_KINDS

    def templates(self) -> Iterator[Node]:
        for path in (*self.identify.values(), *([self.consent] if self.consent else ())):
            place = Placeholder(path, filters=(), optional=False, has_default=False, default=None)
            yield Text((place,))

    def prepare(self, change: Mapping[str, Any], value: bytes, *, source: str) -> Wish:
        """The wish of a change. Users without an address, or without consent, are not wanted in the list."""
        cause = change.get("cause")
        return Wish(
            id=change["id"],
            user=change["user"],
            change=change["change"],
            group=change.get("group"),
            identifiers=() if change["change"] == "exited" else self._identifiers(change),
            is_demanded=(isinstance(cause, Mapping) and cause.get("kind") in DEMANDED)
            or (change["change"] != "exited" and not self._is_agreed(change)),
        )

    def _identifiers(self, change: Mapping[str, Any]) -> tuple[str, ...]:
        attached = change.get("attach")
        attached = {} if attached is None else attached
        for path in (*self.identify.values(), *([self.consent] if self.consent else ())):
            if path[0] == "attach" and attached.get(path[1]) is None and path[1] not in attached:
                raise MissingValueError(path)
        if not self._is_agreed(change):
            return ()
        normal = self.platform.normal
        found = (identifier(kind, value_at(change, path), normal) for kind, path in self.identify.items())
        return tuple(each for each in found if each is not None)

    def _is_agreed(self, change: Mapping[str, Any]) -> bool:
        return not self.consent or _agrees(value_at(change, self.consent))

    def shown(self, item: Wish) -> str:
        action = ACTIONS[1] if item.change == "exited" else ACTIONS[0]
        hashed = self.platform.normal.hashed
        names = [
            f"{kind}:{value}"
            for kind, path in self.identify.items()
            for value in [f"<sha256 of {'.'.join(path)}>" if hashed and kind != "user" else f"<{'.'.join(path)}>"]
        ]
        request = self.platform.request(action, [Member(item.user, names)], request_id=item.id)
        lines = [f"{request.method} {request.url}"]
        if item.change == "updated":
            lines.insert(0, "if an address or the consent has changed; the one before is removed")
        if self.platform.oauth is not None:
            lines.append("Authorization: Bearer (by oauth)")
        lines += [f"{name}: (secret)" for name in request.headers if name.lower() == "authorization"]
        lines.append(request.body.decode())
        return "\n".join(f"  {line}" for line in lines)


def _agrees(value: Any) -> bool:
    """True for a consent that was given.

    >>> [_agrees(each) for each in (True, "granted", None, False, "denied")]
    [True, True, False, False, False]
    """
    return value is True or (isinstance(value, str | int) and str(value).strip().lower() in YES)
