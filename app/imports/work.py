"""The translation of one file: its definitions, references between them, and what could not be said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.imports.conditions import Condition, Leaf, Reference, Translated, every, text
from app.imports.gaps import Gap, Untranslatable, shown
from app.imports.json_document import Place
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.problem import CatalogError, Problem
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.catalog_limits import check_catalog

_CHAIN_MAX: Final = 20
_RULES: Final = TimeRules()

Combine = Callable[[Sequence[Condition]], Condition]


@dataclass(frozen=True, slots=True)
class Foreign:
    """A definition of another product. `id` is how others refer to it; `condition` translates it."""

    id: str
    name: str
    title: str
    description: str
    place: Place
    condition: "Callable[[Work], Condition | None]"


class Work:
    """Translates the definitions of a file, each once, and collects gaps."""

    def __init__(self, foreign: Sequence[Foreign], names: Mapping[str, str]) -> None:
        self.gaps: list[Gap] = []
        self.names = names
        self._foreign = {each.id: each for each in reversed(foreign)}
        self._done: dict[str, Translated] = {}
        self._doing: list[str] = []

    def translated(self, foreign: Foreign) -> Translated:
        """The translation of a definition; its gaps are in `gaps` and in itself."""
        if foreign.name in self._done:
            return self._done[foreign.name]
        self._doing.append(foreign.name)
        outer, self.gaps = self.gaps, []
        condition = self.attempt(foreign.place, lambda: foreign.condition(self))
        left_out = [str(gap) for gap in self.gaps if gap.left_out]
        self.gaps = outer + self.gaps
        self._doing.pop()
        done = Translated(
            foreign.name, foreign.title, foreign.description, foreign.place.path, condition, bool(left_out), left_out
        )
        self._done[foreign.name] = done
        return done

    def attempt(self, place: Place, translate: Callable[[], Condition | None]) -> Condition | None:
        """The translation of a part; None, and a gap, where it has none."""
        try:
            condition = translate()
            if isinstance(condition, Leaf):
                check_alone(condition)
        except Untranslatable as error:
            self.gaps.append(error.at(place.path))
            return None
        return condition

    def group(
        self, places: Place, translate: Callable[[Place], Condition | None], combine: Combine
    ) -> Condition | None:
        """The parts of a list that could be translated, combined; None where there is none."""
        found = [self.attempt(place, lambda place=place: translate(place)) for place in places.items()]  # type: ignore[misc]  # mypy: a default argument in a lambda
        parts = [part for part in found if part is not None]
        return combine(parts) if parts else None

    def note(self, place: Place, what: str, why: str) -> None:
        """Says that a part was translated with a difference."""
        self.gaps.append(Gap(place.path, what, why, left_out=False))

    def has(self, id_: object) -> bool:
        """True if a definition of this file has the id."""
        return str(id_) in self._foreign

    def reference(self, id_: object, what: str, nearest: str) -> Condition:
        """The membership of another definition of this file."""
        foreign = self._foreign.get(str(id_))
        if foreign is None:
            raise Untranslatable(f"{what} {shown(id_)}", "it is not in this file", nearest)
        if foreign.name in self._doing:
            raise Untranslatable(f"{what} {shown(id_)}", "a segment cannot depend on itself")
        if len(self._doing) > _CHAIN_MAX:
            raise Untranslatable(f"{what} {shown(id_)}", f"a chain of more than {_CHAIN_MAX} segments")
        other = self.translated(foreign)
        if other.condition is None or other.draft:
            raise Untranslatable(
                f"{what} {shown(id_)}",
                "it could not be translated completely",
                f"complete {other.name}, then segment('{other.name}')",
            )
        return Reference(other.name, other.condition)

    def name_of(self, id_: str, what: str, nearest: str) -> str:
        """The name that belongs to an id."""
        if id_ not in self.names:
            raise Untranslatable(f"{what} {shown(id_)}", "its name is not in the file", nearest)
        return self.names[id_]


def check_alone(leaf: Leaf) -> None:
    """Raises Untranslatable, with our own message, for a part that is no valid condition."""
    problems = problems_of({"part.yaml": f"segment: part\nwhen: >-\n  {text(every([leaf]))}\n"})
    if problems:
        first = problems[0]
        raise Untranslatable(leaf.text, "; ".join(filter(None, (first.message, first.detail))), first.hint)


def problems_of(files: Mapping[str, str]) -> Sequence[Problem]:
    """The problems that `shoal validate` finds in the files."""
    try:
        check_catalog(load_catalog(files), _RULES)
    except CatalogError as error:
        return error.problems
    return ()
