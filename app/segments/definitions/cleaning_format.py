"""The form of `cleaning.yaml`, for its reader and for editors."""

from typing import Final

from app.segments.definitions.form import Form, Key, Missing
from app.segments.definitions.value_types import AnyValue, AnyValues, ListOf, Names, Text, TextOrTexts

CLEANING_RULES_MAX: Final = 100
CLEANING_MAP_MAX: Final = 1_000
CLEANING_STEPS: Final = ("trim", "lower")
CLEANED_EVENT: Final = Key(
    "event",
    TextOrTexts("The name of a track event."),
    "The name of a track event, or a list of names.",
    Missing("a rule needs event", "write event: Product Viewed"),
)
CLEANED_PROPERTY: Final = Key(
    "property",
    Text(),
    "The property to be cleaned, such as category or products.category.",
    Missing("a rule needs property", "write property: category"),
)
CLEANING_DO: Final = Key(
    "do", Names(CLEANING_STEPS), "Steps for a text, in their order: trim (blanks around it), lower (small letters)."
)
CLEANING_MAP: Final = Key("map", AnyValues(), "A text as it is after do: what stands in its place.")
CLEANING_DEFAULT: Final = Key(
    "default", AnyValue(), "What stands for a value that is missing, null or an empty text after do and map."
)
CLEANING_RULE: Final = Form(
    "cleaning_rule",
    "a rule",
    "What is done to a property of an event before definitions read it.",
    (CLEANED_EVENT, CLEANED_PROPERTY, CLEANING_DO, CLEANING_MAP, CLEANING_DEFAULT),
)
CLEANING_RULES: Final = Key(
    "rules",
    ListOf("cleaning_rule", "{event: Product Viewed, property: category, do: [lower]}", 1, CLEANING_RULES_MAX),
    "The rules, applied in their order.",
    Missing("cleaning.yaml needs rules", "write rules: [{event: Product Viewed, property: category, do: [lower]}]"),
)
CLEANING: Final = Form(
    "cleaning",
    "cleaning.yaml",
    "cleaning.yaml: rules that clean values before definitions read them.",
    (CLEANING_RULES,),
)

CLEANING_FORMS: Final = (CLEANING, CLEANING_RULE)
