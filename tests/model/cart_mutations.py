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
        "a removal takes what came in after it",
        "tables/cart_moves.py",
        "while at and moves[at - 1][0] > t:",
        "while False:",
    ),
    Mutation(
        "a removal of what is not there is not remembered",
        "tables/cart.py",
        "    taken = None if quantity is None else -quantity\n",
        "    if item is None:\n        return cart\n    taken = None if quantity is None else -quantity\n",
    ),
    Mutation(
        "removals are remembered for half of the time in which they can matter",
        "app/segments/compiler/program.py",
        "policy, lateness_ms = self.catalog.settings.cart, self.rules.lateness_ms\n",
        "policy, lateness_ms = self.catalog.settings.cart, self.rules.lateness_ms // 2\n",
    ),
    Mutation(
        "only the first property of the key tells products apart",
        "app/segments/evaluation/carts.py",
        "if first is None or len(line) == _LINE_OF_ONE:",
        "if True:",
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
        "quantity, prices.get(key), counted, kept_ms=kept_ms)",
        "quantity, price, counted, kept_ms=kept_ms)",
    ),
    Mutation(
        "a whole cart without products is another one",
        "app/segments/evaluation/carts.py",
        "            counted[CART_ITEM_IGNORED] += 1\n            return cart\n",
        "            return carts.empty(cart, t)\n",
    ),
)
