"""Platform `meta`: users of a customer file custom audience (Marketing API, /<audience>/users). Pure.

Checked against the documented shape of November 2026, not against the real service.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.destinations.audiences.identifiers import IdentifierKind, Normal
from app.destinations.audiences.platform import Action, Member, Verdict, encode_body, json_request, rows_of
from app.destinations.http.answers import judge
from app.destinations.http.http_connection import Reply
from app.destinations.http.http_request import HttpRequest
from app.destinations.http.http_target import OAuth
from app.destinations.json_path import value_at
from app.destinations.outcome import Fate, Outcome
from app.destinations.template import Node

URL: Final = "https://graph.facebook.com"
COLUMNS: Final = {"email": "EMAIL", "phone": "PHONE"}
PASSING: Final = frozenset({1, 2, 4, 17, 32, 368, 613, 2650, 80000, 80003, 80004})
"""Codes of errors that pass by themselves: unavailable, busy, limits of calls."""
WANTS_PEOPLE: Final = frozenset({10, 102, 190, 200, 294, 1713230})
"""Codes of errors that people mend: token, permission, a restriction of the audience. Nothing is lost meanwhile."""

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """The contract: `app.destinations.audiences.platform.Platform`."""

    audience: str
    version: str
    token: str = field(repr=False)
    url: str = URL
    normal: Normal = field(default_factory=Normal)
    oauth: OAuth | None = None
    rows_max: int = 10_000
    name: str = "meta"
    kinds: tuple[IdentifierKind, ...] = ("email", "phone")

    def templates(self) -> Iterator[Node]:
        yield from ()

    def request(self, action: Action, members: Sequence[Member], *, request_id: str) -> HttpRequest:
        rows = [row for _, row in rows_of(action, members)]
        columns = [kind for kind in COLUMNS if any(kind in row for row in rows)]
        payload = {
            "schema": [COLUMNS[kind] for kind in columns],
            "data": [[row.get(kind, "") for kind in columns] for row in rows],
        }
        # Of one session, and the same only if exactly this request is repeated.
        session_id = int.from_bytes(hashlib.sha256(request_id.encode() + encode_body(payload)).digest()[:6])
        session = {"session_id": session_id, "batch_seq": 1, "last_batch_flag": True, "estimated_num_total": len(rows)}
        return json_request(
            "POST" if action == "add" else "DELETE",
            f"{self.url}/{self.version}/{self.audience}/users",
            {"session": session, "payload": payload},
            request_id=request_id,
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def judge(self, action: Action, members: Sequence[Member], reply: Reply, *, now_s: float) -> Verdict:
        outcome = judge(reply.status, reply.headers, reply.body, None, now_s=now_s)
        try:
            said = _decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = {}
        if outcome.fate is Fate.REFUSED:
            return Verdict(_by_code(outcome, value_at(said, ("error",))))
        if outcome.fate is Fate.AGAIN:
            return Verdict(outcome)
        # Entries are named in samples only: of up to so many, not of all.
        samples = encode_body(value_at(said, ("invalid_entry_samples",)) or {}).decode()
        refused: dict[int, str] = {}
        for place, row in rows_of(action, members):
            if any(value in samples for value in row.values()):
                refused[place] = "the entry is invalid, says the service"
        return Verdict(outcome, refused)


def _by_code(outcome: Outcome, error: Any) -> Outcome:
    """The outcome by the code of an error. Limits, tokens and permissions are answered with the status 400, too."""
    codes = {value_at(error, (name,)) for name in ("code", "error_subcode")} - {None}
    code = value_at(error, ("code",))
    status = f"{outcome.status}-{code}" if isinstance(code, int) else outcome.status
    if codes & (PASSING | WANTS_PEOPLE) or value_at(error, ("is_transient",)) is True:
        return Outcome(fate=Fate.AGAIN, status=status, detail=outcome.detail)
    return Outcome(fate=Fate.REFUSED, status=status, detail=outcome.detail)
