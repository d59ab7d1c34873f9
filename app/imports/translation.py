"""Files of definitions, with tests, made of a JSON document of another product."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.imports import customerio, klaviyo, posthog, segment_engage
from app.imports.conditions import Done, Events, Translated, candidates, references
from app.imports.definition_text import WrittenTest, definition_text
from app.imports.gaps import Gap
from app.imports.json_document import Place, read_json
from app.imports.work import Foreign, Work, problems_of
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.problem import CatalogError
from app.segments.review.scenario import run_test

_BYSTANDER: Final = Done({"event": "Something Else"})


@dataclass(frozen=True, slots=True)
class Product:
    """A product whose definitions can be translated. `definitions` finds them in a document."""

    title: str
    definitions: Callable[[Place, str], list[Foreign]]
    names: Callable[[Place], dict[str, str]] = lambda _: {}


PRODUCTS: Final[Mapping[str, Product]] = {
    "segment-engage": Product("Segment Engage", segment_engage.definitions),
    "klaviyo": Product("Klaviyo", klaviyo.definitions, klaviyo.names),
    "customerio": Product("Customer.io", customerio.definitions),
    "posthog": Product("PostHog", posthog.definitions),
}


@dataclass(frozen=True, slots=True)
class Translation:
    """`files`: path -> text of each file of definitions. `gaps`: what differs, in the order of the document."""

    files: dict[str, str]
    gaps: tuple[Gap, ...]
    drafts: int
    tests: int


def translate(
    product: str, data: bytes, file: str, more_names: bytes | None = None, names_file: str = ""
) -> Translation:
    """The translation of a file. Raises UserError where it has no definitions of the product.

    `more_names`: a second document with the names of ids, such as metrics.
    """
    chosen = PRODUCTS[product]
    document = Place("", read_json(data, file))
    names = chosen.names(document)
    if more_names is not None:
        names |= chosen.names(Place("", read_json(more_names, names_file)))
    found = chosen.definitions(document, file)
    work = Work(found, names)
    translated = [work.translated(foreign) for foreign in found]
    whole = [each for each in translated if each.condition is not None]
    gaps = list(work.gaps)
    gaps += [
        Gap(each.path or "the file", f"segment {each.name}", "nothing of it could be translated")
        for each in translated
        if each.condition is None
    ]
    files, refused = _valid({f"{each.name}.yaml": definition_text(each, (), chosen.title) for each in whole}, whole)
    gaps += refused
    kept = [each for each in whole if f"{each.name}.yaml" in files]
    tests = 0
    for each in kept:
        written = _tests(each, files)
        tests += len(written)
        if len(written) < 2:
            lacking = (
                "no test" if not written else f"only the test of {'a member' if written[0].inside else 'a non-member'}"
            )
            gaps.append(
                Gap(
                    each.path or "the file",
                    f"segment {each.name}",
                    f"{lacking} could be written",
                    "write it by hand",
                    left_out=False,
                )
            )
        files[f"{each.name}.yaml"] = definition_text(each, written, chosen.title)
    return Translation(files, tuple(gaps), sum(each.draft for each in kept), tests)


def _valid(files: dict[str, str], translated: Sequence[Translated]) -> tuple[dict[str, str], list[Gap]]:
    """The files without those that `shoal validate` would refuse, and without what refers to them."""
    by_path = {f"{each.name}.yaml": each for each in translated}
    gaps: list[Gap] = []
    while files and (problems := problems_of(files)):
        for problem in problems:
            if problem.path in files:
                del files[problem.path]
                each = by_path[problem.path]
                why = "; ".join(filter(None, (problem.message, problem.detail)))
                gaps.append(Gap(each.path or "the file", f"segment {each.name}", why, problem.hint))
    return files, gaps


def _tests(translated: Translated, files: Mapping[str, str]) -> list[WrittenTest]:
    """Tests of a member and of a non-member that hold; less if no fitting events are known."""
    found = []
    for inside, name in ((True, "a member"), (False, "a non-member")):
        assert translated.condition is not None
        for events in candidates(translated.condition, wanted=inside):
            test = WrittenTest(name, _with_somebody(events), inside)
            if _holds(translated, test, files):
                found.append(test)
                break
    return found


def _with_somebody(events: Events) -> Events:
    """A user exists from the first event on, so there must be one; being put on a list is none."""
    return events if any("on_list" not in event.message for event in events) else (*events, _BYSTANDER)


def _holds(translated: Translated, test: WrittenTest, files: Mapping[str, str]) -> bool:
    path = f"{translated.name}.yaml"
    needed = {path: definition_text(translated, [test], "a test")}
    assert translated.condition is not None
    waiting = list(references(translated.condition))
    while waiting:
        other = f"{waiting.pop()}.yaml"
        if other not in needed and other in files:
            needed[other] = files[other]
            waiting += [
                name.removesuffix(".yaml")
                for name in files
                if f"segment('{name.removesuffix('.yaml')}')" in files[other]
            ]
    try:
        catalog = load_catalog(needed)
    except CatalogError:
        return False
    segment = catalog.segment(translated.name)
    return not any(run_test(catalog, segment, case) for case in segment.tests)
