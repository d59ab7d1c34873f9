"""Personal data in answers of the console: shown, or replaced where the right `people` is missing."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any


@dataclass(frozen=True, slots=True)
class Mask:
    """Replaces users by names that stay the same while the process runs, and leaves out what they did.

    >>> Mask(b"key", hides=True).user("ann@shop.example")
    'user 333292'
    """

    key: bytes = field(repr=False)
    hides: bool

    def user(self, user: str) -> str:
        """The user, or a name in place of it."""
        if not self.hides:
            return user
        return f"user {hmac.digest(self.key, user.encode(errors='replace'), sha256).hex()[:6]}"

    def change(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """A change as in the topic; hidden: without its ids, values and attached data."""
        if not self.hides:
            return dict(change)
        return {
            **change,
            "id": "",
            "user": self.user(change["user"]),
            "cause": {"kind": change["cause"]["kind"]},
            "value": None,
            "evidence": [{"expression": atom["expression"], "value": None} for atom in change["evidence"]],
            "attach": {},
        }
