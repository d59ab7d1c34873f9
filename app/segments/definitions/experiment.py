"""Experiments: groups of the users of a segment, or of all segments, each of a fixed share of all users."""

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from app.segments.definitions.definition_format import (
    DEFAULT_START,
    EXPERIMENT,
    EXPERIMENT_FORM,
    EXPERIMENT_FROM,
    EXPERIMENT_GROUPS,
    EXPERIMENT_LAYER,
    EXPERIMENT_NAME,
    EXPERIMENT_SALT,
    EXPERIMENT_START,
    GROUPS_MAX,
    HOLDOUT,
    HOLDOUT_FORM,
    HOLDOUT_NAME,
    HOLDOUT_SHARE,
    NAME_LENGTH_MAX,
)
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_instants import instant_ms_of

STEPS: Final = 10_000
STEPS_OF_ONE_PER_CENT: Final = 100
HELD_OUT: Final = "holdout"
"""The group that nothing is done to."""
REACHED: Final = "reached"
"""The other group of the holdout of a catalog."""
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_GROUP: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One experiment.

    groups: each with its share, in steps of 0.01 %. salt: of the bucket of a user; users whose bucket is from
    `from_step` on are in the groups, in their order. start_ms: entries before it are not part of it. layer: its
    experiments have disjoint users. is_universal: it is about all segments.
    """

    name: str
    groups: tuple[tuple[str, int], ...]
    salt: str
    start_ms: int = 0
    from_step: int = 0
    layer: str | None = None
    is_universal: bool = False

    @property
    def end_step(self) -> int:
        """The first step behind the last group."""
        return self.from_step + sum(share for _, share in self.groups)

    def meaning(self) -> list[Any]:
        """All that makes it what it is, in one order."""
        groups = [[name, share] for name, share in self.groups]
        return [self.name, self.salt, self.start_ms, self.from_step, groups]

    def text(self) -> str:
        """The groups for people, in one line."""
        return ", ".join(f"{name} {share / STEPS_OF_ONE_PER_CENT:g} %" for name, share in self.groups)


def read_experiment(fields: Fields) -> Experiment | None:
    """The experiment of a segment. None if it has none, or has problems, which are added to the file's."""
    node = EXPERIMENT.read(fields)
    if node is None:
        return None
    own = EXPERIMENT_FORM.fields(fields.source, node)
    name = _name(own, EXPERIMENT_NAME.read(own))
    groups = _groups(own)
    layer = EXPERIMENT_LAYER.read(own) or None
    if layer is None and "from" in own:
        own.wrong("from", "from is the place in a layer", "add layer: <name>, or leave from out")
    if layer is not None and "salt" in own:
        own.wrong("salt", "salt and layer exclude each other", "the experiments of a layer share its salt")
    from_step = _step(own, "from", EXPERIMENT_FROM.read(own) or 0)
    if from_step + sum(groups.values()) > STEPS:
        total = (from_step + sum(groups.values())) / STEPS_OF_ONE_PER_CENT
        told = f"the groups have {total:g} % of the users"
        own.wrong("groups", told if not from_step else f"the groups end at {total:g}", "the most is 100")
    if not name or not groups:
        return None
    return Experiment(
        name=name,
        groups=tuple(groups.items()),
        salt=layer or EXPERIMENT_SALT.read(own) or name,
        start_ms=_start_ms(own),
        from_step=from_step,
        layer=layer,
    )


def read_holdout(fields: Fields) -> Experiment | None:
    """The holdout of `catalog.yaml`. None if it has problems, which are added to the file's."""
    node = HOLDOUT.read(fields)
    if node is None:
        return None
    own = HOLDOUT_FORM.fields(fields.source, node)
    name = _name(own, HOLDOUT_NAME.read(own) or HELD_OUT)
    share = HOLDOUT_SHARE.read(own)
    if share is None or not name:
        return None
    if not 0 < share < 100:
        own.wrong("share", f"share is {share:g}", "a holdout is a part of the users: write share: 5 for 5 %")
        return None
    held = _step(own, "share", share)
    return Experiment(
        name=name,
        groups=((HELD_OUT, held), (REACHED, STEPS - held)),
        salt=EXPERIMENT_SALT.read(own) or name,
        start_ms=_start_ms(own),
        is_universal=True,
    )


def _name(own: Fields, name: str) -> str:
    if name and (not _NAME.fullmatch(name) or len(name) > NAME_LENGTH_MAX):
        own.wrong("name", f"{name} cannot be the name of an experiment", "write lower-case letters, digits and -")
        return ""
    return name


def _groups(own: Fields) -> dict[str, int]:
    """Group -> its share in steps."""
    node = EXPERIMENT_GROUPS.read(own)
    if node is None:
        return {}
    names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    inner = Fields(own.source, node, names, "groups")
    found: dict[str, int] = {}
    for name in dict.fromkeys(names):
        if not _GROUP.fullmatch(name):
            hint = "write lower-case letters, digits, - and _"
            own.source.wrong(inner.key(name), f"{name} cannot be the name of a group", hint)
            continue
        share = inner.number(name)
        if share is not None and not 0 < share <= 100:
            inner.wrong(
                name, f"the share of {name} is {share:g}", "a share is a part of all users in per cent, such as 10"
            )
        elif share is not None:
            found[name] = _step(inner, name, share)
    if not 0 < len(names) <= GROUPS_MAX:
        own.wrong("groups", f"there are {len(names)} groups", f"name one to {GROUPS_MAX}")
    return found


def _step(own: Fields, key: str, per_cent: int | float) -> int:
    steps = round(per_cent * STEPS_OF_ONE_PER_CENT)
    if per_cent < 0 or per_cent > 100 or abs(steps - per_cent * STEPS_OF_ONE_PER_CENT) > 1e-6:
        own.wrong(key, f"{key} is {per_cent}", "write per cent from 0 to 100, with at most two decimals")
        return 0
    return steps


def _start_ms(own: Fields) -> int:
    text = EXPERIMENT_START.read(own)
    return instant_ms_of(own, "start", text, example=DEFAULT_START) if text else 0
