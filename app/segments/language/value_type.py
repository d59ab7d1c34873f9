"""The kinds of values that expressions have."""

from enum import Enum


class Type(Enum):
    """The kind of a value, in the words of messages."""

    NUMBER = "a number"
    TEXT = "a text"
    BOOLEAN = "true or false"
    DURATION = "a duration"
    INSTANT = "an instant"
    LIST = "a list"
    DYNAMIC = "a property"
    """Known only when it is there: number, text, boolean or a list of these. Never a duration, never an instant."""
