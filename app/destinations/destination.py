"""A destination: what is sent where for which changes. Plain values, made from a file."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.destinations.template import Text
from app.runtime.pacing.back_off import back_off_ms, spread_ms

Kind = Literal["entered", "exited", "updated"]
Start = Literal["now", "beginning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. `body` None: the change itself."""

    method: str
    url: Text = field(repr=False)
    body: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """HMAC-SHA256 over `<timestamp>.<body>`."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """A token by client credentials (RFC 6749, 4.4); `method` is how the service wants to be asked for it."""

    url: str = field(repr=False)
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    method: Literal["POST", "GET"] = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Requirement on an answer with a good status: at `path` in its JSON stands `value`.

    If it does not, `code_path` leads to a code: those of `retry` pass by themselves, those of `token` want a new token.
    """

    path: tuple[str, ...]
    value: Any
    code_path: tuple[str, ...] = ()
    retry: frozenset[str] = frozenset()
    token: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Pauses double from `first_ms` to `longest_ms`, each spread by chance.

    A change that fails for `give_up_ms`, while others get through, becomes a dead letter.
    """

    first_ms: int = 1_000
    longest_ms: int = 900_000
    give_up_ms: int = 21_600_000

    def pause_s(self, tries: int, chance: random.Random) -> float:
        """The pause after so many tries of a change."""
        return spread_ms(back_off_ms(tries, first_ms=self.first_ms, longest_ms=self.longest_ms), chance) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """segments: names, None: all. rate: requests a second of one process, 0: any. max_age_ms: older changes are not
    sent, None: all are."""

    name: str
    path: str
    segments: frozenset[str] | None
    requests: Mapping[Kind, Request]
    headers: Mapping[str, Text] = field(repr=False)
    signature: Signature | None = None
    oauth: OAuth | None = None
    answer: Answer | None = None
    retry: Retry = Retry()
    rate: float = 0.0
    at_once: int = 8
    timeout_ms: int = 10_000
    max_age_ms: int | None = None
    start: Start = "now"
    refusals_max: int | None = None
    """Refusals in a row after which it is paused; 0: never; None: what the setting says."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables that were put in, so that they can be taken out of what is shown."""

    def wants(self, segment: str, kind: str) -> bool:
        """True if a change is for it."""
        return kind in self.requests and (self.segments is None or segment in self.segments)
