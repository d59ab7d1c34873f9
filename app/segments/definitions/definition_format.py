"""The form of definition files: mappings, their keys, types and rules. Readers and the JSON Schema both come from it.

A key that is added here can be read by `KEY.read(fields)`, is known to messages ("unknown key ...") and to editors.
"""

from typing import Final

from app.segments.definitions.cleaning_format import CLEANING_FORMS
from app.segments.definitions.form import Form, Key, Missing
from app.segments.definitions.value_types import (
    AnyValue,
    AnyValues,
    Choice,
    Count,
    Duration,
    Expression,
    Flag,
    ListOf,
    MappingsByName,
    Name,
    NamedExpressions,
    Names,
    Number,
    NumbersByName,
    OneOf,
    Pattern,
    Schema,
    Text,
    TextOrOneOf,
    Texts,
    Truth,
    WrittenText,
)
from app.segments.definitions.yaml_fields import Fields

NAME_LENGTH_MAX: Final = 64
ATTACH_MAX: Final = 50
POINTS_MAX: Final = 100
COUNT_MAX: Final = 1_000
DEFAULT_START: Final = "2026-01-05T00:00:00Z"
"""A Monday."""

# ---- rules


class WhenOrEnterAndExit:
    """A segment has `when`, or both `enter` and `exit`."""

    def check(self, fields: Fields) -> None:
        if "when" in fields:
            for key in ("enter", "exit"):
                if key in fields:
                    message = f"when and {key} exclude each other"
                    fields.source.wrong(fields.key(key), message, "write either when, or enter and exit")
        elif "enter" not in fields and "exit" not in fields:
            fields.source.wrong(fields.key("segment"), "a segment needs a condition", "write when: cart.items > 0")
        else:
            for key, other in (("enter", "exit"), ("exit", "enter")):
                if other not in fields:
                    hint = f"add the line {other}: <condition>, or write when instead of {key}"
                    fields.source.wrong(fields.key(key), f"{key} needs {other}", hint)

    def schema(self) -> Schema:
        return {
            "oneOf": [{"required": ["when"]}, {"required": ["enter", "exit"]}],
            "dependentRequired": {"enter": ["exit"], "exit": ["enter"]},
        }


class HalfLifeOrWithin:
    """A score has `half_life`, `within` or neither."""

    def check(self, fields: Fields) -> None:
        if "half_life" in fields and "within" in fields:
            fields.source.wrong(
                fields.key("within"), "half_life and within exclude each other", "leave one of them out"
            )

    def schema(self) -> Schema:
        return {"not": {"required": ["half_life", "within"]}}


class OnOrWhen:
    """Points have `on` or `when`."""

    def check(self, fields: Fields) -> None:
        if ("on" in fields) == ("when" in fields):
            fields.source.wrong(
                fields.node,
                "points need either on or when",
                "write on: <event> for points at each event, when: <condition> for points while it is true",
            )

    def schema(self) -> Schema:
        return {"oneOf": [{"required": ["on"]}, {"required": ["when"]}]}


# ---- a segment

TITLE: Final = Key("title", Text(), "A short title, for people.")
DESCRIPTION: Final = Key("description", Text(), "What it is for, in words.")
OWNER: Final = Key("owner", Text(), "Who is responsible.")
TAGS: Final = Key("tags", Texts("A tag."), "Words to find it by.")
FOR_PEOPLE: Final = (TITLE, DESCRIPTION, OWNER, TAGS)

SEGMENT_NAME: Final = Key(
    "segment",
    Name(),
    "The name of the segment: lower-case letters, digits, -, at most 64 characters.",
    Missing("a segment needs a name"),
)
WHEN: Final = Key("when", Expression(), "In the segment exactly while this is true.")
ENTER: Final = Key("enter", Expression(), "Enters when this is true and exit is not. Goes with exit.")
EXIT: Final = Key("exit", Expression(), "Leaves when this is true. Goes with enter.")
FOR: Final = Key("for", Duration(), "Must have been true without a break this long before entering.")
HOLD: Final = Key("hold", Duration(), "Once in, stays at least this long.")
COOLDOWN: Final = Key("cooldown", Duration(), "Once out, does not enter again this long.")
ATTACH: Final = Key("attach", NamedExpressions(ATTACH_MAX), "Named values sent with each change.")
UPDATES: Final = Key(
    "updates", Names(), "Names out of attach: while in, a change of one of them writes a change updated."
)
WARMUP: Final = Key(
    "warmup",
    Choice(("none", "wait")),
    "wait: no changes until the windows of the segment have been seen in full.",
)
TOPIC: Final = Key("topic", Flag(), "Also write the changes to the topic segment.<name>.")
STATUS: Final = Key(
    "status",
    Choice(("live", "draft", "retired")),
    "draft: tests and backtests only; retired: everyone exits.",
)
REQUIRES: Final = Key("requires", Names(), "Purposes of consent.yaml: only users who agree to all of them are in.")
EXPERIMENT: Final = Key("experiment", OneOf("experiment"), "Groups of users, to find out what the segment is good for.")
PERSONA: Final = Key("persona", OneOf("persona"), "The kind of people in it, in words; changes nothing.")
EACH: Final = Key(
    "each", TextOrOneOf("each"), "A property of the events: a membership for each of its values, with its own times."
)
TESTS: Final = Key("tests", ListOf("test", "name: ..., then events and expect"), "Time-travel tests.")
SEGMENT: Final = Form(
    "segment",
    "a segment",
    "A segment: who belongs to it, and when.",
    (
        *(SEGMENT_NAME, *FOR_PEOPLE, WHEN, ENTER, EXIT, FOR, HOLD, COOLDOWN),
        *(EACH, REQUIRES, EXPERIMENT, ATTACH, UPDATES, WARMUP, TOPIC, STATUS, PERSONA, TESTS),
    ),
    (WhenOrEnterAndExit(),),
)

# ---- a persona

PERSONA_NAME: Final = Key(
    "name",
    Text(),
    "What these people are called.",
    Missing("a persona needs a name", "write name: Bargain hunters"),
)
PERSONA_TRAITS: Final = Key("traits", Texts("A trait."), "What they have in common.")
PERSONA_PICTURE: Final = Key("picture", Text(), "The address of a picture, https://...")
PERSONA_OFFER: Final = Key("offer", Text(), "What is good for them.")
PERSONA_FORM: Final = Form(
    "persona",
    "a persona",
    "The kind of people in a segment, for those who write to them.",
    (PERSONA_NAME, PERSONA_TRAITS, PERSONA_PICTURE, PERSONA_OFFER),
)

# ---- the values of a segment

EACH_VALUE: Final = Key(
    "value", Text(), "The property whose values there are.", Missing("each needs a value", "write value: category")
)
EACH_OF: Final = Key("of", Pattern(), "The events that make a value known; all events of the definition if left out.")
EACH_FORM: Final = Form("each", "each", "A membership for each value of a property.", (EACH_VALUE, EACH_OF))

# ---- an experiment

GROUPS_MAX: Final = 20
EXPERIMENT_NAME: Final = Key(
    "name",
    Name(),
    "The name of the experiment; segments with the same experiment share its groups.",
    Missing("an experiment needs a name", "write name: cart-mail"),
)
EXPERIMENT_GROUPS: Final = Key(
    "groups",
    NumbersByName(GROUPS_MAX),
    "Groups, each with its share of all users in per cent; destinations leave out the group holdout.",
    Missing("an experiment needs groups", "write groups: {holdout: 10, mail: 90}", at="name"),
)
EXPERIMENT_SALT: Final = Key("salt", Text(), "Another text divides the users in another way; the name if left out.")
EXPERIMENT_START: Final = Key("start", Text(), "Entries before this instant are not part of the experiment.")
EXPERIMENT_LAYER: Final = Key("layer", Text(), "The experiments of a layer have disjoint users.")
EXPERIMENT_FROM: Final = Key("from", Number(), "The place of the first group in the layer, from 0 to 100.")
EXPERIMENT_FORM: Final = Form(
    "experiment",
    "an experiment",
    "An experiment: which users are in which group.",
    (EXPERIMENT_NAME, EXPERIMENT_GROUPS, EXPERIMENT_SALT, EXPERIMENT_START, EXPERIMENT_LAYER, EXPERIMENT_FROM),
)

# ---- a score

SCORE_NAME: Final = Key("score", Name(), "The name of the score.", Missing("a score needs a name"))
HALF_LIFE: Final = Key("half_life", Duration(), "Points of events lose half their worth in this time.")
WITHIN: Final = Key("within", Duration(), "Points of an event count while it is in this window.")
POINTS_LIST: Final = Key(
    "points",
    ListOf("points", "{on: Product Added, add: 20}", least=1, most=POINTS_MAX),
    "What gives points.",
    Missing("a score needs points", "write points: and below it - {on: Product Added, add: 20}", at="score"),
)
SCORE: Final = Form(
    "score",
    "a score",
    "A weighted score, used as score('name') >= 50.",
    (SCORE_NAME, *FOR_PEOPLE, HALF_LIFE, WITHIN, POINTS_LIST),
    (HalfLifeOrWithin(),),
)
POINTS_ON: Final = Key("on", Pattern(), "An event pattern: the points are added at each such event.")
POINTS_WHEN: Final = Key("when", Expression(), "A condition: the points count while it is true.")
ADD: Final = Key("add", Number(), "How many points.", Missing("points need add", "write add: 20"))
POINTS: Final = Form(
    "points", "points", "Points for an event or for a condition.", (POINTS_ON, POINTS_WHEN, ADD), (OnOrWhen(),)
)

# ---- a test

TEST_NAME: Final = Key("name", Text(), "What is tested, as a sentence.", Missing("a test needs name"))
START: Final = Key("start", Text(DEFAULT_START), f"When the test begins; {DEFAULT_START} if left out.")
EVENTS: Final = Key("events", ListOf("event", "{at: 0m, event: Product Viewed}"), "In order of arrival.")
EXPECT: Final = Key(
    "expect", ListOf("expectation", "{at: 1m, in: true}", least=1), missing=Missing("a test needs expect")
)
TEST: Final = Form("test", "a test", "Invented events, and what must hold when.", (TEST_NAME, START, EVENTS, EXPECT))

_AT_HINT: Final = "write at: 5m for five minutes after the start of the test"
EVENT_AT: Final = Key(
    "at", Duration(), "When it arrives, after the start of the test.", Missing("an event needs at", _AT_HINT)
)
EVENT_TIME: Final = Key("time", Duration(), "Its own time, after the start of the test, where that differs from at.")
EVENT_TYPE: Final = Key("type", Choice(("track", "page", "screen", "identify", "group", "alias")))
EVENT_NAMES: Final = (
    Key("event", WrittenText(), "The name of the event."),
    Key("name", WrittenText(), "The name of a page or screen."),
)
EVENT_VALUES: Final = (
    Key("properties", AnyValues(), "The properties of the event."),
    Key("traits", AnyValues(), "The traits of an identify message."),
    Key("context", AnyValues(), "Device, page, campaign, location ..."),
)
EVENT_IDS: Final = (
    Key("messageId", WrittenText(), "An id by which repeats are recognised."),
    Key("userId", WrittenText(), "Who it is; makes user.identified true."),
    Key("anonymousId", WrittenText(), "Who it is, for somebody who is not known."),
    Key("groupId", WrittenText(), "The group of a group message."),
    Key("previousId", WrittenText(), "The former id of an alias message."),
)
EVENT_AS: Final = Key("as", WrittenText(), "The anonymousId of the event, in short: as: guest-1.")
EVENT_LISTS: Final = (
    Key("on_list", WrittenText(), "In place of an event: the user is put on this static list."),
    Key("off_list", WrittenText(), "In place of an event: the user is taken off this static list."),
)
EVENT_POPULATION: Final = Key(
    "population", AnyValues(), "In place of an event: the numbers of all users: {top(10%): 250}."
)
EVENT: Final = Form(
    "event",
    "an event",
    "One event of a test.",
    (
        EVENT_AT,
        EVENT_TIME,
        EVENT_NAMES[0],
        EVENT_TYPE,
        EVENT_NAMES[1],
        *EVENT_VALUES,
        *EVENT_IDS,
        EVENT_AS,
        *EVENT_LISTS,
        EVENT_POPULATION,
    ),
)

EXPECTED_AT: Final = Key(
    "at",
    Duration(),
    "When, after the start of the test and everything due at that instant.",
    Missing("an expectation needs at", _AT_HINT),
)
EXPECTED_IN: Final = Key("in", Truth(), "Whether the user is in the segment.")
EXPECTED_ATTACH: Final = Key("attach", AnyValues(), "The values sent last.")
EXPECTED_VALUE: Final = Key("value", AnyValue(), "The value that it is about, in a segment with each; any if left out.")
EXPECTED_AS: Final = Key("as", WrittenText(), "Whom it is about, where the events of a test are of several users.")
EXPECTATION: Final = Form(
    "expectation",
    "an expectation",
    "What must hold.",
    (EXPECTED_AT, EXPECTED_VALUE, EXPECTED_IN, EXPECTED_ATTACH, EXPECTED_AS),
)

# ---- catalog.yaml

ORDER: Final = Key("order", OneOf("order"), "Events wait for those that happened before them.")
ZONE: Final = Key("zone", Text("UTC"), "The time zone of dates and clocks that name none, such as Europe/Berlin.")
SHOP_CART: Final = Key("cart", OneOf("shop_cart"), "The events of the cart of a shop that names them in another way.")
HOLDOUT: Final = Key("holdout", OneOf("holdout"), "Users who are left out of what all segments are good for.")
SETTINGS: Final = Form(
    "settings",
    "catalog.yaml",
    "catalog.yaml: what holds for all definitions of the folder.",
    (ORDER, ZONE, SHOP_CART, HOLDOUT),
)
HOLDOUT_SHARE: Final = Key(
    "share", Number(), "The share of all users in per cent.", Missing("a holdout needs share", "write share: 5")
)
HOLDOUT_NAME: Final = Key("name", Name(), "The name of its experiment; holdout if left out.")
HOLDOUT_FORM: Final = Form(
    "holdout",
    "holdout",
    "Users who are left out of what all segments are good for.",
    (HOLDOUT_SHARE, HOLDOUT_NAME, EXPERIMENT_SALT, EXPERIMENT_START),
)
CART_ADD: Final = Key("add", Texts("An event."), "Events that put products into the cart: [Product Added] if left out.")
CART_REMOVE: Final = Key("remove", Texts("An event."), "Events that take products out: [Product Removed] if left out.")
CART_CLEAR: Final = Key("clear", Texts("An event."), "Events that empty the cart: [Cart Cleared] if left out.")
CART_ORDER: Final = Key("order", Texts("An event."), "Events of an order: [Order Completed] if left out.")
CART_REPLACE: Final = Key("replace", Texts("An event."), "Events whose products are the whole cart from then on.")
ORDER_TAKES: Final = Key(
    "order_takes",
    Choice(("all", "listed")),
    "What an order takes out of the cart: all, or the products that it lists.",
)
CART_KEY: Final = Key(
    "key", Texts("A property."), "Properties that together say which product it is: [product_id] if left out."
)
CART_QUANTITY: Final = Key("quantity", Text(), "The property with the quantity: quantity if left out.")
CART_PRICE: Final = Key("price", Text(), "The property with the price: price if left out.")
CART_PRODUCTS: Final = Key("products", Text(), "The property with the list of products: products if left out.")
SHOP_CART_FORM: Final = Form(
    "shop_cart",
    "cart",
    "The events that change the cart, their properties, and what an order takes out of the cart.",
    (
        CART_ADD,
        CART_REMOVE,
        CART_CLEAR,
        CART_ORDER,
        CART_REPLACE,
        ORDER_TAKES,
        CART_KEY,
        CART_QUANTITY,
        CART_PRICE,
        CART_PRODUCTS,
    ),
)
WAIT: Final = Key(
    "wait",
    Duration(),
    "How long, such as 5s; at most 10m. Every change is delayed by this time.",
    Missing("order needs wait", "write order: {wait: 5s}"),
)
ORDER_FORM: Final = Form(
    "order",
    "order",
    "Events of a user that overtake each other on their way are put in the order of their own times.",
    (WAIT,),
)

# ---- identity.yaml

FOLLOW: Final = Key(
    "follow",
    Choice(("always", "before")),
    "Events of an id that are its user's: all, or those before its last claim.",
)
LOGOUT: Final = Key("logout", Texts("An event."), "Names of events after which the anonymousId is nobody's.")
BLOCKED: Final = Key("blocked", Texts("An id."), "Ids that never become a user's.")
DEVICES_MAX: Final = Key("devices_max", Count(20, COUNT_MAX), "Ids that become one user's within 30 days.")
SWITCHES_MAX: Final = Key(
    "switches_max", Count(4, COUNT_MAX), "Changes of hands within 30 days; with more the id is shared."
)
CART: Final = Key(
    "cart",
    Choice(("max", "sum", "user")),
    "The quantity of a product in both carts: the larger, both together, or the user's; max if left out.",
)
TRUST_ALIAS: Final = Key("trust_alias", Truth(), "An alias makes its previousId the user's; true if left out.")
IDENTITY: Final = Form(
    "identity",
    "identity.yaml",
    "identity.yaml: which keys are one person. An empty file has the defaults.",
    (FOLLOW, LOGOUT, BLOCKED, DEVICES_MAX, SWITCHES_MAX, TRUST_ALIAS, CART),
)

# ---- consent.yaml

PURPOSES_MAX: Final = 20
CONSENT_FROM_USUAL: Final = "context.consent.categoryPreferences"
CONSENT_FROM: Final = Key("from", Text(CONSENT_FROM_USUAL), "Where events say what their user agrees to.")
PURPOSES: Final = Key(
    "purposes",
    MappingsByName("purpose", PURPOSES_MAX),
    "The purposes that users agree to, by name.",
    Missing("consent.yaml needs purposes", "write purposes: {marketing: {default: denied}}"),
)
PURPOSE_DEFAULT: Final = Key("default", Choice(("denied", "granted")), "What holds until a user has said something.")
CATEGORY: Final = Key("category", Text(), "The name of the purpose in the events; its own name if left out.")
COLLECT: Final = Key(
    "collect", Truth(), "The collector takes only the answer of an event that denies it; false if left out."
)
PURPOSE: Final = Form("purpose", "a purpose", "A purpose that users agree to.", (PURPOSE_DEFAULT, CATEGORY, COLLECT))
CONSENT: Final = Form(
    "consent", "consent.yaml", "consent.yaml: what users agree to, and where events say so.", (CONSENT_FROM, PURPOSES)
)

_OF_SETTINGS: Final = (SETTINGS, ORDER_FORM, SHOP_CART_FORM, HOLDOUT_FORM, IDENTITY, CONSENT, PURPOSE, *CLEANING_FORMS)
_OF_SEGMENTS: Final = (SEGMENT, EACH_FORM, PERSONA_FORM, EXPERIMENT_FORM)
FORMS: Final = (*_OF_SETTINGS, *_OF_SEGMENTS, SCORE, POINTS, TEST, EVENT, EXPECTATION)
