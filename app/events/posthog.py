"""PostHog events as messages in the Segment specification: names, ids, the properties of persons and groups.

A record is one captured event, `{"event", "distinct_id", "properties", "timestamp", "uuid"}`, or a batch of them as
libraries send it, `{"batch": [...], "sent_at"}`. PostHog has one id an event; whether it names a user is in
`$is_identified`. Two ids become one by `$identify` and `$create_alias` alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.events.message import MessageError

EVENTS_MAX: Final = 1_000
PAGES: Final[Mapping[str, str]] = {"$pageview": "page", "$screen": "screen"}
#: Of a page: property of PostHog -> that of the Segment specification.
PAGE_FIELDS: Final[Mapping[str, str]] = {
    "$current_url": "url",
    "$pathname": "path",
    "$referrer": "referrer",
    "title": "title",
}
CAMPAIGN: Final[Mapping[str, str]] = {
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_campaign": "name",
    "utm_term": "term",
    "utm_content": "content",
}
CONTEXT: Final[Mapping[str, str]] = {
    "$browser_language": "locale",
    "$ip": "ip",
    "$raw_user_agent": "userAgent",
    "$timezone": "timezone",
}
_SECRET: Final = ("token", "api_key")
_REFUSED: Final = "$merge_dangerously makes one of two users, which no sender of events may do"


def entries_of(record: Any) -> Iterator[dict[str, Any] | MessageError]:
    """The messages of a record, in order. An event that cannot be used is an error in its place.

    MessageError for what is neither an event nor a batch.

    >>> [each["type"] for each in entries_of({"event": "$pageview", "distinct_id": "d-1", "properties": {}})]
    ['page']
    """
    if record.__class__ is not dict:
        raise MessageError("invalid-message", "an event or a batch of PostHog is a JSON object")
    events = record.get("batch", [record])
    if events.__class__ is not list:
        raise MessageError("invalid-message", "batch is a list")
    if len(events) > EVENTS_MAX:
        raise MessageError("too-large", f"{len(events)} events; at most {EVENTS_MAX} are read")
    for event in events:
        try:
            yield from _messages(event, record.get("sent_at"))
        except MessageError as error:
            yield error


def _messages(event: Any, sent_at: Any) -> Iterator[dict[str, Any]]:
    if event.__class__ is not dict or event.get("event").__class__ is not str:
        raise MessageError("invalid-message", "an event of PostHog has a name: event")
    name: str = event["event"]
    given = event.get("properties")
    properties: dict[str, Any] = {key: value for key, value in _object(given).items() if key not in _SECRET}
    distinct_id = event.get("distinct_id") or properties.get("distinct_id")
    common = _common(event, properties, sent_at)
    traits = {**_object(_either(event, properties, "$set_once")), **_object(_either(event, properties, "$set"))}
    if name == "$merge_dangerously":
        raise MessageError("refused-merge", _REFUSED)
    if name == "$identify":
        other = {"anonymousId": properties["$anon_distinct_id"]} if properties.get("$anon_distinct_id") else {}
        yield {"type": "identify", "userId": distinct_id, **other, **common, "traits": traits}
        return
    if name == "$create_alias":
        if not properties.get("alias"):
            raise MessageError("invalid-message", "$create_alias needs the other id: properties.alias")
        yield {"type": "alias", "userId": distinct_id, "previousId": properties["alias"], **common}
        return
    who = {"userId" if _is_user(distinct_id, properties) else "anonymousId": distinct_id}
    if name == "$set":
        yield {"type": "identify", **who, **common, "traits": traits}
    elif name == "$groupidentify":
        group = {"groupId": properties.get("$group_key"), "traits": _object(properties.get("$group_set"))}
        yield {"type": "group", **who, **common, **group}
    else:
        yield {**_action(name, properties), **who, **common}
        if _object(_either(event, properties, "$set")):
            own_id = {"messageId": f"{common['messageId']}-set"} if "messageId" in common else {}
            yield {"type": "identify", **who, **common, **own_id, "traits": traits}


def _action(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A page, a screen, or a track with its name and all its properties."""
    kind = PAGES.get(name)
    if kind is None:
        return {"type": "track", "event": name, "properties": properties}
    named = properties.get("$screen_name")
    title = {"name": named} if kind == "screen" and named.__class__ is str else {}
    return {"type": kind, **title, "properties": {**properties, **_renamed(properties, PAGE_FIELDS)}}


def _common(event: dict[str, Any], properties: dict[str, Any], sent_at: Any) -> dict[str, Any]:
    """The fields that every message of an event has: its id, times and context."""
    found: dict[str, Any] = {}
    if event.get("uuid"):
        found["messageId"] = event["uuid"]
    if event.get("timestamp"):
        found["timestamp"] = event["timestamp"]
    sent = event.get("sent_at") or sent_at
    if sent:
        found["sentAt"] = sent
    context: dict[str, Any] = _renamed(properties, CONTEXT)
    if page := _renamed(properties, PAGE_FIELDS):
        context["page"] = page
    if campaign := _renamed(properties, CAMPAIGN):
        context["campaign"] = campaign
    if context:
        found["context"] = context
    return found


def _is_user(distinct_id: Any, properties: dict[str, Any]) -> bool:
    """True if the id names a user: libraries of pages and apps say so, libraries of servers send nothing else."""
    said = properties.get("$is_identified")
    if said.__class__ is bool:
        return bool(said)
    return distinct_id not in (properties.get("$device_id"), properties.get("$anon_distinct_id"))


def _either(event: dict[str, Any], properties: dict[str, Any], name: str) -> Any:
    """A field of the event, which older libraries have beside its properties."""
    return properties.get(name) or event.get(name)


def _renamed(properties: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: properties[key] for key, name in names.items() if properties.get(key) not in (None, "")}


def _object(value: Any) -> dict[str, Any]:
    return value if value.__class__ is dict else {}
