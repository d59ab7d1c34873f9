"""PostHog: the `filters` of cohorts, as its API gives them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.errors import UserError
from app.events.posthog import PAGE_FIELDS, PAGES
from app.imports import value_tests as v
from app.imports.conditions import Condition, Done, Events, Leaf, either, every, opposite, text
from app.imports.event_tests import (
    EventFilter,
    FunnelStep,
    Window,
    context_subject,
    counted,
    followed,
    message,
    on_context,
    on_list,
    on_property,
    on_trait,
    pattern,
    property_subject,
    trait_subject,
)
from app.imports.gaps import Untranslatable, shown
from app.imports.json_document import Place
from app.imports.names import segment_name
from app.imports.work import Foreign, Work
from app.segments.language.durations import format_duration

UNITS_MS: Final = {
    "hour": v.HOUR_MS,
    "day": v.DAY_MS,
    "week": 7 * v.DAY_MS,
    "month": 30 * v.DAY_MS,
    "year": 365 * v.DAY_MS,
}
LETTERS_MS: Final = {unit[0]: ms for unit, ms in UNITS_MS.items()}
EVENTS: Final = {**PAGES, "$identify": "identify"}
CONTEXT: Final = {key: ("page", field) for key, field in PAGE_FIELDS.items() if key.startswith("$")}
"""Properties that are also in the context of events from a source of the shape `posthog`, and of any other."""
OPERATORS: Final = {"exact": "=", "eq": "=", "gte": ">=", "gt": ">", "lte": "<=", "lt": "<", "min": ">=", "max": "<="}
_RELATIVE: Final = re.compile(r"-(\d{1,5})([hdwmy])")


def definitions(document: Place, file: str) -> list[Foreign]:
    """The cohorts of an answer of the API."""
    if document.has("results"):
        document = document.field("results")
    cohorts = list(document.items()) if isinstance(document.value, list) else [document]
    found: list[Foreign] = []
    taken: set[str] = set()
    for cohort in cohorts:
        if not isinstance(cohort.value, dict) or not (cohort.has("filters") or cohort.has("is_static")):
            continue
        title = cohort.value.get("name")
        title = title if isinstance(title, str) and title else file.rpartition("/")[2].partition(".")[0]
        name = segment_name(title, taken, "posthog-cohort")
        taken.add(name)
        described = cohort.value.get("description")
        id_ = str(cohort.value.get("id", f"cohort {len(found)}"))
        found.append(
            Foreign(id_, name, title, described if isinstance(described, str) else "", cohort, _translation(cohort))
        )
    if not found:
        raise UserError(f"{file}: no cohort of PostHog", hint="give the answer of GET /api/projects/ID/cohorts")
    return found


def _translation(cohort: Place) -> Callable[[Work], Condition | None]:
    return lambda work: _cohort(cohort, work)


def _cohort(cohort: Place, work: Work) -> Condition | None:
    if cohort.value.get("is_static") is True:
        name = segment_name(str(cohort.value.get("name") or "static cohort"), (), "static-cohort")
        work.note(cohort, "a static cohort", f"put its members on a list here: shoal lists import {name} members.csv")
        return on_list(name)
    place = cohort.field("filters").field("properties")
    return work.attempt(place, lambda: _group(place, work))


def _group(place: Place, work: Work) -> Condition | None:
    kind = place.text("type")
    if kind not in ("AND", "OR"):
        raise Untranslatable(f"type = {shown(kind)}", "a group is AND or OR")
    return work.group(
        place.field("values"),
        lambda part: _group(part, work) if part.has("values") else _condition(part, work),
        every if kind == "AND" else either,
    )


def _condition(place: Place, work: Work) -> Condition:
    match place.text("type"):
        case "person":
            condition: Condition = _person(place)
        case "cohort" | "static-cohort" | "dynamic-cohort" | "precalculated-cohort":
            value = place.field("value").value
            id_ = value[0] if isinstance(value, list) and len(value) == 1 else value
            condition = work.reference(id_, "cohort", "export it too, or write it as a segment")
        case "behavioral":
            condition = _behaviour(place, work)
        case other:
            raise Untranslatable(f"type = {shown(other)}", "no condition of a cohort that is documented")
    return opposite(condition) if place.value.get("negation") is True else condition


# ---- persons


def _person(place: Place) -> Condition:
    path = (place.text("key"),)
    return on_trait(path, _test(trait_subject(path), place))


def _test(subject: str, place: Place) -> v.ValueTest:
    operator = _operator(place)
    value = place.field("value").value
    makers: Mapping[str, Callable[[str, Any], v.ValueTest]] = {
        "exact": _equal,
        "icontains": v.contains_ignoring_case,
        "regex": v.matches,
        "gt": lambda subject, value: v.compared(subject, ">", value),
        "gte": lambda subject, value: v.compared(subject, ">=", value),
        "lt": lambda subject, value: v.compared(subject, "<", value),
        "lte": lambda subject, value: v.compared(subject, "<=", value),
        "between": _between,
        "in": _equal,
        "starts_with": v.starts_with,
        "ends_with": v.ends_with,
        "is_date_before": _before,
        "is_date_after": _after,
        "semver_eq": lambda subject, value: v.version(subject, "=", value),
        "semver_gt": lambda subject, value: v.version(subject, ">", value),
        "semver_gte": lambda subject, value: v.version(subject, ">=", value),
        "semver_lt": lambda subject, value: v.version(subject, "<", value),
        "semver_lte": lambda subject, value: v.version(subject, "<=", value),
    }
    negative = {
        "is_not": "exact",
        "semver_neq": "semver_eq",
        "not_icontains": "icontains",
        "not_regex": "regex",
        "not_between": "between",
        "not_in": "in",
        "not_starts_with": "starts_with",
        "not_ends_with": "ends_with",
    }
    if operator == "is_set":
        return v.known(subject)
    if operator == "is_not_set":
        return v.missing(subject)
    if operator in negative:
        return makers[negative[operator]](subject, value).opposite()
    if operator not in makers:
        raise Untranslatable(f"operator = {shown(operator)}", "it has no equal", "matches, with a regular expression")
    return makers[operator](subject, value)


def _operator(place: Place) -> str:
    return place.text("operator") if place.has("operator") else "exact"


def _equal(subject: str, value: Any) -> v.ValueTest:
    values = value if isinstance(value, list) else [value]
    if len(values) == 1 and isinstance(values[0], str):
        return v.equal_or_more_loosely(subject, values[0])
    return v.one_of(subject, values)


def _between(subject: str, value: Any) -> v.ValueTest:
    if not isinstance(value, list) or len(value) != 2:
        raise Untranslatable(shown(value), "two bounds are needed here")
    return v.between(subject, *value)


def _before(subject: str, value: Any) -> v.ValueTest:
    ms = _relative_ms(value)
    return v.before_date(subject, value) if ms is None else v.at_least_ago(subject, ms)


def _after(subject: str, value: Any) -> v.ValueTest:
    ms = _relative_ms(value)
    return v.after_date(subject, value) if ms is None else v.in_the_last(subject, ms)


def _relative_ms(value: Any) -> int | None:
    """The span of a relative date such as `-30d`; None for a date."""
    found = _RELATIVE.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) * LETTERS_MS[found[2]] if found else None


# ---- behaviour


def _behaviour(place: Place, work: Work) -> Condition:
    name, filters = _event(place, "key", "event_type"), _event_filters(place)
    window = _window(place, work)
    match place.text("value"):
        case "performed_event":
            return counted(name, filters, window, ">=", 1)
        case "performed_event_multiple":
            operator = _operator(place)
            if operator not in OPERATORS:
                raise Untranslatable(f"operator = {shown(operator)}", "it has no equal for numbers")
            return counted(name, filters, window, OPERATORS[operator], place.whole("operator_value"))
        case "performed_event_first_time":
            return _first_time(name, filters, window)
        case "performed_event_sequence":
            second = _event(place, "seq_event", "seq_event_type")
            longest_ms = _unit_ms(place, "seq_time_value", "seq_time_interval", work)
            work.note(place, "performed_event_sequence", "here the second event must be inside the time, not the first")
            return followed([FunnelStep(name, filters), FunnelStep(second)], longest_ms=longest_ms, window=window)
        case "stopped_performing_event":
            recent = Window(_unit_ms(place, "seq_time_value", "seq_time_interval", work))
            return every([counted(name, filters, window, ">=", 1), opposite(counted(name, filters, recent, ">=", 1))])
        case "restarted_performing_event":
            recent = Window(_unit_ms(place, "seq_time_value", "seq_time_interval", work))
            return _restarted(name, filters, window, recent)
        case "performed_event_regularly":
            whole_ms = window.from_ms * place.whole("total_periods")
            days = f"days({pattern(name, filters)} within {format_duration(whole_ms)})"
            raise Untranslatable(
                "performed_event_regularly",
                "periods side by side are not counted here",
                f"{days} >= {place.whole('min_periods')}",
            )
        case other:
            raise Untranslatable(f"value = {shown(other)}", "no behaviour that is documented")


def _event(place: Place, key: str, type_key: str) -> str:
    if place.field(type_key).value != "events":
        raise Untranslatable(
            f"action {shown(place.field(key).value)}", "the events of an action are not in the file", "any('A', 'B')"
        )
    name = place.text(key)
    return EVENTS.get(name, name)


def _event_filters(place: Place) -> list[EventFilter]:
    if not place.has("event_filters"):
        return []
    found = []
    for each in place.field("event_filters").items():
        if each.field("type").value != "event":
            raise Untranslatable(
                f"a filter of type {shown(each.field('type').value)}", "elements of pages are not sent"
            )
        key = each.text("key")
        if key in CONTEXT:
            found.append(on_context(CONTEXT[key], _test(context_subject(CONTEXT[key]), each)))
        else:
            found.append(on_property((key,), _test(property_subject((key,)), each)))
    return found


def _window(place: Place, work: Work) -> Window:
    if not place.has("explicit_datetime"):
        return Window(_unit_ms(place, "time_value", "time_interval", work))
    ms = _relative_ms(place.field("explicit_datetime").value)
    end = place.text("explicit_datetime_to") if place.has("explicit_datetime_to") else ""
    if ms is None:
        return Window(first=place.text("explicit_datetime"), end=end)
    if not end:
        return Window(ms)
    end_ms = _relative_ms(end)
    if end_ms is None:
        raise Untranslatable(f"until {shown(end)}", "one end of the time is fixed and the other is not")
    return Window(ms, end_ms)


def _unit_ms(place: Place, value: str, interval: str, work: Work) -> int:
    unit = place.text(interval)
    if unit not in UNITS_MS:
        raise Untranslatable(f"{interval} = {shown(unit)}", "it is not documented")
    if unit in ("month", "year"):
        work.note(place, f"{interval} = {unit}", f"here it has {UNITS_MS[unit] // v.DAY_MS} days")
    return place.whole(value) * UNITS_MS[unit]


def _first_time(name: str, filters: list[EventFilter], window: Window) -> Condition:
    """All events of all time are in the window."""
    recent = counted(name, filters, window, ">=", 1)
    if window.first or window.until_ms:
        raise Untranslatable("the first time since a date", "a window of the past is needed", text(recent))
    return every([recent, counted(name, filters, Window(0, window.from_ms), "=", 0)])


def _restarted(name: str, filters: list[EventFilter], window: Window, recent: Window) -> Condition:
    if window.first or window.until_ms:
        raise Untranslatable("started again after a date", "a window of the past is needed")
    written, one = pattern(name, filters), message(name, filters)
    yes: Events | None = None if one is None else (Done(one, window.from_ms + v.DAY_MS), Done(one))
    far, near = format_duration(window.from_ms), format_duration(recent.from_ms)
    return Leaf(
        f"count({written}) - count({written} within {far}) >= 1 "
        f"and count({written} within {far}) - count({written} within {near}) = 0 "
        f"and exists({written} within {near})",
        yes,
    )
