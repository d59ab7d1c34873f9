"""Klaviyo: the `definition` of segments, as the Segments API gives it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.errors import UserError
from app.imports import value_tests as v
from app.imports.conditions import Condition, either, every, opposite
from app.imports.event_tests import (
    EventFilter,
    FunnelStep,
    Window,
    aggregate_subject,
    aggregated,
    counted,
    followed,
    on_list,
    on_property,
    on_trait,
    property_subject,
    trait_subject,
)
from app.imports.gaps import Untranslatable, shown
from app.imports.json_document import Place
from app.imports.names import segment_name
from app.imports.work import Foreign, Work

UNITS_MS: Final = {"hour": v.HOUR_MS, "day": v.DAY_MS, "week": 7 * v.DAY_MS}
OPERATORS: Final = {
    "equals": "=",
    "not-equals": "!=",
    "greater-than": ">",
    "greater-than-or-equal": ">=",
    "less-than": "<",
    "less-than-or-equal": "<=",
}
NEAREST: Final = {
    "profile-marketing-consent": "requires: [email], with a purpose in consent.yaml",
    "profile-permissions": "requires: [whatsapp], with a purpose in consent.yaml",
    "profile-postal-code-distance": "near(context.location, 52.52, 13.40, 25km), with the place of the postal code",
    "profile-region": "context.location.country in ['DE', 'FR']",
    "profile-predictive-analytics": "avg(revenue of 'Placed Order'), or a prediction that is sent as a trait",
    "profile-has-custom-object": "send what the object says as an event or a trait",
}
LONG_AGO: Final = "1970-01-01"
METRICS: Final = "give the answer of GET /api/metrics with --names"
_KEY: Final = re.compile(r"\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")


def definitions(document: Place, file: str) -> list[Foreign]:
    """The segments of an answer of the API, or the one of a bare definition."""
    found: list[Foreign] = []
    taken: set[str] = set()
    for place in _segments(document):
        attributes = place.field("attributes") if place.has("attributes") else place
        body = attributes.field("definition") if attributes.has("definition") else attributes
        if not body.has("condition_groups"):
            continue
        title = attributes.value.get("name")
        title = title if isinstance(title, str) else file.rpartition("/")[2].partition(".")[0]
        name = segment_name(title, taken, "klaviyo-segment")
        taken.add(name)
        id_ = place.value.get("id") or f"{len(found)}"
        found.append(Foreign(str(id_), name, title, "", body, lambda work, body=body: _definition(body, work)))  # type: ignore[misc]  # mypy: a default argument in a lambda
    if not found:
        raise UserError(
            f"{file}: no segment of Klaviyo",
            hint="give the answer of GET /api/segments/ID, whose data has attributes with a definition",
        )
    return found


def names(document: Place) -> dict[str, str]:
    """Id -> name of metrics and lists in an answer of the API; or an object with them."""
    value = document.value
    if isinstance(value, dict) and value and all(isinstance(name, str) for name in value.values()):
        return dict(value)
    found = {}
    for place in [*_list_of(document, "data"), *_list_of(document, "included")]:
        attributes = place.value.get("attributes")
        name = attributes.get("name") if isinstance(attributes, dict) else None
        if place.has("id") and place.value.get("type") in ("metric", "list") and isinstance(name, str):
            found[str(place.value["id"])] = name
    return found


def _segments(document: Place) -> list[Place]:
    if document.has("data"):
        data = document.field("data")
        return (
            _list_of(document, "data")
            if isinstance(data.value, list)
            else [data]
            if isinstance(data.value, dict)
            else []
        )
    if isinstance(document.value, list):
        return [place for place in document.items() if isinstance(place.value, dict)]
    return [document] if isinstance(document.value, dict) else []


def _list_of(document: Place, name: str) -> list[Place]:
    if document.has(name) and isinstance(document.value[name], list):
        return [place for place in document.field(name).items() if isinstance(place.value, dict)]
    return []


def _definition(body: Place, work: Work) -> Condition | None:
    return work.group(
        body.field("condition_groups"),
        lambda group: work.group(group.field("conditions"), lambda place: _condition(place, work), either),
        every,
    )


def _condition(place: Place, work: Work) -> Condition | None:
    kind = place.text("type")
    match kind:
        case "profile-property":
            return _profile_property(place)
        case "profile-metric":
            return _metric(place, work)
        case "profile-metric-funnel":
            return _funnel(place, work)
        case "profile-group-membership":
            return _group(place, work)
        case _:
            raise Untranslatable(kind, "it depends on data that only Klaviyo has", NEAREST.get(kind, ""))


def _group(place: Place, work: Work) -> Condition:
    if place.has("timeframe_filter"):
        raise Untranslatable(
            "time of joining a list",
            "the time at which somebody came into a list is not known here",
            "send joining as an event",
        )
    parts = [_inside(each, work) for each in place.field("group_ids").items()]
    if not parts:
        raise Untranslatable("group_ids", "empty")
    inside = either(parts)
    return inside if place.field("is_member").value is True else opposite(inside)


def _inside(place: Place, work: Work) -> Condition:
    """Membership of a list, or of a segment of this file."""
    id_ = place.value
    if work.has(id_):
        return work.reference(id_, "segment", "")
    if not isinstance(id_, str):
        raise Untranslatable(shown(id_), "the id of a list is needed here")
    name = segment_name(work.names.get(id_, id_), (), "list")
    work.note(place, f"list {shown(id_)}", f"put its members on the list here: shoal lists import {name} members.csv")
    return on_list(name)


# ---- metrics


def _metric(place: Place, work: Work) -> Condition:
    name = work.name_of(place.text("metric_id"), "metric", METRICS)
    filters = _metric_filters(place)
    window = _window(place.field("timeframe_filter"))
    measured = place.field("measurement_filter")
    operator = _operator(measured)
    bound = v.number(measured.field("value").value)
    match place.text("measurement"):
        case "count":
            return counted(name, filters, window, operator, bound)
        case "sum":
            subject = aggregate_subject("sum", ("value",), name, filters, window)
            work.note(place, "measurement = 'sum'", "Klaviyo adds up $value; here the property value is added up")
            return aggregated(("value",), name, filters, window, _number_test(subject, measured))
        case other:
            raise Untranslatable(f"measurement = {shown(other)}", "it is not documented")


def _operator(place: Place) -> str:
    name = place.text("operator")
    if name not in OPERATORS:
        raise Untranslatable(f"operator = {shown(name)}", "it has no equal for numbers")
    return OPERATORS[name]


def _metric_filters(place: Place) -> list[EventFilter]:
    if not place.has("metric_filters"):
        return []
    found = []
    for each in place.field("metric_filters").items():
        path = _path(each.text("property"))
        found.append(on_property(path, _test(property_subject(path), each.field("filter"))))
    return found


def _window(place: Place) -> Window:
    operator = place.text("operator")
    match operator:
        case "alltime":
            return Window()
        case "in-the-last":
            return Window(_span_ms(place, "quantity"))
        case "at-least":
            return Window(0, _span_ms(place, "quantity"))
        case "between":
            nearer, farther = sorted((_span_ms(place, "start"), _span_ms(place, "end")))
            return Window(farther, nearer)
        case "after":
            return Window(first=place.text("date"))
        case "before":
            return Window(first=LONG_AGO, end=place.text("date"))
        case "between-static":
            return Window(first=place.text("start"), end=place.text("end"))
        case _:
            raise Untranslatable(f"timeframe {operator}", "no window of events ends so", "within 30d")


def _span_ms(place: Place, key: str) -> int:
    unit = place.text("unit")
    if unit not in UNITS_MS:
        raise Untranslatable(f"unit = {shown(unit)}", "it is not documented")
    return place.whole(key) * UNITS_MS[unit]


def _funnel(place: Place, work: Work) -> Condition:
    steps = []
    for step in place.field("steps").items():
        name = work.name_of(step.text("metric_id"), "metric", METRICS)
        steps.append(FunnelStep(name, _metric_filters(step), step.field("metric_exists").value is True))
    window = _window(place.field("timeframe_filter"))
    longest_ms = 0
    if place.has("completion_window_seconds"):
        longest_ms = _completion_ms(place.text("completion_window_seconds"))
    work.note(place, "profile-metric-funnel", "here the last step must be inside the time, and all steps in order")
    if not all(step.happens for step in steps):
        why = "here it must not happen between its neighbours; the last one, for the whole time after the one before"
        work.note(place, "a step that does not happen", why)
    return followed(steps, longest_ms=longest_ms, window=window)


def _completion_ms(name: str) -> int:
    """The span of a constant such as `DAYS_30`."""
    unit, _, number = name.partition("_")
    units_ms = {"HOURS": v.HOUR_MS, "DAYS": v.DAY_MS, "WEEKS": 7 * v.DAY_MS, "YEARS": 365 * v.DAY_MS}
    if unit not in units_ms or not number.isdigit() or len(number) > 4:
        raise Untranslatable(f"completion_window_seconds = {shown(name)}", "it is not documented")
    return int(number) * units_ms[unit]


# ---- properties


def _profile_property(place: Place) -> Condition:
    path = _path(place.text("property"))
    return on_trait(path, _test(trait_subject(path), place.field("filter")))


def _path(name: str) -> tuple[str, ...]:
    """The path of a property; `properties['x']` are those that the user has added.

    >>> _path("location['city']"), _path("properties['Loyalty Tier']"), _path("email")
    (('location', 'city'), ('Loyalty Tier',), ('email',))
    """
    head, bracket, rest = name.partition("[")
    keys = _KEY.findall(bracket + rest)
    if "".join(match.group(0) for match in _KEY.finditer(bracket + rest)) != bracket + rest:
        return (name,)
    inner = tuple(single or double for single, double in keys)
    return inner if head == "properties" and inner else (head, *inner)


def _test(subject: str, place: Place) -> v.ValueTest:
    kind = place.text("type")
    makers: Mapping[str, Callable[[str, Place], v.ValueTest]] = {
        "string": _text_test,
        "numeric": _number_test,
        "boolean": lambda subject, place: v.equal(subject, place.field("value").value),
        "existence": _existence_test,
        "list": _list_test,
        "date": _date_test,
    }
    if kind not in makers:
        raise Untranslatable(f"filter type = {shown(kind)}", "it is not documented")
    return makers[kind](subject, place)


def _number_test(subject: str, place: Place) -> v.ValueTest:
    operator, value = _operator(place), place.field("value").value
    return v.compared(subject, "=", value).opposite() if operator == "!=" else v.compared(subject, operator, value)


def _existence_test(subject: str, place: Place) -> v.ValueTest:
    match place.text("operator"):
        case "is-set":
            return v.known(subject)
        case "not-set":
            return v.missing(subject)
        case other:
            raise Untranslatable(f"operator = {shown(other)}", "it is not documented")


_TEXT_TESTS: Final[Mapping[str, Callable[[str, Any], v.ValueTest]]] = {
    "equals": v.equal,
    "contains": v.contains,
    "starts-with": v.starts_with,
    "ends-with": v.ends_with,
    "regex": v.matches,
    "in": v.one_of,
}


def _text_test(subject: str, place: Place) -> v.ValueTest:
    operator = place.text("operator")
    positive = operator.removeprefix("not-") if operator != "nregex" else "regex"
    if positive not in _TEXT_TESTS:
        raise Untranslatable(
            f"operator = {shown(operator)}", "it has no equal for texts", "matches, with a regular expression"
        )
    test = _TEXT_TESTS[positive](subject, place.field("value").value)
    return test if positive == operator else test.opposite()


def _list_test(subject: str, place: Place) -> v.ValueTest:
    operator, value = place.text("operator"), place.field("value").value
    match operator.removeprefix("not-"):
        case "contains":
            test = v.contains(subject, value)
        case "contains-any":
            test = v.contains_any(subject, value)
        case "contains-all" if isinstance(value, list) and len(value) == 1:
            test = v.contains(subject, value[0])
        case "contains-all" if isinstance(value, list) and value:
            parts = [v.contains(subject, item) for item in value]
            test = v.ValueTest(" and ".join(part.text for part in parts), value)
        case _:
            raise Untranslatable(f"operator = {shown(operator)}", "it has no equal for lists", "contains, for one item")
    return test.opposite() if operator.startswith("not-") else test


def _date_test(subject: str, place: Place) -> v.ValueTest:
    match place.text("operator"):
        case "in-the-last":
            return v.in_the_last(subject, _span_ms(place, "quantity"))
        case "in-the-next":
            return v.in_the_next(subject, _span_ms(place, "quantity"))
        case "at-least":
            return v.at_least_ago(subject, _span_ms(place, "quantity"))
        case "between":
            return v.between_ago(subject, *sorted((_span_ms(place, "start"), _span_ms(place, "end"))))
        case "after":
            return v.after_date(subject, place.field("date").value)
        case "before":
            return v.before_date(subject, place.field("date").value)
        case "between-static":
            low, high = (v.literal(place.field(key).value) for key in ("start", "end"))
            return v.ValueTest(f"{subject} >= {low} and {subject} <= {high}", place.field("start").value)
        case "anniversary":
            return v.anniversary_today(subject)
        case "anniversary-next":
            return v.anniversary_in_the_next(subject, _span_ms(place, "quantity"))
        case other:
            raise Untranslatable(
                f"operator = {shown(other)}", "it has no equal for dates", "until_anniversary(traits.birthday) <= 7d"
            )
