"""Products of the simulated shop: a fixed range in seven categories."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Product:
    """One product; `price` in the shop's currency, `popularity` the weight with which visitors come upon it."""

    product_id: str
    name: str
    category: str
    brand: str
    price: float
    popularity: float


_RANGE: Final[dict[str, tuple[tuple[str, str, float], ...]]] = {
    "shoes": (
        ("Trail Runner", "Northfold", 119.0),
        ("City Sneaker", "Paloma", 84.9),
        ("Canvas Slip-on", "Paloma", 39.5),
        ("Hiking Boot", "Northfold", 169.0),
        ("Suede Loafer", "Arden", 129.0),
        ("Rain Boot", "Tidal", 59.0),
    ),
    "jackets": (
        ("Down Jacket", "Northfold", 229.0),
        ("Rain Shell", "Tidal", 149.0),
        ("Denim Jacket", "Arden", 89.0),
        ("Wool Coat", "Arden", 279.0),
        ("Windbreaker", "Tidal", 74.5),
    ),
    "shirts": (
        ("Linen Shirt", "Arden", 49.9),
        ("Striped Tee", "Paloma", 19.9),
        ("Merino Base Layer", "Northfold", 64.0),
        ("Oxford Shirt", "Arden", 54.9),
        ("Graphic Tee", "Paloma", 24.9),
        ("Polo", "Paloma", 34.9),
    ),
    "bags": (
        ("Day Pack 18L", "Northfold", 79.0),
        ("Roll-top Pack", "Tidal", 109.0),
        ("Weekender", "Arden", 189.0),
        ("Belt Bag", "Paloma", 29.9),
        ("Tote", "Paloma", 22.5),
    ),
    "watches": (
        ("Field Watch", "Meridian", 199.0),
        ("Diver 200", "Meridian", 449.0),
        ("Running Watch", "Northfold", 259.0),
        ("Leather Strap", "Meridian", 39.0),
    ),
    "kitchen": (
        ("Chef's Knife", "Ember", 119.0),
        ("Cast Iron Pan", "Ember", 69.0),
        ("Espresso Maker", "Ember", 44.9),
        ("Storage Jars", "Hearth", 27.5),
        ("Tea Kettle", "Hearth", 58.0),
    ),
    "outlet": (
        ("Socks, 3 pairs", "Paloma", 9.9),
        ("Beanie", "Northfold", 14.9),
        ("Water Bottle", "Tidal", 17.9),
        ("Phone Case", "Meridian", 12.5),
        ("Notebook", "Hearth", 6.9),
    ),
}

CATEGORIES: Final = tuple(_RANGE)
#: The first of a category is seen most; the weights fall like 1 / rank, as product views do in real shops.
PRODUCTS: Final[dict[str, tuple[Product, ...]]] = {
    category: tuple(
        Product(f"{category[:3].upper()}-{101 + index}", name, category, brand, price, 1.0 / (index + 1))
        for index, (name, brand, price) in enumerate(products)
    )
    for category, products in _RANGE.items()
}
SEARCHES: Final = ("jacket", "rain", "gift", "backpack", "watch", "sale", "trail", "knife", "wool", "size guide")
ARTICLES: Final = (
    ("how-to-pack-light", "How to pack light"),
    ("care-for-merino", "Caring for merino"),
    ("find-your-size", "Find your size"),
)
