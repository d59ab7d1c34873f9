"""Reads the text of a definition that is being written: its problems, its meaning in words, what it is made of.

The checks are those of `shoal validate`. Of a large catalog only the definitions that the text has to do with are
looked at, so that an answer comes while somebody types; a publication checks all of them together.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

import msgspec

from app.runtime.records.published_catalog import definitions_of
from app.segments.definitions.catalog import definition_version
from app.segments.definitions.catalog_checks import check_files
from app.segments.definitions.definition import Catalog, Definition, Score, Segment
from app.segments.definitions.definition_file import DefinitionFile
from app.segments.definitions.dependencies import expressions, references, settlement_order
from app.segments.definitions.deployed_model import read_any_definition
from app.segments.definitions.problem import CatalogError
from app.segments.definitions.problem import Problem as FileProblem
from app.segments.definitions.remarks import remarks
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.names import model_segment
from app.segments.language.suggestions import closest
from app.segments.language.walk import walk
from app.segments.review.catalog_limits import check_catalog
from app.segments.review.footprint import footprints
from app.settings import Settings
from app.web.catalog_view import Attached, with_needs
from app.web.condition_words import Condition, conditions_of

EVERY_MAX: Final = 100
"""Of a catalog with more definitions, only those that a text has to do with are checked beside it."""
DIFFERENCE_LINES_MAX: Final = 2_000
CONTEXT_LINES: Final = 3

Severity = Literal["error", "warning"]
Change = Literal["new", "same", "rewritten", "changed"]
Sign = Literal["+", "-", " ", "@"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A problem of the text, or a remark about it. `line`, `column`: from 1; `text`: what is wrong there. `of`: the
    definition, if it is another one, which this text would make unusable."""

    severity: Severity
    line: int
    column: int
    text: str
    message: str
    detail: str
    hint: str
    of: str = ""


class EventRead(msgspec.Struct, frozen=True):
    """An event that the definition asks for, and the properties that it asks for."""

    event: str
    properties: list[str]


class DiffLine(msgspec.Struct, frozen=True):
    """A line of a difference: added, removed, the same, or `@` for lines that were left out before it."""

    sign: Sign
    text: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Meaning of a text. `change`: against the definition that is known by this name. `difference`: null: too long.
    `each`: the property by whose values there are memberships; null: one a user."""

    name: str
    kind: str
    status: str
    usable: bool
    findings: list[Finding]
    each: str | None
    conditions: tuple[Condition, ...]
    attach: list[Attached]
    reads: list[EventRead]
    needs: list[str]
    needed_by: list[str]
    tests: list[str]
    bytes_max: int
    change: Change
    difference: list[DiffLine] | None


class DraftReader:
    """Reads texts against a catalog, whose files are parsed once. One text at a time."""

    def __init__(self, settings: Settings) -> None:
        self._rules = settings.time_rules
        self._parsed: dict[str, DefinitionFile] = {}
        self._users: dict[str, set[str]] = {}
        """Of each definition those that use it."""
        self._version = ""

    def read(self, text: str, catalog: Catalog, *, of: str) -> Reading:
        """Reads a text. `of`: name of the definition that it replaces; empty: it is new."""
        known = definitions_of(catalog)
        path = known[of].path if of in known else "new.yaml"
        file = read_any_definition(path, text)
        files = [file, *self._others(file, known, catalog, of=of)]
        findings = [_finding(each, "error", path, files) for each in check_files(files, catalog.settings)]
        findings += self._name_findings(file, known, of=of)
        definition, bytes_max = file.definition, 0
        if not findings:
            made = _catalog_of(files, catalog)
            if definition is not None:
                own = with_needs(made, definition)
                findings += self._limits(own, path, files)
                bytes_max = self._bytes_max(own, definition.name)
            findings += [_finding(each, "warning", path, files) for each in remarks(made) if each.path == path]
        before = known.get(of)
        return Reading(
            name=file.name,
            kind=file.kind or "",
            status=file.status,
            usable=definition is not None and not any(each.severity == "error" for each in findings),
            findings=findings,
            each=definition.each.text if isinstance(definition, Segment) and definition.each is not None else None,
            conditions=conditions_of(definition) if isinstance(definition, Segment) else (),
            attach=[Attached(name, canonical.text(node)) for name, node in definition.attach]
            if isinstance(definition, Segment)
            else [],
            reads=[] if definition is None else list(events_read(definition)),
            needs=[] if definition is None else sorted({each.name for each in references(definition)}),
            needed_by=sorted(self._users.get(of, ())),
            tests=[each.name for each in definition.tests] if isinstance(definition, Segment) else [],
            bytes_max=bytes_max,
            change=_change(before, definition, text),
            difference=difference_lines("" if before is None else before.text, text),
        )

    def catalog_with(self, text: str, catalog: Catalog, *, of: str) -> tuple[Catalog, Segment] | str:
        """The segment of a text, in a catalog of what it uses; else the first problem."""
        known = definitions_of(catalog)
        file = read_any_definition(known[of].path if of in known else "new.yaml", text)
        files = [file, *self._others(file, known, catalog, of=of)]
        problems = check_files(files, catalog.settings)
        if problems:
            return str(problems[0])
        if not isinstance(file.definition, Segment):
            return "it is a score, and nobody is in a score"
        return with_needs(_catalog_of(files, catalog), file.definition), file.definition

    def _others(
        self, file: DefinitionFile, known: dict[str, Definition], catalog: Catalog, *, of: str
    ) -> list[DefinitionFile]:
        """The files to be checked beside the text: of a small catalog all."""
        if self._version != catalog.version:
            self._parsed, self._users, self._version = {}, _users_in(known), catalog.version
        names = set(known) if len(known) <= EVERY_MAX else _concerned(file, known, self._users, of=of)
        return [self._file(known[name]) for name in sorted(names) if name != of and name in known]

    def _file(self, definition: Definition) -> DefinitionFile:
        file = self._parsed.get(definition.name)
        if file is None or file.source.text != definition.text.removeprefix("\ufeff"):
            file = self._parsed[definition.name] = read_any_definition(definition.path, definition.text)
        return file

    def _name_findings(self, file: DefinitionFile, known: dict[str, Definition], *, of: str) -> Iterator[Finding]:
        if of and file.name and file.name != of and file.kind and file.fields is not None:
            node = file.fields.get(file.kind) or file.fields.node
            problem = file.source.problem(
                node.start_mark.index,
                node.end_mark.index,
                f"this is {of}, and an edit of its text does not rename it",
                f"write {of} again; its page renames it",
                "under another name its history begins anew",
            )
            yield _finding(problem, "error", file.source.path, [file])

    def _limits(self, catalog: Catalog, path: str, files: Sequence[DefinitionFile]) -> Iterator[Finding]:
        try:
            check_catalog(catalog, self._rules)
        except CatalogError as error:
            yield from (_finding(each, "error", path, files) for each in error.problems)

    def _bytes_max(self, catalog: Catalog, name: str) -> int:
        footprint = footprints(catalog, self._rules).get(name)
        return 0 if footprint is None else sum(each.size.most for each in footprint.kept)


def _users_in(known: dict[str, Definition]) -> dict[str, set[str]]:
    """Of each definition those that use it: to look through thousands at each key stroke would take too long."""
    found: dict[str, set[str]] = {}
    for each in known.values():
        for used in references(each):
            found.setdefault(used.name, set()).add(each.name)
    return found


def _concerned(file: DefinitionFile, known: dict[str, Definition], users: dict[str, set[str]], *, of: str) -> set[str]:
    """Names of the definitions that a file uses or that use it, of those that they use, and of what it may mean."""
    own = {name for each in file.expressions for name in _names_in(each.placed.node)}
    own |= {name for each in file.patterns for name in _names_in(each.node)}
    near = [like for name in own if name not in known and (like := closest(name, known)) is not None]
    waiting = [name for name in (*own, *near, file.name) if name in known]
    waiting += [user for name in {of, file.name} for user in users.get(name, ())]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each.name for each in references(known[name]) if each.name in known]
    return found


def _names_in(node: s.Node) -> Iterator[str]:
    for each in walk(node):
        if isinstance(each, s.Membership | s.ValueCount | s.SegmentMark):
            yield each.segment
        elif isinstance(each, s.ScoreValue):
            yield each.score
        elif isinstance(each, s.ModelValue):
            yield model_segment(each.model)


def _catalog_of(files: Sequence[DefinitionFile], catalog: Catalog) -> Catalog:
    """The catalog that checked files make, with the settings of another."""
    definitions = [file.definition for file in files if file.definition is not None]
    segments = {each.name: each for each in definitions if isinstance(each, Segment)}
    scores = {each.name: each for each in definitions if isinstance(each, Score)}
    ordered = settlement_order(segments.values(), scores.values())
    return replace(
        catalog,
        segments=tuple(segments[name] for name in ordered if segments[name].model is None),
        scores=tuple(scores[name] for name in sorted(scores)),
        models=tuple(segments[name] for name in sorted(segments) if segments[name].model is not None),
    )


def _finding(problem: FileProblem, severity: Severity, path: str, files: Sequence[DefinitionFile]) -> Finding:
    of = "" if problem.path == path else next((each.name for each in files if each.source.path == problem.path), "?")
    return Finding(
        severity=severity,
        line=problem.line,
        column=problem.column,
        text=problem.text,
        message=problem.message,
        detail=problem.detail,
        hint=problem.hint,
        of=of,
    )


def events_read(definition: Definition) -> Iterator[EventRead]:
    """The events that a definition asks for itself, each with its properties, in order of the text."""
    found: dict[str, dict[str, None]] = {}
    for expression in expressions(definition):
        for node in walk(expression):
            if isinstance(node, s.Pattern):
                _note_pattern(found, node, ())
            elif isinstance(node, s.Aggregate) and node.of is not None:
                paths = [node.of] if isinstance(node.of, tuple) else _paths(node.of)
                _note_pattern(found, node.pattern, [*paths, *([] if node.per is None else [node.per])])
    for event, properties in found.items():
        yield EventRead(event, list(properties))


def _note_pattern(found: dict[str, dict[str, None]], pattern: s.Pattern, paths: Sequence[s.Path]) -> None:
    if isinstance(pattern.source, s.Sequence):
        return  # its steps are patterns themselves
    asked = [*paths, *(_paths(pattern.where) if pattern.where is not None else [])]
    if pattern.once_per is not None:
        asked.append(pattern.once_per)
    for event in pattern.source:
        properties = found.setdefault(event.kind if event.name is None else event.name, {})
        properties.update({canonical.path_text(path): None for path in asked})


def _paths(node: s.Node) -> list[s.Path]:
    return [each.path for each in walk(node) if isinstance(each, s.Property)]


def _change(before: Definition | None, after: Definition | None, text: str) -> Change:
    if before is None:
        return "new"
    if before.text == text:
        return "same"
    same = after is not None and definition_version(before) == definition_version(after)
    return "rewritten" if same else "changed"


def difference_lines(before: str, after: str) -> list[DiffLine] | None:
    """The lines that differ, with a few around them; None for texts that are too long to be compared."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) > DIFFERENCE_LINES_MAX:
        return None
    found: list[DiffLine] = []
    groups = difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES)
    for number, group in enumerate(groups):
        if number or group[0][1]:
            found.append(DiffLine("@", ""))
        for kind, first, last, start, end in group:
            if kind == "equal":
                found += [DiffLine(" ", line) for line in old[first:last]]
                continue
            found += [DiffLine("-", line) for line in old[first:last]]
            found += [DiffLine("+", line) for line in new[start:end]]
    return found
