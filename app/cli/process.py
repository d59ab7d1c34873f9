"""Settings, event loop and log of the commands that run until they are stopped."""

import asyncio
from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from app.errors import UserError
from app.settings import Settings, load_settings

Pairs: TypeAlias = Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True, negative=())]
"""The option for all settings that have none of their own: `--set name=value name=value`."""


def settings_of(pairs: Sequence[str] | None, **options: Any) -> Settings:
    """The environment's, over them `pairs`, and over these the options that are not None. Raises UserError.

    >>> settings_of(["partitions=4", "pace=0ms"], partitions=8, app_id=None).partitions
    8
    """
    given = {name: value for name, value in options.items() if value is not None}
    return load_settings(**named(pairs or ()) | given)


def named(pairs: Sequence[str]) -> dict[str, str]:
    """`name=value` texts by the setting's name; the unit may be left out, and `-` written for `_`. Raises UserError.

    >>> named(["idle-clock=off", "pace=0ms"])
    {'idle_clock': 'off', 'pace_ms': '0ms'}
    """
    names = {each.name.removesuffix("_ms"): each.name for each in fields(Settings)}
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_").removesuffix("_ms")
        if not equals:
            raise UserError(f"--set {pair} is not name=value", hint="for example --set idle_clock=off")
        given[names.get(name, name)] = value.strip()
    return given


def prepare_process(settings: Settings) -> None:
    """The fast event loop, and the log on standard error: before anything is imported that has a loop of its own."""
    import uvloop

    from app.runtime.process.logs import log_to_stderr

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    log_to_stderr(settings.log_level, settings.log_format)
