"""Bugs on purpose in conditions on the items of a list, and in arithmetic with them."""

from tests.model.mutation import Mutation

ITEM_MUTATIONS = (
    Mutation(
        "the conditions on an item are asked of the first one",
        "app/segments/evaluation/items.py",
        "any(holds(item) for item in items if item.__class__ is dict)",
        "any(holds(item) for item in items[:1] if item.__class__ is dict)",
    ),
    Mutation(
        "each condition on an item may hold of another item",
        "app/segments/compiler/filters.py",
        """                inner = replace(self, depth=self.depth + 1)
                holds""",
        """                if isinstance(condition, syntax.And):
                    alone = [syntax.AnyItem(of, operand) for operand in condition.operands]
                    return self.text(syntax.And(tuple(alone)))
                inner = replace(self, depth=self.depth + 1)
                holds""",
    ),
    Mutation(
        "a list within an item is that of the event",
        "app/segments/compiler/filters.py",
        "if isinstance(of, syntax.Property):\n            return self.load",
        "if of is not None:\n            return self.load",
    ),
    Mutation(
        "null counts as an item",
        "app/segments/evaluation/items.py",
        "return [item for item in value if item is not None]",
        "return list(value)",
    ),
    Mutation(
        "an empty list has no number of items",
        "app/segments/evaluation/items.py",
        "return None if items is None else len(items)",
        "return len(items) if items else None",
    ),
    Mutation(
        "an object alone is no item",
        "app/segments/evaluation/items.py",
        "return [value] if value.__class__ in (dict, str,",
        "return [value] if value.__class__ in (str,",
    ),
    Mutation(
        "arithmetic is done for the first item only",
        "app/segments/evaluation/items.py",
        "for item in items or () if item.__class__ is dict]",
        "for item in (items or ())[:1] if item.__class__ is dict]",
    ),
    Mutation(
        "arithmetic with two lists is about the outer one",
        "app/segments/evaluation/items.py",
        "    depth = 0\n    while all",
        "    depth = 0\n    while depth < 1 and all",
    ),
    Mutation(
        "an item without a result ends the sum",
        "app/segments/evaluation/items.py",
        "return [number for result in results if (number := number_of(result, counted)) is not None]",
        "return [] if None in results else [n for each in results if (n := number_of(each, counted)) is not None]",
    ),
)
