"""The people who come to the simulated shop, and what the shop's pages remember of each."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from app.simulation.goods import CATEGORIES, Product

#: Shares of a general web shop's visitors; they need not add up to one (`Random.choices` weighs them).
_DEVICES: Final = {"mobile": 0.58, "desktop": 0.37, "tablet": 0.05}
_COUNTRIES: Final = {"DE": 0.34, "US": 0.22, "FR": 0.12, "GB": 0.1, "NL": 0.08, "IN": 0.08, "PL": 0.06}
_SOURCES: Final = {
    "google": 0.4,
    "(direct)": 0.25,
    "newsletter": 0.12,
    "instagram": 0.12,
    "partner": 0.11,
}
_MEDIA: Final = {
    "google": "organic",
    "(direct)": "(none)",
    "newsletter": "email",
    "instagram": "social",
    "partner": "referral",
}

#: Share of the population that has an account and stays signed in.
CUSTOMER_SHARE: Final = 0.45
#: Share of the devices whose own clock is wrong, and by how much at most: senders' clocks are corrected.
_WRONG_CLOCK_SHARE: Final = 0.03
_WRONG_CLOCK_MS_MAX: Final = 3 * 3_600_000


def draw(rng: Random, weights: dict[str, float]) -> str:
    """One key, by weight."""
    return rng.choices(tuple(weights), tuple(weights.values()))[0]


@dataclass(slots=True)
class Visitor:
    """One person on one device. `user_id` is set while signed in; `cart` outlives a visit, as a cookie does."""

    number: int
    anonymous_id: str
    user_id: str | None
    device: str
    country: str
    favourite: str
    age: int
    plan: str
    clock_error_ms: int
    cart: dict[str, tuple[Product, int]] = field(default_factory=dict)
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Campaign:
    """Origin of a visit."""

    source: str
    medium: str


def new_visitor(rng: Random, number: int) -> Visitor:
    """Visitor `number` of the population; customers are signed in from the start."""
    plan = draw(rng, {"free": 0.75, "plus": 0.25})
    wrong_clock = rng.random() < _WRONG_CLOCK_SHARE
    return Visitor(
        number=number,
        anonymous_id=f"a-{rng.getrandbits(64):016x}",
        user_id=f"u-{number}" if rng.random() < CUSTOMER_SHARE else None,
        device=draw(rng, _DEVICES),
        country=draw(rng, _COUNTRIES),
        favourite=rng.choice(CATEGORIES),
        age=min(90, max(16, round(rng.gauss(38, 13)))),
        plan=plan,
        clock_error_ms=rng.randint(-_WRONG_CLOCK_MS_MAX, _WRONG_CLOCK_MS_MAX) if wrong_clock else 0,
    )


def new_campaign(rng: Random) -> Campaign:
    """Returns the origin of the next visit."""
    source = draw(rng, _SOURCES)
    return Campaign(source, _MEDIA[source])
