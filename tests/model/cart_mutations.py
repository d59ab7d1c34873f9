"""Bugs on purpose in the cart of a shop with other events."""

from tests.model.mutation import Mutation

CART_MUTATIONS = (
    Mutation(
        "an order that lists products takes all",
        "app/segments/definitions/cart_policy.py",
        'order: CartUpdate = "take" if self.takes_listed else "empty"',
        'order: CartUpdate = "empty"',
    ),
    Mutation(
        "an order takes what was touched after it",
        "tables/cart.py",
        "if item is None or item[2] > t:",
        "if item is None:",
    ),
    Mutation(
        "the events of the cart are those of the specification",
        "app/segments/compiler/program.py",
        "self.catalog.settings.cart.updates()",
        "type(self.catalog.settings.cart)().updates()",
    ),
    Mutation(
        "a price that the whole cart does not name is gone",
        "tables/cart.py",
        "found = add(found, t, key, quantity, prices.get(key), counted) or found",
        "found = add(found, t, key, quantity, price, counted) or found",
    ),
    Mutation(
        "a whole cart without products is another one",
        "app/segments/evaluation/carts.py",
        "        counted[CART_ITEM_IGNORED] += 1\n        return cart\n",
        "        return carts.empty(cart, t)\n",
    ),
)
