"""Remarks about definitions that load, but hardly mean what they say."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from app.segments.definitions.definition import Catalog, Definition, Segment
from app.segments.definitions.definition_file import read_definition_file
from app.segments.definitions.dependencies import expressions
from app.segments.definitions.problem import Problem
from app.segments.language import syntax as s
from app.segments.language.contradictions import contradictions, never_entered
from app.segments.language.doubts import doubts
from app.segments.language.errors import LanguageError
from app.segments.language.mistaken_names import certain_properties, mistaken_names
from app.segments.language.population_checks import flutter, top_comparisons


def remarks(catalog: Catalog) -> list[Problem]:
    """Conditions that are never or always true, or hardly meant, and names that are no properties; in order of files.

    A name counts as a property if a definition reads it elsewhere, or an event of a test has it.
    """
    definitions: list[Definition] = [each for each in catalog.segments if each.status != "retired"]
    definitions += catalog.scores
    known = {name for each in definitions for name in _properties(each)}

    def look(node: s.Node, text: str | None = None) -> list[LanguageError]:
        return [*contradictions(node), *mistaken_names(node, known, text), *doubts(node)]

    return sorted(
        problem for each in definitions for problem in (*_of_definition(each, look), *_without_hysteresis(each))
    )


def _without_hysteresis(definition: Definition) -> Iterator[Problem]:
    """Segments that users near a share of all users leave and enter with each census."""
    if not isinstance(definition, Segment):
        return
    own = {"when": definition.when, "enter": definition.enter, "exit": definition.exit}
    conditions = {role: node for role, node in own.items() if node is not None}
    shares = {role: list(top_comparisons(node)) for role, node in conditions.items()}
    entered = {(each.left, each.right) for each in shares.get("enter", ())}
    left = {(each.left, each.right) for each in shares.get("exit", ())}
    doubtful = shares.get("when", [])
    if not definition.hold_ms:
        doubtful = doubtful + [each for each in shares.get("enter", ()) if (each.left, each.right) in entered & left]
    else:
        doubtful = []
    if not doubtful:
        return
    file = read_definition_file(definition.path, definition.text)  # once more, for the places
    for expression in file.expressions:
        for node in top_comparisons(expression.placed.node) if expression.role in ("when", "enter") else ():
            if (node.left, node.right) in {(each.left, each.right) for each in doubtful}:
                yield expression.placed.problem(flutter(node))


def _of_definition(
    definition: Definition, look: Callable[[s.Node, str | None], list[LanguageError]]
) -> Iterator[Problem]:
    never = None
    if isinstance(definition, Segment) and definition.enter is not None and definition.exit is not None:
        never = never_entered(definition.enter, definition.exit)
    if never is None and not any(look(node, None) for node in expressions(definition)):
        return
    file = read_definition_file(definition.path, definition.text)  # once more, for the places
    for expression in file.expressions:
        placed = expression.placed
        yield from map(placed.problem, look(placed.node, placed.text))
        if never is not None and expression.role == "enter":
            yield placed.problem(never)
    for pattern in file.patterns:
        yield from map(pattern.problem, look(pattern.node, pattern.text))


def _properties(definition: Definition) -> Iterator[str]:
    for node in expressions(definition):
        yield from certain_properties(node)
    if isinstance(definition, Segment):
        for test in definition.tests:
            for event in test.events:
                yield from _names(event.message.get(key) for key in ("properties", "traits"))


def _names(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, Mapping):
            yield from map(str, value)
