"""Bugs on purpose in segments by value."""

from tests.model.mutation import Mutation

BY_VALUE = "app/segments/evaluation/by_value.py"
CART_LINES = "tables/cart_lines.py"

EACH_MUTATIONS = (
    Mutation(
        "of an event with several values only the first counts",
        BY_VALUE,
        "        for key in keys:\n            entry = state.get(key)",
        "        for key in keys[:1]:\n            entry = state.get(key)",
    ),
    Mutation(
        "the timer is that of the latest value",
        BY_VALUE,
        "due = min([min(entry[DUE].values())",
        "due = max([min(entry[DUE].values())",
    ),
    Mutation(
        "the value with the latest event makes room",
        "tables/by_value.py",
        "is_inside(state[key]), state[key][LATEST]",
        "is_inside(state[key]), -state[key][LATEST]",
    ),
    Mutation(
        "who is in by a value makes room first",
        "tables/by_value.py",
        "key in new, is_inside(state[key])",
        "key in new, not is_inside(state[key])",
    ),
    Mutation(
        "a new value makes room for those that were there",
        "tables/by_value.py",
        "key in new, is_inside",
        "key not in new, is_inside",
    ),
    Mutation(
        "a product in the cart makes room as any other value does",
        "tables/by_value.py",
        "(key in shown, key in new",
        "(key in new",
    ),
    Mutation(
        "nobody is told that a value has made room",
        BY_VALUE,
        "            if by_value.is_inside(state[key]):\n                kind,",
        "            if False:\n                kind,",
    ),
    Mutation(
        "values are settled in the order in which they became known",
        BY_VALUE,
        "        for key in sorted(asked, key=key_order):\n            entry = state[key]",
        "        for key in asked:\n            entry = state[key]",
    ),
    Mutation(
        "what is not about one value settles only those that are touched",
        BY_VALUE,
        "if self.mixed or settlement.kind not in",
        "if settlement.kind not in",
    ),
    Mutation(
        "a membership by one value is one by every value",
        "app/segments/compiler/program.py",
        "if paths.get(name) == each.path}",
        "if False}",
    ),
    Mutation(
        "events that `of` does not name make a value known",
        "app/segments/compiler/value_parts.py",
        'known = "True" if self.each.of is None else makes_known',
        'known = "True"',
    ),
    Mutation(
        "an event that no pattern matches makes a value known",
        "app/segments/compiler/value_parts.py",
        "tests = [handler.matches(each.where) for each in patterns if",
        'tests = ["True" for each in patterns if',
    ),
    Mutation(
        "the user is out when they leave by any value",
        BY_VALUE,
        "inside = any(map(by_value.is_inside, state.values()))",
        "inside = bool(state) and all(map(by_value.is_inside, state.values()))",
    ),
    Mutation(
        "a value that is known counts, whether in by it or not",
        "tables/by_value.py",
        "sum(map(is_inside, state.values())) if state else 0",
        "len(state or {})",
    ),
    Mutation(
        "who asks by how many values looks only when the user enters or leaves",
        BY_VALUE,
        "        self._sum_up(whole, state, now, settlement)\n        return changed",
        "        was = whole.members.get(self.segment, [0])[0]\n        self._sum_up(whole, state, now, settlement)\n"
        "        return changed and was != whole.members.get(self.segment, [0])[0]",
    ),
    Mutation(
        "a value that only the other of two users knows is lost by a merge",
        "app/segments/merging/values.py",
        "        own = state.setdefault(key, new_entry(theirs[LATEST]))",
        "        own = state.get(key) or new_entry(theirs[LATEST])",
    ),
    Mutation(
        "the waiting of the other user is lost by a merge",
        "app/segments/merging/values.py",
        "        merge_membership(part, other, values.code, now)",
        "        pass",
    ),
    Mutation(
        "beside each a model has no score",
        "app/segments/compiler/program.py",
        "for name in writer.segments if name not in alike))",
        "for name in writer.segments if name not in alike and name[:6] != 'model '))",
    ),
    *(
        Mutation(
            "a product that is taken out of the cart leaves nothing to settle",
            CART_LINES,
            "(*touched, *(before.keys - items.keys()))",
            "(*touched,)",
        ),
        Mutation(
            "only a product that was not in the cart is looked at",
            CART_LINES,
            "if line[TOUCH] > before.touch]",
            "if key not in before.keys]",
        ),
        Mutation(
            "of a product in several lines only one is counted",
            CART_LINES,
            "[sum(line[QUANTITY] for line in lines), ",
            "[last[QUANTITY], ",
        ),
        Mutation(
            "of a product in several lines the price is that of the first",
            CART_LINES,
            "last = max(lines, ",
            "last = min(lines, ",
        ),
        Mutation(
            "a product in the cart is forgotten when its windows are over",
            BY_VALUE,
            "entry[LATEST] <= start and key not in products and",
            "entry[LATEST] <= start and",
        ),
        Mutation(
            "a product that comes back into the cart is the one that was forgotten",
            BY_VALUE,
            "is_less = self._forget(state, now, cart_lines.products_of(before.keys))",
            "is_less = self._forget(state, now, self.lines_in(whole))",
        ),
        Mutation(
            "with `of` each product in the cart becomes known",
            BY_VALUE,
            "elif self.lines.make_known or key in these:",
            "else:",
        ),
        Mutation(
            "a product that made room counts as new when it becomes known again",
            BY_VALUE,
            "touched.new |= known & changed",
            "touched.new |= known",
        ),
        Mutation(
            "another catalog brings back products that have made room",
            BY_VALUE,
            ' == "catalog" and len(state or ()) < by_value.VALUES_MAX:',
            ' == "catalog":',
        ),
        Mutation(
            "a product in the cart is as old as the event that made it known",
            BY_VALUE,
            "entry[LATEST] = max(entry[LATEST], line[cart_lines.TOUCHED_MS])",
            "pass",
        ),
        Mutation(
            "an event that no cart looks at makes no product in the cart known",
            BY_VALUE,
            "            touched.keys |= self._know_lines(lines, state)",
            "            pass",
        ),
        Mutation(
            "products in the cart of another do not become known by a merge",
            "app/segments/merging/values.py",
            "    if not others:\n        values.know_lines(profile)\n",
            "    if not others:\n",
        ),
    ),
)
