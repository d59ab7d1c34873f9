"""Compares two JSON Schemas: does one accept all that the other accepts? Only the part that our files use."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
FOR_PEOPLE = {"title", "description", "$schema", "$id", "$defs", "default", "examples"}
LOWER = {"minimum", "minLength", "minItems"}
UPPER = {"maximum", "maxLength", "maxItems"}


def narrower(old: Schema, new: Schema, place: str = "") -> Iterator[str]:
    """Yields the places where `new` refuses something that `old` accepts, or where that cannot be decided."""
    yield from _narrower(old, new, place, old, new)


def _narrower(old: Any, new: Any, place: str, old_root: Schema, new_root: Schema) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    for word in sorted(new.keys() - FOR_PEOPLE - {"properties", "items"}):
        wanted, had = new[word], old.get(word)
        if wanted == had:
            continue
        if word == "required":
            for name in sorted(set(wanted) - set(had or ())):
                yield f"{place}/{name} is required now"
        elif word == "type":
            if had is None or not _types(had) <= _types(wanted):
                yield f"{place} had the types {sorted(_types(had)) if had else 'all'}, has {sorted(_types(wanted))}"
        elif word == "enum":
            before = had if had is not None else [old["const"]] if "const" in old else None
            if before is None or any(value not in wanted for value in before):
                yield f"{place} had the values {before}, has {wanted}"
        elif word in LOWER:
            if had is None or had < wanted:
                yield f"{place} has {word} {wanted}, had {had}"
        elif word in UPPER:
            if had is None or had > wanted:
                yield f"{place} has {word} {wanted}, had {had}"
        else:
            yield f"{place} has another {word}: {wanted!r}, had {had!r}"
    for name, schema in new.get("properties", {}).items():
        yield from _narrower(old.get("properties", {}).get(name, {}), schema, f"{place}/{name}", old_root, new_root)
    if "items" in new:
        yield from _narrower(old.get("items", {}), new["items"], f"{place}/*", old_root, new_root)


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Any = root
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}


def _types(given: Any) -> set[str]:
    types = {given} if isinstance(given, str) else set(given)
    return types | ({"integer"} if "number" in types else set())
