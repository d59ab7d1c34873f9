"""Platform `google`: a Customer Match list by the Data Manager API (audienceMembers:ingest and :remove). Pure.

Checked against the documented shape of November 2026, not against the real service.
"""

import re
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
from app.destinations.outcome import Fate
from app.destinations.template import Node

URL: Final = "https://datamanager.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
FIELDS: Final = {"email": "emailAddress", "phone": "phoneNumber"}
METHODS: Final = {"add": "ingest", "remove": "remove"}
_PLACE: Final = re.compile(r"audience_?members\[(\d{1,6})\]", re.IGNORECASE)
"""Place of a member in the path of a field that is wrong."""

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Google:
    """The contract: `app.destinations.audiences.platform.Platform`.

    account: of the advertiser who owns the list. login_account: the manager's account that the credentials are of.
    consented: whether all who are added have given their consent.
    """

    audience: str
    account: str
    login_account: str = ""
    consented: bool = False
    url: str = URL
    normal: Normal = field(default_factory=lambda: Normal(gmail=True, plus=True))
    oauth: OAuth | None = None
    rows_max: int = 10_000
    name: str = "google"
    kinds: tuple[IdentifierKind, ...] = ("email", "phone")

    def templates(self) -> Iterator[Node]:
        yield from ()

    def request(self, action: Action, members: Sequence[Member], *, request_id: str) -> HttpRequest:
        to: dict[str, Any] = {"operatingAccount": _account(self.account), "productDestinationId": self.audience}
        if self.login_account:
            to["loginAccount"] = _account(self.login_account)
        body: dict[str, Any] = {
            "destinations": [to],
            "audienceMembers": [
                {"userData": {"userIdentifiers": [{FIELDS[kind]: value} for kind, value in row.items()]}}
                for _, row in rows_of(action, members)
            ],
            "encoding": "HEX",
        }
        if action == "add":
            body["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
            if self.consented:
                body["consent"] = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
        url = f"{self.url}/v1/audienceMembers:{METHODS[action]}"
        return json_request("POST", url, body, request_id=request_id, headers={})

    def judge(self, action: Action, members: Sequence[Member], reply: Reply, *, now_s: float) -> Verdict:
        """A request with a member that is wrong is refused as a whole, and names the field."""
        outcome = judge(reply.status, reply.headers, reply.body, None, now_s=now_s)
        if outcome.fate is not Fate.REFUSED:
            return Verdict(outcome)
        rows = rows_of(action, members)
        refused = {rows[row][0]: detail for row, detail in _violations(reply.body) if row < len(rows)}
        return Verdict(outcome, refused, rest_again=bool(refused))


def _account(number: str) -> dict[str, str]:
    return {"accountType": "GOOGLE_ADS", "accountId": number}


def _violations(body: bytes) -> Iterator[tuple[int, str]]:
    """Yields places of members that are wrong, with what is said of them."""
    try:
        details = value_at(_decode(body), ("error", "details"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for detail in details if isinstance(details, list) else ():
        violations = value_at(detail, ("fieldViolations",))
        for each in violations if isinstance(violations, list) else ():
            if match := _PLACE.search(str(value_at(each, ("field",)))):
                yield int(match[1]), str(value_at(each, ("description",)))[:200]
