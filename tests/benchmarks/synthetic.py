"""A load that any stream processor can be given: simple events of many users, in order, each exactly once.

User ids, kinds and properties are drawn from a seeded generator. Event time goes on evenly; no two events have the
same instant. So what rules about them must say can be computed by anybody.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final, Literal, TypeAlias

from app.events.instants import iso

Spread: TypeAlias = Literal["uniform", "zipf"]
SPREADS: Final[tuple[Spread, ...]] = ("uniform", "zipf")
START_MS: Final = 1_767_571_200_000  # 2026-01-05
SPAN_MS: Final = 14 * 86_400_000
USERS_MAX: Final = 100_000
#: With fewer events a user than this, windows seldom fill: then the number of users is reduced.
EVENTS_A_USER: Final = 20
ZIPF_EXPONENT: Final = 1.1
CATEGORIES: Final = ("shoes", "boots", "bags", "hats", "coats", "shirts", "socks", "belts", "scarves", "gloves")
PRODUCTS: Final = 50
PRICE_CENTS: Final = (500, 20_000)
TOTAL_CENTS: Final = (1_000, 15_000)
_DRAWN_AT_ONCE: Final = 10_000
#: Of 20 events: views, then additions, then orders; the rest are pages.
_VIEWS, _ADDITIONS, _ORDERS, _ALL = 12, 15, 16, 20


@dataclass(frozen=True, slots=True)
class Synthetic:
    """`events` messages in the Segment spec, the same for the same `seed` and `spread`.

    `uniform`: each event is of any user, by the same chance; `zipf`: the k-th user has k^-1.1 times the first one's.
    """

    events: int
    spread: Spread = "uniform"
    seed: int = 1

    @property
    def users(self) -> int:
        """Number of users to draw from; not each of them need have an event."""
        return max(1, min(USERS_MAX, self.events // EVENTS_A_USER))

    @property
    def source(self) -> str:
        """In words."""
        return f"synthetic, {self.spread}, {self.users:,} users (seed {self.seed})"

    @property
    def end_ms(self) -> int:
        """The instant of the last event."""
        return self._instant_ms(self.events - 1)

    def lines(self) -> Iterator[bytes]:
        """The messages, in order of event time, which is the order of sending too."""
        rng = Random(self.seed)
        population = range(self.users)
        weights = self._cumulative_weights()
        number = 0
        while number < self.events:
            drawn = min(_DRAWN_AT_ONCE, self.events - number)
            for user in rng.choices(population, cum_weights=weights, k=drawn):
                yield _message(rng, number, user, iso(self._instant_ms(number)))
                number += 1

    def _instant_ms(self, number: int) -> int:
        return START_MS + number * SPAN_MS // self.events

    def _cumulative_weights(self) -> Sequence[float]:
        exponent = ZIPF_EXPONENT if self.spread == "zipf" else 0.0
        return list(accumulate((user + 1) ** -exponent for user in range(self.users)))


def _message(rng: Random, number: int, user: int, instant: str) -> bytes:
    kind = rng.randrange(_ALL)
    product = f"p{rng.randrange(PRODUCTS)}"
    if kind < _VIEWS:
        type_, name = "track", '"event":"Product Viewed"'
        body = f'"category":"{rng.choice(CATEGORIES)}","price":{_money(rng, PRICE_CENTS)},"product_id":"{product}"'
    elif kind < _ADDITIONS:
        type_, name = "track", '"event":"Product Added"'
        body = f'"product_id":"{product}","price":{_money(rng, PRICE_CENTS)},"quantity":{rng.randint(1, 3)}'
    elif kind < _ORDERS:
        type_, name = "track", '"event":"Order Completed"'
        body = f'"order_id":"o{number}","total":{_money(rng, TOTAL_CENTS)}'
    else:
        type_, name, body = "page", '"name":"Home"', '"path":"/"'
    head = f'"type":"{type_}","messageId":"m{number}","userId":"u{user:05d}",{name}'
    tail = f'"timestamp":"{instant}","receivedAt":"{instant}"'
    return f'{{{head},"properties":{{{body}}},{tail}}}'.encode()


def _money(rng: Random, bounds: tuple[int, int]) -> str:
    """Whole cents, written with two decimals."""
    cents = rng.randint(*bounds)
    return f"{cents // 100}.{cents % 100:02d}"
