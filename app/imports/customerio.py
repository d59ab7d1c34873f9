"""Customer.io: the filters of people that its App API takes (search, broadcasts, exports).

The conditions of its data-driven segments are in no public format: the API gives only their names.
"""

from collections.abc import Callable
from typing import Final

from app.errors import UserError
from app.imports import value_tests as v
from app.imports.conditions import Condition, either, every, opposite
from app.imports.event_tests import on_trait, trait_subject
from app.imports.gaps import Untranslatable, shown
from app.imports.json_document import Place
from app.imports.names import segment_name
from app.imports.work import Foreign, Work

KEYS: Final = ("filter", "filters", "recipients")
"""Where requests hold the filter: search, exports, broadcasts."""
NEAREST: Final = "write its conditions as a segment, or import its people as a list"
_PARTS: Final = ("and", "or", "not", "segment", "attribute")


def definitions(document: Place, file: str) -> list[Foreign]:
    """The filters of a request, of a list of requests, or a bare filter."""
    requests = list(document.items()) if isinstance(document.value, list) else [document]
    found: list[Foreign] = []
    taken: set[str] = set()
    for request in requests:
        body = _filter_of(request)
        if body is None:
            continue
        title = request.value.get("name")
        title = title if isinstance(title, str) and title else file.rpartition("/")[2].partition(".")[0]
        name = segment_name(title, taken, "customerio-filter")
        taken.add(name)
        # Filters refer to segments of Customer.io by number; these are never in the file.
        found.append(Foreign(f"filter {len(found)}", name, title, "", body, _translation(body)))
    if not found:
        raise UserError(
            f"{file}: no filter of Customer.io",
            hint="give the body of a request with filter, filters or recipients; conditions of segments are not public",
        )
    return found


def _filter_of(request: Place) -> Place | None:
    for key in KEYS:
        if request.has(key):
            return request.field(key)
    return request if any(request.has(key) for key in _PARTS) else None


def _translation(body: Place) -> Callable[[Work], Condition | None]:
    return lambda work: _condition(body, work)


def _condition(place: Place, work: Work) -> Condition | None:
    given = [key for key in _PARTS if place.has(key)]
    if len(given) != 1:
        raise Untranslatable(shown(place.value), f"one of {', '.join(_PARTS)} is needed here")
    inner = place.field(given[0])
    match given[0]:
        case "and":
            return work.group(inner, lambda part: _condition(part, work), every)
        case "or":
            return work.group(inner, lambda part: _condition(part, work), either)
        case "not":
            # One level deeper, so that a long chain of `not` ends.
            part = next(iter(Place(place.path, [inner.value], place.depth).items()))
            return _opposite(Place(inner.path, inner.value, part.depth), work)
        case "segment":
            return work.reference(
                inner.field("id").value, "segment", "write its conditions as a segment, or import its people as a list"
            )
        case _:
            return _attribute(inner)


def _opposite(place: Place, work: Work) -> Condition | None:
    part = work.attempt(place, lambda: _condition(place, work))
    return None if part is None else opposite(part)


def _attribute(place: Place) -> Condition:
    path = (place.text("field"),)
    subject = trait_subject(path)
    match place.text("operator"):
        case "exists":
            return on_trait(path, v.known(subject))
        case "eq":
            value = place.field("value").value
            test = v.equal_or_more_loosely(subject, value) if isinstance(value, str) else v.equal(subject, value)
            return on_trait(path, test)
        case other:
            raise Untranslatable(f"operator = {shown(other)}", "the API documents eq and exists only")
