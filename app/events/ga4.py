"""Google Analytics 4 events as messages in the Segment spec: names, items, users.

The shape is that of the Measurement Protocol: `{"client_id", "user_id", "timestamp_micros", "user_properties",
"events": [{"name", "params"}]}`. GA4 speaks of several items in one `add_to_cart`; here each becomes an event of its
own, since carts are counted by product. A name that is not in the table stays as it is, with its parameters.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from app.events.instants import iso_text
from app.events.message import MessageError

Items = Literal["each", "products", "none"]

#: GA4 name -> (name in the Segment spec, conversion of the items).
NAMES: Final[Mapping[str, tuple[str, Items]]] = {
    "view_item": ("Product Viewed", "each"),
    "select_item": ("Product Clicked", "each"),
    "view_item_list": ("Product List Viewed", "products"),
    "add_to_cart": ("Product Added", "each"),
    "remove_from_cart": ("Product Removed", "each"),
    "view_cart": ("Cart Viewed", "products"),
    "add_to_wishlist": ("Product Added to Wishlist", "each"),
    "begin_checkout": ("Checkout Started", "products"),
    "add_shipping_info": ("Checkout Step Completed", "products"),
    "add_payment_info": ("Payment Info Entered", "products"),
    "purchase": ("Order Completed", "products"),
    "refund": ("Order Refunded", "products"),
    "search": ("Products Searched", "none"),
    "view_search_results": ("Products Searched", "none"),
    "view_promotion": ("Promotion Viewed", "products"),
    "select_promotion": ("Promotion Clicked", "products"),
    "sign_up": ("Signed Up", "none"),
    "login": ("Signed In", "none"),
}
ITEM_FIELDS: Final[Mapping[str, str]] = {
    "item_id": "product_id",
    "item_name": "name",
    "item_brand": "brand",
    "item_category": "category",
    "item_variant": "variant",
    "index": "position",
}
PARAMS: Final[Mapping[str, str]] = {
    "transaction_id": "order_id",
    "search_term": "query",
    "item_list_id": "list_id",
    "item_list_name": "list_name",
    "payment_type": "payment_method",
    "shipping_tier": "shipping_method",
    "creative_name": "creative",
    "promotion_name": "name",
    "page_location": "url",
    "page_title": "title",
    "page_referrer": "referrer",
}
#: In these, GA4's `value` is what the Segment spec calls `total`.
_TOTALS: Final = {"Order Completed", "Order Refunded"}
_PAGES: Final = {"page_view": "page", "screen_view": "screen"}
_CAMPAIGN: Final = ("source", "medium", "campaign", "term", "content")
#: From 2001 to 2286: a value outside was meant in another unit, and no value in another unit is inside.
MICROS_MIN: Final = 10**15
MICROS_MAX: Final = 10**16
_UNITS: Final = {"seconds": 1e6, "milliseconds": 1e3, "nanoseconds": 1e-3}
EVENTS_MAX: Final = 1_000
ITEMS_MAX: Final = 200


def messages_of(payload: Any) -> Iterator[dict[str, Any]]:
    """The messages of one payload, in order, none with a messageId. MessageError for what is no payload or no event.

    >>> [m["event"] for m in messages_of({"client_id": "c", "events": [{"name": "add_to_cart", "params": {}}]})]
    ['Product Added']
    """
    for _, message in entries_of(payload):
        if isinstance(message, MessageError):
            raise message
        yield message


def entries_of(payload: Any) -> Iterator[tuple[int, dict[str, Any] | MessageError]]:
    """The messages of one payload, each with the index of its event; those of the user's properties have that of the
    first. An event that cannot be used is an error in its place. MessageError for what is no payload."""
    if payload.__class__ is not dict:
        raise MessageError("invalid-message", "a payload is a JSON object")
    events = payload.get("events", [])
    if events.__class__ is not list:
        raise MessageError("invalid-message", "events is a list")
    if len(events) > EVENTS_MAX:
        raise MessageError("too-large", f"{len(events)} events; at most {EVENTS_MAX} are read")
    common: dict[str, Any] = {}
    if payload.get("user_id") not in (None, ""):
        common["userId"] = payload["user_id"]
    if payload.get("client_id") not in (None, "") or payload.get("app_instance_id"):
        common["anonymousId"] = payload.get("client_id") or payload.get("app_instance_id")
    if consent := _consent(payload.get("consent")):
        common["context"] = {"consent": {"categoryPreferences": consent}}
    try:
        at = _timestamp(payload.get("timestamp_micros"))
        common_error = None
    except MessageError as error:
        at, common_error = {}, error
    if traits := _user_properties(payload.get("user_properties")):
        yield 0, common_error or {"type": "identify", **common, **at, "traits": traits}
    for index, event in enumerate(events):
        try:
            if event.__class__ is not dict or event.get("name").__class__ is not str:
                raise MessageError("invalid-message", "an event has a name")
            own = _timestamp(event.get("timestamp_micros"))
            if not own and common_error is not None:
                raise common_error
            for message in _messages(event, {**common, **(own or at)}):
                yield index, message
        except MessageError as error:
            yield index, error


def _messages(event: dict[str, Any], common: dict[str, Any]) -> Iterator[dict[str, Any]]:
    name: str = event["name"]
    given = event.get("params")
    params: dict[str, Any] = dict(given) if given.__class__ is dict else {}
    items = _items(params.get("items"))
    if items is not None:
        del params["items"]
    products = [_product(item) for item in items or () if item.__class__ is dict]
    if len(products) > ITEMS_MAX:
        raise MessageError("too-large", f"{len(products)} items; at most {ITEMS_MAX} are read")
    campaign = {key: params[key] for key in _CAMPAIGN if params.get(key) not in (None, "")}
    if "campaign" in campaign:
        campaign["name"] = campaign.pop("campaign")
    context = {"context": {**common.get("context", {}), "campaign": campaign}} if campaign else {}
    properties = {PARAMS.get(key, key): value for key, value in params.items()}
    if name in _PAGES:
        title = properties.get("firebase_screen") or properties.get("screen_name") or properties.get("title")
        named = {"name": title} if title.__class__ is str else {}
        yield {"type": _PAGES[name], **common, **named, "properties": {**_path(properties), **properties}, **context}
        return
    event_name, way = NAMES.get(name, (name, "products" if products else "none"))
    if event_name in _TOTALS and "value" in properties:
        properties["total"] = properties.pop("value")
    if way == "each" and products:
        shared = {key: properties[key] for key in ("currency", "list_id", "list_name") if key in properties}
        alone = properties if len(products) == 1 else shared
        for product in products:
            yield {"type": "track", **common, "event": event_name, "properties": {**alone, **product}, **context}
        return
    if products:
        properties["products"] = products
    yield {"type": "track", **common, "event": event_name, "properties": properties, **context}


def _items(given: Any) -> list[Any] | None:
    """The list of items, also where it came as a JSON text; None for anything else."""
    if given.__class__ is str:
        try:
            given = msgspec.json.decode(given)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
    return given if given.__class__ is list else None


def _product(item: dict[str, Any]) -> dict[str, Any]:
    """An item's fields under their names here; one item is one piece where it says nothing else, as in GA4."""
    product = {ITEM_FIELDS.get(key, key): value for key, value in item.items()}
    if "product_id" not in product and "name" in product:
        product["product_id"] = product["name"]
    product.setdefault("quantity", 1)
    return product


def _path(properties: dict[str, Any]) -> dict[str, Any]:
    """The path of a page's address."""
    url = properties.get("url")
    if url.__class__ is not str:
        return {}
    assert isinstance(url, str)
    after_host = url.partition("//")[2] or url
    slash = after_host.find("/")
    path = after_host[slash:] if slash >= 0 else "/"
    return {"path": path.partition("#")[0].partition("?")[0]}


def _user_properties(given: Any) -> dict[str, Any]:
    if given.__class__ is not dict:
        return {}
    return {
        name: value["value"] if value.__class__ is dict and "value" in value else value for name, value in given.items()
    }


def _consent(given: Any) -> dict[str, bool]:
    """The user's answers by category, such as `ad_user_data`; of what GA4 does not know nothing is taken."""
    if given.__class__ is not dict:
        return {}
    return {name: value == "GRANTED" for name, value in given.items() if value in ("GRANTED", "DENIED")}


def _timestamp(micros: Any) -> dict[str, str]:
    """The time of an event. MessageError for what lies before 2001 as microseconds: it is in another unit."""
    if micros is None or micros == "":
        return {}
    try:
        number = int(micros)
    except (TypeError, ValueError, OverflowError):
        raise MessageError("invalid-time", f"timestamp_micros is not a number: {micros!r:.40}") from None
    if not MICROS_MIN <= number <= MICROS_MAX:
        unit = next((name for name, size in _UNITS.items() if MICROS_MIN <= number * size <= MICROS_MAX), None)
        meant = "before 2001 or after 2286" if unit is None else f"no microseconds; these look like {unit}"
        raise MessageError("invalid-time", f"timestamp_micros is {micros!r:.40}: {meant}")
    return {"timestamp": iso_text(number // 1000)}
