"""Definitions that ask for the line of their product in the cart (`item.quantity`), and events that fill carts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.segments.definitions.cart_policy import CartPolicy
from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE
from tests.model.messages import Record
from tests.model.oracle import Step
from tests.properties.catalogs import yaml_of
from tests.properties.scenario import CARTS, Pause
from tests.support.choices import Choices

Moments = list[tuple[Step, Pause]]
PRODUCTS: tuple[Any, ...] = ("a", "a", "a", "b", "b", 1, "1", "d", None)
PRICES: tuple[Any, ...] = (1, 2.5, 2.5, 10, "3", 0, -1, None, None)
QUANTITIES: tuple[Any, ...] = (1, 1, 2, 3, 0.5, 0, None, None)
OVER = ("1s", "2s", "3s", "10s", "1m")


def by_product(choices: Choices, files: Mapping[str, str], moments: Moments) -> tuple[dict[str, str], Moments]:
    """The scenario with more definitions, all of which can be read, and with carts."""
    found = dict(files)
    settings = found.get(SETTINGS_FILE, "")
    if "cart:" not in settings and choices.chance(40):
        found[SETTINGS_FILE] = settings + choices.one_of(*CARTS)
    policy = load_catalog(found).settings.cart
    for file, text in _definitions(choices, policy).items():
        try:
            load_catalog({**found, file: text})
        except CatalogError:
            continue
        found[file] = text
    fill = [each for each in (*policy.add, *policy.replace) if each not in policy.remove]
    names = [*fill * 5, *policy.remove * 2, *policy.replace, *policy.order, *policy.clear]
    return found, [
        (
            _with_products(choices, step, names, policy) if isinstance(step, Record) and choices.chance(75) else step,
            pause,
        )
        for step, pause in moments
    ]


def _with_products(choices: Choices, step: Record, names: Sequence[str], policy: CartPolicy) -> Record:
    """The event as one of the cart, about few products."""
    try:
        said = json.loads(step.value or b"")
        properties = said["properties"]
        said["event"] = choices.one_of(said["event"], *names)
        properties |= _line(choices, policy)
        if choices.chance(40):
            properties[policy.products] = [_line(choices, policy) for _ in range(choices.whole(0, 3))]
        return replace(step, value=json.dumps(said, allow_nan=False).encode())
    except (ValueError, KeyError, TypeError):
        return step


def _line(choices: Choices, policy: CartPolicy) -> dict[str, Any]:
    found = {name: choices.one_of("a", "b", 1, None) for name in policy.key}
    found |= {
        policy.key[0]: choices.one_of(*PRODUCTS),
        policy.price: choices.one_of(*PRICES),
        policy.quantity: choices.one_of(*QUANTITIES),
    }
    return {name: value for name, value in found.items() if value is not None}


def _definitions(choices: Choices, policy: CartPolicy) -> dict[str, str]:
    """Definitions by product, and some that ask for them."""
    found = {"la.yaml": yaml_of(_by_line(choices, policy, "la"))}
    for name in ("lb", "le"):
        if choices.chance(60):
            found[f"{name}.yaml"] = yaml_of(_by_line(choices, policy, name))
    if choices.chance(40):
        found["lc.yaml"] = yaml_of({"segment": "lc", "when": choices.one_of("segment('la')", "not segment('la')")})
    if choices.chance(30):
        count = {"left": "count(segment('la'))"}
        found["ld.yaml"] = yaml_of({"segment": "ld", "when": "never('Nothing')", "attach": count, "updates": ["left"]})
    return found


def _by_line(choices: Choices, policy: CartPolicy, name: str) -> dict[str, Any]:
    over, more = choices.one_of(*OVER), choices.one_of("3s", "10s", "1m", "1h")
    event = f"'{choices.one_of(*policy.add, *policy.order, 'A')}'"
    conditions = (
        "item.quantity > 0",
        "item.quantity >= 2",
        "item.quantity in [1, 3]",
        f"item.quantity > 0 and item.idle >= {over}",
        f"item.quantity > 0 and item.idle >= {over} and item.idle < {more}",
        f"item.idle >= {over} and item.price > 2",
        f"item.idle > {over} and item.idle <= {more}",
        f"item.idle * 2 >= {over}",
        f"not item.idle < {over}",
        "item.price is known",
        "item.price is missing",
        "item.idle is missing",
        "item.quantity * item.price > 5",
        "item.quantity = 0",
        f"exists({event} within {more}) and item.quantity > 0",
        f"exists({event} within {over}) or item.quantity > 1",
        f"not exists({event} within {more}) and item.quantity > 0",
        f"count({event}) >= 2 and item.idle >= {over}",
        f"since({event}) >= {over} and item.quantity = 0",
        "item.quantity > 0 and user.id != 'x'",
        "item.quantity > 0 and not traits.plan = 'pro'",
        "item.quantity > 0 and not list('vip')",
    )
    keys: dict[str, Any] = {"segment": name, "each": _each(choices, policy, event)}
    if choices.chance(12):
        enter, leave = choices.one_of(*conditions), choices.one_of(*conditions)
        keys |= {"enter": enter, "exit": leave}
    elif name == "lb" and choices.chance(40):
        keys["when"] = f"segment('la') and {choices.one_of(*conditions)}"
    elif choices.chance(15):
        keys["when"] = f"exists({event} within {more})"
    else:
        keys["when"] = choices.one_of(*conditions)
    for key in ("for", "hold", "cooldown"):
        if choices.chance(20):
            keys[key] = choices.one_of(*OVER)
    attach = {"q": "item.quantity", "p": "item.price", "v": "item.quantity * item.price"}
    if choices.chance(60):
        keys["attach"] = attach
        if choices.chance(60):
            keys["updates"] = choices.one_of(["q"], ["p"], ["q", "p", "v"])
    elif choices.chance(30):
        keys["attach"] = {"idle": "item.idle"}
    return keys


def _each(choices: Choices, policy: CartPolicy, event: str) -> Any:
    path = choices.one_of(policy.key[0], policy.key[0], f"{policy.products}.{policy.key[0]}")
    if choices.chance(80):
        return path
    names = (*policy.add, *policy.replace)
    of = choices.one_of(event, *(f"'{each}'" for each in names), f"'{names[0]}' where {policy.price} > 2")
    return {"value": path, "of": of}
