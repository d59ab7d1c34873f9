"""One visit to the shop: from where a visitor lands, page by page, to where they leave.

A visit is a walk over places. `_WAYS` says, for each mission, where one goes from each place and how often; what
happens at a place (which hits are sent) is the method of that name. Hits carry their own time and nothing of the
network: see `wire.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal, TypeAlias

from app.simulation.goods import ARTICLES, CATEGORIES, PRODUCTS, SEARCHES, Product
from app.simulation.visitor import Visitor, draw

Mission: TypeAlias = Literal["glance", "browse", "shop"]
HitType: TypeAlias = Literal["page", "track", "identify"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing a visitor did. `name` is the page's or the event's; `body` its properties (or traits)."""

    at_ms: int
    type: HitType
    name: str
    body: dict[str, Any]
    user_id: str | None
    path: str
    title: str


_LEAVE: Final = "leave"
_WAYS: Final[dict[Mission, dict[str, dict[str, float]]]] = {
    "glance": {place: {_LEAVE: 1.0} for place in ("home", "category", "results", "product", "article", "cart")},
    "browse": {
        "home": {"category": 0.52, "results": 0.14, "article": 0.12, _LEAVE: 0.22},
        "category": {"product": 0.58, "category": 0.2, "results": 0.05, _LEAVE: 0.17},
        "results": {"product": 0.55, "results": 0.15, _LEAVE: 0.3},
        "product": {"product": 0.36, "category": 0.18, "added": 0.055, "article": 0.04, _LEAVE: 0.365},
        "article": {"category": 0.3, "article": 0.2, "home": 0.1, _LEAVE: 0.4},
        "added": {"product": 0.4, "cart": 0.35, _LEAVE: 0.25},
        "cart": {"product": 0.2, "checkout": 0.2, _LEAVE: 0.6},
        "checkout": {"details": 0.55, _LEAVE: 0.45},
        "details": {"payment": 0.75, _LEAVE: 0.25},
        "payment": {"ordered": 0.8, _LEAVE: 0.2},
        "ordered": {_LEAVE: 1.0},
    },
    "shop": {
        "home": {"category": 0.6, "results": 0.3, _LEAVE: 0.1},
        "category": {"product": 0.75, "category": 0.15, "results": 0.05, _LEAVE: 0.05},
        "results": {"product": 0.75, "results": 0.15, _LEAVE: 0.1},
        "product": {"product": 0.32, "category": 0.13, "added": 0.34, _LEAVE: 0.21},
        "article": {"category": 0.7, _LEAVE: 0.3},
        "added": {"product": 0.38, "cart": 0.5, _LEAVE: 0.12},
        "cart": {"product": 0.16, "checkout": 0.52, _LEAVE: 0.32},
        "checkout": {"details": 0.74, "cart": 0.04, _LEAVE: 0.22},
        "details": {"payment": 0.85, _LEAVE: 0.15},
        "payment": {"ordered": 0.88, _LEAVE: 0.12},
        "ordered": {"home": 0.1, _LEAVE: 0.9},
    },
}
_LANDINGS: Final = {"home": 0.4, "category": 0.25, "product": 0.2, "results": 0.07, "article": 0.08}
#: Median seconds at a place before going on; the spread is that of a log-normal with sigma 0.9, which gives the
#: real shop's quartiles (a third and three times the median).
_PAUSE_S: Final = {
    "home": 9.0,
    "category": 14.0,
    "results": 12.0,
    "product": 24.0,
    "article": 50.0,
    "added": 7.0,
    "cart": 18.0,
    "checkout": 30.0,
    "details": 45.0,
    "payment": 35.0,
    "ordered": 15.0,
}
_PAUSE_SIGMA: Final = 0.9
_HITS_MAX: Final = 120
#: Share of the visits of signed-in visitors that begin with an `identify`.
_IDENTIFY_SHARE: Final = 0.35


def mission_of(rng: Random, visitor: Visitor) -> Mission:
    """Returns the purpose of a visit: customers browse less and shop more than strangers."""
    if visitor.user_id is None:
        mission = draw(rng, {"glance": 0.58, "browse": 0.31, "shop": 0.11})
    else:
        mission = draw(rng, {"glance": 0.38, "browse": 0.38, "shop": 0.24})
    match mission:
        case "glance" | "browse" | "shop":
            return mission
        case _:
            raise AssertionError(mission)


def walk(rng: Random, visitor: Visitor, start_ms: int, *, order_number: Callable[[], int]) -> list[Hit]:
    """All hits of one visit that begins at `start_ms`, in order of time; changes the visitor's cart and identity."""
    visit = _Visit(rng, visitor, start_ms, order_number)
    mission = mission_of(rng, visitor)
    came_for_cart = bool(visitor.cart) and mission != "glance" and rng.random() < 0.6
    place = "cart" if came_for_cart else draw(rng, _LANDINGS)
    ways = _WAYS[mission]
    places = visit.places()
    if visitor.user_id is not None and rng.random() < _IDENTIFY_SHARE:
        visit.identify()
        visit.pause(0.5)
    while place != _LEAVE and len(visit.hits) < _HITS_MAX:
        places[place]()
        visit.pause(_PAUSE_S[place])
        place = draw(rng, ways[place])
    return visit.hits


class _Visit:
    """The places of the shop. Each method sends the hits of being there once."""

    def __init__(self, rng: Random, visitor: Visitor, start_ms: int, order_number: Callable[[], int]) -> None:
        self.hits: list[Hit] = []
        self._rng = rng
        self._visitor = visitor
        self._now_ms = start_ms
        self._order_number = order_number
        self._path, self._title = "/", "Home"
        self._category = visitor.favourite if rng.random() < 0.6 else rng.choice(CATEGORIES)
        self._product = self._some_product()

    def pause(self, median_s: float) -> None:
        """Time goes on: a log-normal pause, at least 50 ms, at most 20 minutes."""
        pause_ms = int(1000 * median_s * self._rng.lognormvariate(0.0, _PAUSE_SIGMA))
        self._now_ms += min(1_200_000, max(50, pause_ms))

    def places(self) -> dict[str, Callable[[], None]]:
        """Returns the action at each place of `_WAYS`."""
        return {
            "home": self.home,
            "category": self.category,
            "results": self.results,
            "product": self.product,
            "article": self.article,
            "added": self.added,
            "cart": self.cart,
            "checkout": self.checkout,
            "details": self.details,
            "payment": self.payment,
            "ordered": self.ordered,
        }

    # ---- places

    def home(self) -> None:
        self._page("/", "Home")
        chance = self._rng.random()
        if chance < 0.12:
            self.pause(4.0)
            self._track("Promotion Clicked", {"promotion_id": "season", "name": "Season opening", "position": "hero"})
        elif chance < 0.2:
            self.pause(4.0)
            self._track("Element Clicked", {"id": "cta", "text": "Join the club", "path": self._path})
            if self._rng.random() < 0.25:
                self._subscribe()

    def category(self) -> None:
        if self._rng.random() < 0.35:
            self._category = self._rng.choice(CATEGORIES)
        self._page(f"/c/{self._category}", self._category.capitalize())
        self._track(
            "Product List Viewed",
            {
                "list_id": self._category,
                "category": self._category,
                "products": [
                    {"product_id": product.product_id, "price": product.price, "position": position}
                    for position, product in enumerate(PRODUCTS[self._category][:4], 1)
                ],
            },
        )

    def results(self) -> None:
        query = self._rng.choice(SEARCHES)
        self._track("Products Searched", {"query": query})
        self._page("/search", f"Results for {query}", search=query)
        self._category = self._rng.choice(CATEGORIES)

    def product(self) -> None:
        self._product = self._some_product()
        about = self._about(self._product)
        if self._path.startswith(("/c/", "/search")):
            self._track("Product Clicked", about)
        self._page(f"/p/{self._product.product_id}", self._product.name)
        self._track("Product Viewed", about)
        chance = self._rng.random()
        if chance < 0.3:
            self.pause(8.0)
            self._track("Page Scrolled", {"percent": self._rng.choice((25, 50, 75, 100)), "path": self._path})
        elif chance < 0.36:
            self._video(f"try-on-{self._product.product_id}")

    def article(self) -> None:
        slug, title = self._rng.choice(ARTICLES)
        self._page(f"/stories/{slug}", title)
        for percent in (25, 50, 75, 100):
            if self._rng.random() < 0.3:
                break
            self.pause(9.0)
            self._track("Page Scrolled", {"percent": percent, "path": self._path})
        chance = self._rng.random()
        if chance < 0.2:
            self._video(slug)
        elif chance < 0.28:
            self._subscribe()

    def added(self) -> None:
        quantity = self._rng.choices((1, 2, 3), (0.86, 0.11, 0.03))[0]
        cart = self._visitor.cart
        held = cart.get(self._product.product_id, (self._product, 0))[1]
        cart[self._product.product_id] = (self._product, held + quantity)
        self._track("Product Added", {**self._about(self._product), "quantity": quantity})

    def cart(self) -> None:
        self._page("/cart", "Shopping cart")
        self._track("Cart Viewed", {"products": self._lines()})
        if self._visitor.cart and self._rng.random() < 0.12:
            self.pause(6.0)
            product, quantity = self._visitor.cart.pop(self._rng.choice(tuple(self._visitor.cart)))
            self._track("Product Removed", {**self._about(product), "quantity": quantity})

    def checkout(self) -> None:
        if self._visitor.user_id is None and self._rng.random() < 0.5:
            self._sign_in()
        self._step(1, "Checkout: address")

    def details(self) -> None:
        self._step(2, "Checkout: delivery")

    def payment(self) -> None:
        self._step(3, "Checkout: payment")

    def ordered(self) -> None:
        lines = self._lines()
        if not lines:
            return
        revenue = round(sum(price * quantity for _, price, quantity in self._quantities()), 2)
        order = {
            "order_id": f"o-{self._order_number()}",
            "revenue": revenue,
            "total": round(revenue + (0 if revenue >= 60 else 4.9), 2),
            "currency": "EUR",
            "products": lines,
        }
        self._page("/thank-you", "Thank you")
        self._track("Order Completed", order)
        self._visitor.cart.clear()
        self._visitor.orders += 1
        if self._rng.random() < 0.08:  # the confirmation page is loaded again: the same order, another message
            self.pause(12.0)
            self._page("/thank-you", "Thank you")
            self._track("Order Completed", order)

    # ---- events at places

    def _step(self, step: int, title: str) -> None:
        self._page(f"/checkout/{step}", title)
        self._track("Checkout Step Viewed", {"step": step, "products": self._lines()})

    def _video(self, video: str) -> None:
        self._track("Video Playback Started", {"video_id": video})
        if self._rng.random() < 0.4:
            self.pause(40.0)
            self._track("Video Playback Completed", {"video_id": video})

    def _subscribe(self) -> None:
        self.pause(12.0)
        self._track("Form Submitted", {"form_id": "newsletter", "path": self._path})
        if self._visitor.user_id is None and self._rng.random() < 0.4:
            self._sign_in()

    def _sign_in(self) -> None:
        self._visitor.user_id = f"u-{self._visitor.number}"
        self.identify()

    def identify(self) -> None:
        """Traits that the shop knows of a signed-in visitor."""
        visitor = self._visitor
        traits = {"plan": visitor.plan, "age": visitor.age, "country": visitor.country, "orders": visitor.orders}
        self._send("identify", "", traits)

    def _some_product(self) -> Product:
        products = PRODUCTS[self._category]
        return self._rng.choices(products, [product.popularity for product in products])[0]

    @staticmethod
    def _about(product: Product) -> dict[str, Any]:
        return {
            "product_id": product.product_id,
            "name": product.name,
            "category": product.category,
            "brand": product.brand,
            "price": product.price,
        }

    def _quantities(self) -> list[tuple[Product, float, int]]:
        return [(product, product.price, quantity) for product, quantity in self._visitor.cart.values()]

    def _lines(self) -> list[dict[str, Any]]:
        return [{**self._about(product), "quantity": quantity} for product, _, quantity in self._quantities()]

    def _page(self, path: str, title: str, **more: str) -> None:
        self._path, self._title = path, title
        self._send("page", title, {"path": path, "title": title, **more})

    def _track(self, name: str, properties: dict[str, Any]) -> None:
        self._now_ms += self._rng.randint(4, 400)
        self._send("track", name, properties)

    def _send(self, kind: HitType, name: str, body: dict[str, Any]) -> None:
        self.hits.append(Hit(self._now_ms, kind, name, body, self._visitor.user_id, self._path, self._title))
