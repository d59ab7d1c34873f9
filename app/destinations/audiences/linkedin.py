"""Platform `linkedin`: users of a DMP segment (/rest/dmpSegments/<id>/users). Pure.

Checked against the documented shape of November 2026, not against the real service.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.destinations.audiences.identifiers import IdentifierKind, Normal
from app.destinations.audiences.platform import Action, Member, Verdict, json_request, rows_of
from app.destinations.http.answers import judge
from app.destinations.http.http_connection import Reply
from app.destinations.http.http_request import HttpRequest
from app.destinations.http.http_target import OAuth
from app.destinations.json_path import value_at
from app.destinations.outcome import Fate, Outcome
from app.destinations.template import Node

URL: Final = "https://api.linkedin.com"
ROWS_MAX: Final = 1_000
"""The documentation at hand names no limit of a batch."""

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedIn:
    """The contract: `app.destinations.audiences.platform.Platform`. audience: the number of the DMP segment."""

    audience: str
    version: str
    token: str = field(default="", repr=False)
    url: str = URL
    normal: Normal = field(default_factory=Normal)
    oauth: OAuth | None = None
    rows_max: int = ROWS_MAX
    name: str = "linkedin"
    kinds: tuple[IdentifierKind, ...] = ("email",)

    def templates(self) -> Iterator[Node]:
        yield from ()

    def request(self, action: Action, members: Sequence[Member], *, request_id: str) -> HttpRequest:
        elements = [
            {"action": action.upper(), "userIds": [{"idType": "SHA256_EMAIL", "idValue": row["email"]}]}
            for _, row in rows_of(action, members)
        ]
        headers = {
            "LinkedIn-Version": self.version,
            "X-Restli-Protocol-Version": "2.0.0",
            "X-RestLi-Method": "BATCH_CREATE",
        }
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = f"{self.url}/rest/dmpSegments/{self.audience}/users"
        return json_request("POST", url, {"elements": elements}, request_id=request_id, headers=headers)

    def judge(self, action: Action, members: Sequence[Member], reply: Reply, *, now_s: float) -> Verdict:
        """A batch is answered with a status for each element, in their order."""
        outcome = judge(reply.status, reply.headers, reply.body, None, now_s=now_s)
        if outcome.fate is not Fate.DELIVERED:
            return Verdict(outcome)
        rows = rows_of(action, members)
        statuses = _statuses(reply.body)
        if len(statuses) != len(rows):
            detail = f"answered {len(statuses)} elements to {len(rows)}"
            return Verdict(Outcome(fate=Fate.AGAIN, status="unreadable", detail=detail))
        refused: dict[int, str] = {}
        for (place, _), status in zip(rows, statuses, strict=True):
            one = judge(status, {}, b"", None, now_s=now_s)
            if one.fate is Fate.AGAIN:
                return Verdict(Outcome(fate=Fate.AGAIN, status=str(status), detail=f"answered {status} for an element"))
            if one.fate is Fate.REFUSED:
                refused[place] = f"answered {status} for this element"
        return Verdict(outcome, refused)


def _statuses(body: bytes) -> list[int]:
    try:
        elements: Any = value_at(_decode(body), ("elements",))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    found = [value_at(each, ("status",)) for each in elements] if isinstance(elements, list) else []
    return [each for each in found if isinstance(each, int)]
