"""Bugs on purpose in numbers that come as text."""

from tests.model.mutation import Mutation

VALUE_MUTATIONS = (
    Mutation(
        "a price that comes as text is none",
        "tables/values.py",
        "if value.__class__ is str and (said := number_in(value)) is not None:",
        "if False:",
    ),
    Mutation(
        "blanks around a number are let pass",
        "tables/values.py",
        "if _JSON_NUMBER.fullmatch(text) is None:",
        "if _JSON_NUMBER.fullmatch(text.strip()) is None:",
    ),
    Mutation(
        "a number as text is smaller than none",
        "app/segments/compiler/filters.py",
        'f" else ({left}.__class__ is str or {left}.__class__ is list) and {compare})"',
        'f" else {left}.__class__ is list and {compare})"',
    ),
    Mutation(
        "what equals a text is a text",
        "app/segments/compiler/condition_code.py",
        'node.operator == "=" and number_in(node.right.value) is None:',
        'node.operator == "=":',
    ),
    Mutation(
        "arithmetic does not read numbers out of texts",
        "app/segments/evaluation/operators.py",
        "        return number_in(value)\n    return value if",
        "        return None\n    return value if",
    ),
    Mutation(
        "a tie at the seventh decimal goes where its double lies",
        "tables/values.py",
        "    return round(Decimal(repr(number)).scaleb(6))",
        "    return whole",
    ),
    Mutation(
        "a tie at the seventh decimal goes up",
        "tables/values.py",
        "return round(Decimal(repr(number)).scaleb(6))",
        "return round(Decimal(repr(number)).scaleb(6) + Decimal('1e-9'))",
    ),
)
