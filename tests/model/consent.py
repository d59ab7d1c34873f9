"""Consent: what a user said last about a purpose, by (t, arrival)."""

from typing import Any, Final

from app.segments.definitions.definition import Catalog
from tests.model.history import Gift, History
from tests.model.messages import is_scalar

SILENT: Final = object()


def granted(purpose: str, catalog: Catalog, history: History) -> bool:
    """True if the user agrees, or has said nothing and that counts as consent."""
    assert catalog.settings.consent is not None
    policy = catalog.settings.consent.purposes[purpose]
    found = said(policy.path, history, granted=policy.granted)
    return policy.granted if found is None or found[1] is None else found[1] is True


def said(path: tuple[str, ...], history: History, *, granted: bool) -> tuple[int, Any] | None:
    """The instant and the value of what was said last. Null takes back whatever was said.

    What another has said, who turned out to be this user, counts if it is later; at one instant what denies does.
    """
    known: tuple[int, Any] | None = None
    for part in history.parts():
        if isinstance(part, Gift):
            other = said(path, part.history, granted=granted)
            if other is not None and (
                known is None or other[0] > known[0] or (other[0] == known[0] and denies(other[1], granted=granted))
            ):
                known = other
        else:
            value = stated(part.message.context, path)
            if value is not SILENT and (known is None or part.t >= known[0]):
                known = part.t, value
    return known


def denies(value: Any, *, granted: bool) -> bool:
    return not granted if value is None else value is not True


def stated(context: Any, path: tuple[str, ...]) -> Any:
    """The value at a path: SILENT where there is none, or an object; None for null, there or above."""
    for name in path:
        if context is None:
            return None
        if not isinstance(context, dict) or name not in context:
            return SILENT
        context = context[name]
    if isinstance(context, dict):
        return SILENT
    if isinstance(context, list):
        return context if any(map(is_scalar, context)) else SILENT
    return context
