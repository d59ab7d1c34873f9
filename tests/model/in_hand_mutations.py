"""Bugs on purpose in the states that are in hand: `tables.in_hand`."""

from tests.model.mutation import Mutation

IN_HAND_MUTATIONS = (
    Mutation(
        "the sum of a state in hand keeps what the window has left",
        "tables/numbers_in_hand.py",
        "        self.total -= number\n",
        "        self.total -= 0\n",
    ),
    Mutation(
        "a lower number drives out the highest of a state in hand",
        "tables/numbers_in_hand.py",
        "while begin and leaders[begin - 1] < signed:",
        "while begin and leaders[begin - 1] != signed:",
    ),
    Mutation(
        "the highest count of a state in hand never falls",
        "tables/in_hand.py",
        "if before == self.most:",
        "if before == self.most and after:",
    ),
    Mutation(
        "of a state in hand the oldest full value ends the threshold",
        "tables/tally_in_hand.py",
        "Least([(-own[0], key) for key, own in self._times.items() if self._is_full(key)])",
        "Least([(-own[-1], key) for key, own in self._times.items() if self._is_full(key)])",
    ),
    Mutation(
        "an ended pending of a state in hand asks for a timer",
        "tables/partials_in_hand.py",
        "heappush(self._pendings, (entry[PENDING][0], key))",
        "heappush(self._pendings, (entry[PENDING][0] + 1, key))",
    ),
    Mutation(
        "a product that is touched again counts twice in the sum of a cart in hand",
        "tables/cart.py",
        "            self.value -= self[key][0] * self[key][1]\n",
        "",
    ),
)
