"""Policy of identity: which keys are one person. `identity.yaml` says it; it is part of what a catalog means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.events.user_ids import BLOCKED_IDS, bare_id
from app.segments.definitions.definition_format import (
    BLOCKED,
    CART,
    DEVICES_MAX,
    FOLLOW,
    IDENTITY,
    LOGOUT,
    SWITCHES_MAX,
    TRUST_ALIAS,
)
from app.segments.definitions.yaml_fields import Fields
from tables.cart import MergeRule

LOGOUTS: Final = ("Signed Out", "Logged Out")

CARTS: Final[Mapping[str, MergeRule]] = {"max": "max", "sum": "sum", "user": "user"}
Follow = Literal["always", "before"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityPolicy:
    """The rules by which anonymous ids become a user's.

    follow: `always`: events of an id that has moved are the user's; `before`: only those before its last claim.
    logout: names of events after which the id is nobody's.
    blocked: ids that nobody claims, as they are compared: without case and blanks around them.
    devices_max: ids that one user claims within 30 days.
    switches_max: changes of hands within 30 days after which an id is shared, and nobody's for 30 days.
    trust_alias: an `alias` claims its `previousId`.
    cart: the quantity of a product that is in the user's cart and in that of the id.
    """

    follow: Follow = "always"
    logout: tuple[str, ...] = LOGOUTS
    blocked: frozenset[str] = frozenset(BLOCKED_IDS)
    devices_max: int = 20
    switches_max: int = 4
    trust_alias: bool = True
    cart: MergeRule = "max"


DEFAULT_POLICY: Final = IdentityPolicy()


def read_identity_policy(fields: Fields) -> IdentityPolicy:
    """The policy of a file; what is not said is as usual. Problems are added to the file's."""
    usual, trusts_alias = DEFAULT_POLICY, TRUST_ALIAS.read(fields)
    cart = CART.read(fields)
    return IdentityPolicy(
        follow="before" if FOLLOW.read(fields) == "before" else "always",
        logout=LOGOUT.read(fields) if LOGOUT.name in fields else usual.logout,
        blocked=frozenset(map(bare_id, BLOCKED.read(fields))) if BLOCKED.name in fields else usual.blocked,
        devices_max=DEVICES_MAX.read(fields),
        switches_max=SWITCHES_MAX.read(fields),
        trust_alias=usual.trust_alias if trusts_alias is None else trusts_alias,
        cart=CARTS.get(cart or "", usual.cart),
    )


def policy_meaning(policy: IdentityPolicy) -> dict[str, Any]:
    """All that makes a policy what it is, in one order."""
    found = {key: getattr(policy, key) for key in IDENTITY.names}
    return found | {"logout": sorted(set(policy.logout)), "blocked": sorted(policy.blocked)}


def policy_text(policy: IdentityPolicy) -> str:
    """A policy for people, in one line: what differs from the usual one."""
    usual, own = policy_meaning(DEFAULT_POLICY), policy_meaning(policy)
    said = [f"{key}: {_written(value)}" for key, value in own.items() if value != usual[key]]
    return ", ".join(said) or "identity as usual"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)
