"""Documents with any value replaced, removed or doubled never crash the import, and what is written stays valid."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from app.errors import UserError
from app.imports.translation import PRODUCTS, Translation, translate
from app.segments.definitions.catalog import load_catalog
from tests.unit.imports.golden_files import HERE

SEED = 20_261_128
ROUNDS = 20
JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    1e300,
    "",
    "x",
    "'",
    "\x1b",
    [],
    [[]],
    {},
    {"type": "AND"},
    [None],
    "2026-13-01",
    10**30,
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container with a key of it."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from places(item)


def mutated(document: Any, dice: random.Random) -> Any:
    """A copy of the document with one to three changes."""
    copy = json.loads(json.dumps(document))
    for _ in range(dice.randint(1, 3)):
        found = list(places(copy))
        if not found:
            return copy
        container, key = dice.choice(found)
        match dice.randrange(3):
            case 0:
                container[key] = dice.choice(JUNK)
            case 1:
                del container[key]
            case _:
                other, at = dice.choice(found)
                container[key] = (
                    json.loads(json.dumps(other[at]))
                    if at in other or (isinstance(at, int) and at < len(other))
                    else None
                )
    return copy


def single(product: str) -> list[Any]:
    """Documents with one definition each."""
    document = json.loads((HERE / "given" / f"{product}.json").read_bytes())
    match product:
        case "klaviyo":
            return [{"data": one, "included": document["included"]} for one in document["data"]]
        case "segment-engage":
            return [{"data": {"audience": one}} for one in document["data"]["audiences"]]
        case "posthog":
            return list(document["results"])
        case _:
            return list(document)


def translated(product: str, document: Any) -> Translation | None:
    try:
        return translate(product, json.dumps(document).encode(), "x.json")
    except UserError:
        return None


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_mutated_document_gives_valid_files_gaps_or_a_clear_error(product: str) -> None:
    dice = random.Random(SEED)
    documents = single(product)
    for number in range(ROUNDS):
        document = mutated(dice.choice(documents), dice)
        said = (SEED, number, json.dumps(document))
        translation = translated(product, document)
        if translation is None:
            continue
        assert translation.files or translation.gaps, said
        assert all(str(gap).isprintable() for gap in translation.gaps), said
        if translation.files:
            load_catalog(translation.files)
