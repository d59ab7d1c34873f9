"""Bugs on purpose in versions and places."""

from tests.model.mutation import Mutation

GEOGRAPHY_MUTATIONS = (
    Mutation(
        "versions are compared as texts",
        "app/segments/evaluation/versions.py",
        "return [numbers for item in items if (numbers := numbers_of_version(item)) is not None]",
        "return [item for item in items if numbers_of_version(item) is not None]",
    ),
    Mutation(
        "2.0 is more than 2",
        "tables/versions.py",
        "while numbers and numbers[-1] == 0:",
        "while not numbers:",
    ),
    Mutation(
        "a version in a list is none",
        "app/segments/evaluation/versions.py",
        "items = value if value.__class__ is list else (value,)",
        "items = (value,)",
    ),
    Mutation(
        "what is no version is known",
        "app/segments/evaluation/versions.py",
        "return None if numbers_of_version(value) is None else value",
        "return value",
    ),
    Mutation(
        "a version of a window stays when the window ends",
        "app/segments/compiler/condition_code.py",
        "return truth, self._least(until_a, until_b)\n        if node.operator ==",
        "return truth, None\n        if node.operator ==",
    ),
    Mutation(
        "longitudes are as far apart as on the equator",
        "app/segments/evaluation/places.py",
        "across + self._cosine * cos(north) * along",
        "across + along",
    ),
    Mutation(
        "the short name of a coordinate goes before the long one",
        "app/segments/evaluation/places.py",
        "value = number(said)\n    if value is None:\n        value = number(short)",
        "value = number(short)\n    if value is None:\n        value = number(said)",
    ),
    Mutation(
        "a place may lie beyond the pole",
        "app/segments/evaluation/places.py",
        "value is not None and -most <= value <= most",
        "value is not None",
    ),
    Mutation(
        "a place is only looked for by its long names",
        "app/segments/evaluation/places.py",
        "        value = number(short)",
        "        value = None",
    ),
)
