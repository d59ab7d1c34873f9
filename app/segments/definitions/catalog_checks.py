"""Checks that need more than one definition file.

Types and thresholds of each expression; names that several definitions have; segments and scores that are used but do
not exist; circles; what may not move; conditions that the clock alone would satisfy.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from app.segments.definitions.consent_policy import ConsentPolicy
from app.segments.definitions.definition import CatalogSettings, Definition, PointsOn, PointsWhen, Score, Segment
from app.segments.definitions.definition_file import DefinitionFile, PlacedExpression
from app.segments.definitions.dependencies import Reference, find_cycles, settlement_order
from app.segments.definitions.each_checks import check_each, segments_by_value
from app.segments.definitions.experiment_checks import check_experiments
from app.segments.definitions.problem import Problem
from app.segments.definitions.yaml_fields import Placed
from app.segments.language import canonical
from app.segments.language import empty_profile as nobody
from app.segments.language import syntax as s
from app.segments.language.checks import check_condition, check_pattern, check_value
from app.segments.language.errors import LanguageError
from app.segments.language.names import model_of, model_segment
from app.segments.language.suggestions import closest, listed
from app.segments.language.thresholds import check_thresholds
from app.segments.language.time_dependent import check_comparisons, check_still
from app.segments.language.walk import walk

_NAMES_SHOWN_MAX = 12


def check_files(files: Sequence[DefinitionFile], settings: CatalogSettings) -> list[Problem]:
    """All problems of all files, those found while reading them too."""
    catalog = _Files(files, settings.consent)
    by_value = segments_by_value(files)
    problems = [problem for file in files for problem in file.source.problems]
    problems += catalog.duplicates()
    for file in files:
        problems += catalog.expressions(file)
        problems += catalog.references(file)
        problems += catalog.requirements(file)
        problems += check_each(file, by_value, settings.cart)
    problems += catalog.circles()
    problems += check_experiments(files, settings.holdout)
    wrong = {problem.path for problem in problems}
    problems += catalog.clocks(wrong)
    return problems


class _Files:
    def __init__(self, files: Sequence[DefinitionFile], consent: ConsentPolicy | None) -> None:
        self._files = files
        self._consent = consent or ConsentPolicy({})
        self._named: dict[str, DefinitionFile] = {}
        for file in files:
            if file.name:
                self._named.setdefault(file.name, file)
        self._definitions = [file.definition for file in files if file.definition is not None]
        scores = [definition for definition in self._definitions if isinstance(definition, Score)]
        self._decaying = frozenset(score.name for score in scores if score.half_life_ms is not None)

    # ---- names

    def duplicates(self) -> Iterator[Problem]:
        """Names that are taken."""
        for file in self._files:
            first = self._named.get(file.name, file)
            if file.kind == "model" and first is not file:
                hint = f"rename one of them: {first.source.path} is it, too"
                yield file.source.problem(0, 0, f"two files are {file.name}", hint)
            if first is file or file.fields is None or first.fields is None or file.kind is None:
                continue
            node = file.fields.get(file.kind) or file.fields.node
            line = first.source.line(first.fields.node)
            yield file.source.problem(
                node.start_mark.index,
                node.end_mark.index,
                f"the name {file.name} is already used",
                "give one of them another name; segments and scores share their names",
                f"{first.source.path}:{line} has it too",
            )

    def references(self, file: DefinitionFile) -> Iterator[Problem]:
        """Segments and scores that do not exist or cannot be used."""
        if file.status == "retired":
            return
        for placed in _all_placed(file):
            for node in walk(placed.node):
                error = None
                if isinstance(node, s.Membership | s.ValueCount | s.SegmentMark | s.SegmentSize):
                    error = self._segment(node, file)
                elif isinstance(node, s.ScoreValue):
                    error = self._score(node)
                elif isinstance(node, s.ModelValue):
                    error = self._model(node)
                elif isinstance(node, s.Consent):
                    error = self._purpose(node)
                if error is not None:
                    yield placed.problem(error)

    def _segment(
        self, node: s.Membership | s.ValueCount | s.SegmentMark | s.SegmentSize, user: DefinitionFile
    ) -> LanguageError | None:
        used = self._named.get(node.segment)
        if used is not None and used.kind == "model":
            used = None
        if used is not None and used.kind == "score":
            return LanguageError(f"{node.segment} is a score", node.span, f"write score('{node.segment}') >= 50")
        if used is None:
            known = [
                name
                for name, file in self._named.items()
                if file.kind == "segment" and file.status == "live" and file is not user
            ]
            hint = _quoted_guess(node.segment, known)
            return LanguageError(f"unknown segment {node.segment}", node.span, hint)
        if used.status == "live" or (used.status == "draft" and user.status == "draft"):
            return None
        reason = {"draft": "is a draft", "retired": "is retired"}[used.status]
        return LanguageError(
            f"the segment {node.segment} {reason}",
            node.span,
            f"make it live, or make this one a draft too: status in {used.source.path}"
            if used.status == "draft"
            else "use another segment, or retire this one too",
            "only a live segment has members",
        )

    def _score(self, node: s.ScoreValue) -> LanguageError | None:
        used = self._named.get(node.score)
        if used is None:
            known = [name for name, file in self._named.items() if file.kind == "score"]
            return LanguageError(f"unknown score {node.score}", node.span, _quoted_guess(node.score, known))
        if used.kind == "segment":
            return LanguageError(f"{node.score} is a segment", node.span, f"write segment('{node.score}')")
        return None

    def _model(self, node: s.ModelValue) -> LanguageError | None:
        used = self._named.get(model_segment(node.model))
        if used is not None:
            return self._class(node, used)
        known = [model_of(name) or "" for name, file in self._named.items() if file.kind == "model"]
        hint = _quoted_guess(node.model, known) if known else "put the file of shoal train, NAME.model.json, beside it"
        return LanguageError(f"unknown model {node.model}", node.span, hint)

    def _class(self, node: s.ModelValue, used: DefinitionFile) -> LanguageError | None:
        """The class of a model that a definition asks for, or does not."""
        definition = used.definition
        if not isinstance(definition, Segment) or definition.model is None:
            return None  # the file is wrong, and says it
        classes = [each.name for each in definition.model.classes]
        if node.of_class in classes or (not classes and node.of_class is None):
            return None
        if not classes:
            hint = f"write model('{node.model}') > 0.7"
            return LanguageError(f"the model {node.model} has no classes", node.span, hint)
        written = listed(canonical.text(s.ModelValue(node.model, each)) for each in classes)
        if node.of_class is None:
            hint = f"name one of its classes: {written}"
            return LanguageError(f"the model {node.model} has several classes", node.span, hint)
        guess = closest(node.of_class, classes)
        return LanguageError(
            f"the model {node.model} has no class {node.of_class}",
            node.span,
            f"did you mean {canonical.text(s.ModelValue(node.model, guess))}?" if guess else f"there is {written}",
        )

    def requirements(self, file: DefinitionFile) -> Iterator[Problem]:
        """Purposes under `requires` that do not exist."""
        for name, node in file.requires.items():
            if name not in self._consent.purposes:
                message, hint = f"unknown purpose {name}", self._purpose_hint(name)
                yield file.source.problem(node.start_mark.index, node.end_mark.index, message, hint)

    def _purpose(self, node: s.Consent) -> LanguageError | None:
        if node.purpose in self._consent.purposes:
            return None
        return LanguageError(f"unknown purpose {node.purpose}", node.span, self._purpose_hint(node.purpose))

    def _purpose_hint(self, name: str) -> str:
        known = sorted(self._consent.purposes)
        if not known:
            return f"add a file consent.yaml: purposes: {{{name}: {{default: denied}}}}"
        return f"did you mean {guess}?" if (guess := closest(name, known)) else f"consent.yaml has {listed(known)}"

    def circles(self) -> Iterator[Problem]:
        """Definitions that use themselves by way of others."""
        for circle in find_cycles(self._definitions):
            first, second = circle[0], circle[1]
            file = self._named[first.name]
            for placed in _all_placed(file):
                for node in walk(placed.node):
                    if _refers(node, second):
                        way = " -> ".join(
                            step.name if model_of(step.name) else f"{step.kind} {step.name}" for step in circle
                        )
                        yield placed.problem(
                            LanguageError(
                                f"{first.name} uses itself",
                                node.span,
                                "remove one of the references",
                                way,
                            )
                        )
                        break
                else:
                    continue
                break

    # ---- expressions

    def expressions(self, file: DefinitionFile) -> Iterator[Problem]:
        """Returns the problems of the expressions of a file."""
        updates = file.fields is not None and "updates" in file.fields
        for pattern in file.patterns:
            yield from map(pattern.problem, check_pattern(pattern.node))
        for expression in file.expressions:
            yield from map(expression.placed.problem, self._expression(expression, updates=updates))

    def _expression(self, expression: PlacedExpression, *, updates: bool) -> list[LanguageError]:
        node = expression.placed.node
        attached = expression.role == "attach"
        errors = check_value(node) if attached else check_condition(node)
        if errors:
            return errors
        errors = [*check_comparisons(node, self._decaying), *check_thresholds(node)]
        if attached and updates:
            errors += check_still(node, self._decaying)
        return errors

    # ---- the clock

    def clocks(self, wrong: Collection[str]) -> Iterator[Problem]:
        """Conditions that somebody without any event would satisfy by the clock alone; not in files that are wrong."""
        definitions = [definition for definition in self._definitions if definition.path not in wrong]
        nobodies = _Nobodies(definitions, self._consent)
        for definition in definitions:
            if isinstance(definition, Segment) and definition.status == "retired":
                continue
            file = self._named[definition.name]
            for role, condition in nobodies.conditions_by_clock(definition):
                placed = next(e.placed for e in file.expressions if e.role == role and e.placed.node == condition)
                yield placed.problem(
                    LanguageError(
                        "the clock alone would make this true, for all users at once",
                        condition.span,
                        "add what the user must have done: ... and user.idle < 30d",
                        "users without any events would enter as soon as the hour or day comes",
                    )
                )


class _Nobodies:
    """Truth of each definition for a user without any events."""

    def __init__(self, definitions: Iterable[Definition], consent: ConsentPolicy) -> None:
        definitions = tuple(definitions)
        self._consent = consent
        self._segments: dict[str, Segment] = {d.name: d for d in definitions if isinstance(d, Segment)}
        self._scores: dict[str, Score] = {d.name: d for d in definitions if isinstance(d, Score)}
        self._inside: dict[str, bool] = {}
        for name in settlement_order(self._segments.values(), self._scores.values()):
            segment = self._segments[name]
            self._inside[name] = segment.status != "retired" and self._entry(segment) is True

    def segment(self, name: str) -> bool:
        """True if nobody would be in that segment; one that depends on the clock has its own problem."""
        return self._inside.get(name, False)

    def consent(self, purpose: str) -> bool:
        """True if nobody agrees to a purpose by default."""
        found = self._consent.purposes.get(purpose)
        return found is not None and found.granted

    def score(self, name: str) -> int | float:
        """The score of nobody."""
        score = self._scores.get(name)
        points = score.points if score is not None else ()
        return sum(
            point.add
            for point in points
            if isinstance(point, PointsWhen) and nobody.value_of_nobody(point.condition, self) is True
        )

    def _entry(self, segment: Segment) -> object:
        if not all(map(self.consent, segment.requires)):
            return False
        if segment.when is not None:
            return nobody.value_of_nobody(segment.when, self)
        assert segment.enter is not None
        assert segment.exit is not None
        return nobody.value_of_nobody(s.And((segment.enter, s.Not(segment.exit))), self)

    def conditions_by_clock(self, definition: Definition) -> Iterator[tuple[str, s.Expression]]:
        """The conditions of a definition that the clock alone decides, with their roles."""
        if isinstance(definition, Segment):
            if self._entry(definition) is nobody.CLOCK:
                if definition.when is not None:
                    yield "when", definition.when
                elif definition.enter is not None:
                    yield "enter", definition.enter
            return
        for point in definition.points:
            if not isinstance(point, PointsOn) and nobody.depends_on_clock(point.condition, self):
                yield "points", point.condition


def _all_placed(file: DefinitionFile) -> list[Placed[s.Expression]]:
    return [expression.placed for expression in file.expressions]


def _refers(node: s.Node, target: Reference) -> bool:
    if isinstance(node, s.Membership | s.ValueCount | s.SegmentMark):
        return target == Reference("segment", node.segment)
    if isinstance(node, s.ModelValue):
        return target == Reference("segment", model_segment(node.model))
    return isinstance(node, s.ScoreValue) and target == Reference("score", node.score)


def _quoted_guess(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    if guess := closest(name, known):
        return f"did you mean '{guess}'?"
    return f"there is {listed(known)}" if 0 < len(known) <= _NAMES_SHOWN_MAX else "no definition has this name"
