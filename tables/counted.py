"""Counters of limits that were reached and of values that could not be used.

Who remembers is given a counter, and counts there only where something is dropped or passed over.
"""

from collections import Counter
from typing import Final, TypeAlias

Counted: TypeAlias = Counter[str]

EVENT_DROPPED: Final = "event_dropped"
VALUE_DROPPED: Final = "value_dropped"
CART_ITEM_DROPPED: Final = "cart_item_dropped"
CART_ITEM_IGNORED: Final = "cart_item_ignored"
ABSENT_DROPPED: Final = "absent_dropped"
MESSAGE_ID_DROPPED: Final = "message_id_dropped"
NO_NUMBER: Final = "no_number"
NO_INSTANT: Final = "no_instant"
NUMBER_OUT_OF_RANGE: Final = "number_out_of_range"
TEXT_SHORTENED: Final = "text_shortened"
CUT_TEXT_SEARCHED: Final = "cut_text_searched"
LIST_SHORTENED: Final = "list_shortened"
WAITING_TAKEN: Final = "waiting_taken"
MERGE_INEXACT: Final = "merge_inexact"
LINK_FOREIGN: Final = "link_foreign"
LIST_FOREIGN: Final = "list_foreign"
LINK_LIMITED: Final = "link_limited"
ERASED_DROPPED: Final = "erased_dropped"
FILL_DROPPED: Final = "fill_dropped"

MEANINGS: Final = {
    EVENT_DROPPED: "an event still in its window, beyond the 1,000 latest of an aggregate",
    VALUE_DROPPED: "a value beyond the 100 of per, distinct, once per, matching",
    CART_ITEM_DROPPED: "a product beyond the 100 in the cart",
    CART_ITEM_IGNORED: "a product of a cart event without an id, or with a quantity not above 0",
    ABSENT_DROPPED: "an event of then no ... that could still discard a completion, beyond the 100 latest",
    MESSAGE_ID_DROPPED: "a message id of the last 24 h, beyond the 1,000 latest",
    NO_NUMBER: "a text that is not a number, or a boolean, where a number is needed",
    NO_INSTANT: "a value that is no instant where one is needed, each time it is looked at",
    NUMBER_OUT_OF_RANGE: "a number beyond 10^12 where one is summed or compared, beyond a double elsewhere",
    TEXT_SHORTENED: "a text too long to be remembered as it is",
    CUT_TEXT_SEARCHED: "a contains, starts with or matches that what is left of a long text does not decide",
    WAITING_TAKEN: "an event taken before its turn, since more than 1,000 or 256 KiB of its user waited (order)",
    MERGE_INEXACT: "a value of once per that two users who became one both knew, and whose event counts twice",
    LINK_FOREIGN: "a link or control record of another app on the same topic, passed over",
    LIST_FOREIGN: "a list record of another app on the same topic, passed over",
    LINK_LIMITED: "an anonymous id not claimed, since its user has claimed as many as may be within 30 days",
    ERASED_DROPPED: "an event or link record from before its user was erased",
    FILL_DROPPED: "a record of a backfill that is over, or of a key that has moved or was erased",
    LIST_SHORTENED: "a list of more than 20 values where one is remembered",
}
"""Every name, with what one of it is."""
