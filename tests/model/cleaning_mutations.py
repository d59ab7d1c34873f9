"""Bugs on purpose in the cleaning of values."""

from tests.model.mutation import Mutation

CLEANING = "app/segments/evaluation/cleaning.py"

CLEANING_MUTATIONS = (
    Mutation(
        "only the first step of a rule is done",
        "app/segments/definitions/cleaning_rules.py",
        "    for step in steps:\n        text =",
        "    for step in steps[:1]:\n        text =",
    ),
    Mutation(
        "what is replaced is looked up before the steps",
        CLEANING,
        "        value = with_steps(value, steps)\n        value = places.get(value, value)",
        "        value = places.get(value, with_steps(value, steps))",
    ),
    Mutation(
        "an empty text gets no default",
        CLEANING,
        " or (value.__class__ is str and not value)",
        "",
    ),
    Mutation(
        "false and 0 get the default, too",
        CLEANING,
        "(value is None or (value.__class__ is str and not value))",
        "not value",
    ),
    Mutation(
        "of a list only the first item is cleaned",
        CLEANING,
        "return ([item for item, _ in items], changes)",
        "return ([items[0][0], *value[1:]], changes)",
    ),
    Mutation(
        "an object without the property gets no default",
        CLEANING,
        "        if value.__class__ is not dict:",
        "        if value.__class__ is not dict or path[0] not in value:",
    ),
    Mutation(
        "the rules of an event are applied from the last to the first",
        CLEANING,
        "in self._rules:\n            before",
        "in self._rules[::-1]:\n            before",
    ),
    Mutation(
        "a rule about a part of a property cleans all of it",
        CLEANING,
        "cleaned_at(before, rule.path[1:], rule)",
        "cleaned_at(before, rule.path[2:], rule)",
    ),
    Mutation(
        "a rule holds for every event",
        "app/segments/compiler/cleaning_code.py",
        " if name in rule.events)",
        ")",
    ),
    Mutation(
        "values are loaded before they are cleaned",
        "app/segments/compiler/program.py",
        "in (*cleaning_lines(writer, self.catalog.settings.cleaning, self.cleaned), *loads):",
        "in (*loads, *cleaning_lines(writer, self.catalog.settings.cleaning, self.cleaned)):",
    ),
    Mutation(
        "a value that becomes one of another type stays as it was",
        CLEANING,
        "(made.__class__ is value.__class__ and made == value)",
        "str(made) == str(value)",
    ),
)
