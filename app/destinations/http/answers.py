"""Interprets an answer over HTTP: its meaning for a change, and for the destination. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from app.destinations.http.http_target import Answer
from app.destinations.json_path import value_at
from app.destinations.outcome import Fate, Outcome

RETRY_AFTER_S_MAX: Final = 86_400.0
INSTANT_S_MIN: Final = 1_000_000_000.0
"""A larger number in a header is an instant and no duration."""
TOO_MANY: Final = 429
PASSING: Final = frozenset({408, 409, 423, 425, 429})
"""Statuses below 500 that pass by themselves."""
WANTS_TOKEN: Final = frozenset({401, 403})
"""The destination does not know us (any more): nothing about this change. People mend it; nothing is lost meanwhile."""

CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
"""Codes of answers that may stand in a metric and in a log."""

_decode = msgspec.json.Decoder().decode


def judge(status: int, headers: Mapping[str, str], body: bytes, answer: Answer | None, *, now_s: float) -> Outcome:
    """The outcome of a request that was answered. `now_s`: seconds since the epoch."""
    text = str(status)
    # Many services tell the end of the window with every answer: it matters where the limit was reached.
    retry_after_s = read_pause(headers, now_s=now_s, limited=status == TOO_MANY)
    if 200 <= status < 300:
        return Outcome(fate=Fate.DELIVERED, status=text) if answer is None else _by_answer(text, body, answer)
    detail = f"answered {status}: {_start_of(body)}"
    if status >= 500 or status in PASSING:
        return Outcome(fate=Fate.AGAIN, status=text, detail=detail, retry_after_s=retry_after_s)
    if status in WANTS_TOKEN:
        return Outcome(fate=Fate.AGAIN, status=text, detail=detail, wants_token=True)
    if 300 <= status < 400:
        detail = f"answered {status}: redirects are not followed, write the address that is meant"
    return Outcome(fate=Fate.REFUSED, status=text, detail=detail)


def _by_answer(status: str, body: bytes, answer: Answer) -> Outcome:
    try:
        said = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Outcome(fate=Fate.AGAIN, status=status, detail=f"answered no JSON: {_start_of(body)}")
    if value_at(said, answer.path) == answer.value:
        return Outcome(fate=Fate.DELIVERED, status=status)
    code = str(value_at(said, answer.code_path)) if answer.code_path else ""
    detail = f"answered {status}, but not what is expected: {_start_of(body)}"
    if code in answer.token:
        return Outcome(fate=Fate.AGAIN, status=code, detail=detail, wants_token=True)
    if code in answer.retry:
        return Outcome(fate=Fate.AGAIN, status=code, detail=detail)
    return Outcome(fate=Fate.REFUSED, status=code if CODE.fullmatch(code) else status, detail=detail)


def _start_of(body: bytes) -> str:
    text = " ".join(body[:400].decode(errors="replace").split())
    return text[:200] or "nothing"


def read_pause(headers: Mapping[str, str], *, now_s: float, limited: bool) -> float | None:
    """Seconds until a service wants to be asked again: of `Retry-After`; where its limit was reached (`limited`), else
    of the end of the limit's window, which is a number of seconds, or an instant in seconds or ms since the epoch.

    >>> read_pause({"X-RateLimit-Reset": "1767225660"}, now_s=1767225600.0, limited=True)
    60.0
    """
    if (pause_s := read_retry_after(headers.get("Retry-After"), now_s=now_s)) is not None or not limited:
        return pause_s
    try:
        value = float(headers.get("X-RateLimit-Reset") or headers.get("RateLimit-Reset") or "")
    except ValueError:
        return None
    if value != value:
        return None
    if value > INSTANT_S_MIN:
        value = (value / 1000 if value > INSTANT_S_MIN * 1000 else value) - now_s
    return min(max(0.0, value), RETRY_AFTER_S_MAX)


def read_retry_after(text: str | None, *, now_s: float) -> float | None:
    """Seconds, of `Retry-After` in either form; None without one, or for one that cannot be read.

    >>> read_retry_after("120", now_s=0.0)
    120.0
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now_s
    return min(max(0.0, seconds), RETRY_AFTER_S_MAX) if seconds == seconds else None
