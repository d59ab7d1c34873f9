"""Composition root: settings and definitions in, a Faust application out.

`faust -A app.main worker` finds `app` here; it is made from the environment when it is first asked for.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import uvloop

from agents import segmentation
from app.catalogs.definitions_folder import load_segments
from app.errors import UserError
from app.runtime.application import Application
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.settings import Settings, load_settings


def create_app(
    settings: Settings, *, program: Program | None = None, new_partition: Callable[[], Partition] | None = None
) -> Application:
    """The application of a worker. Nothing is started and no broker is asked yet.

    `program`: in place of the one that the definitions in `settings.segments` make; `new_partition`: in place of an
    empty `Partition` of it. Raises UserError for definitions that cannot be used, with all their problems.
    """
    if program is None:
        program = first_program(settings)
    app = Application(settings, program, new_partition=new_partition)
    segmentation.install(app)
    return app


def first_program(settings: Settings) -> Program:
    """Returns a worker's first program: the folder's definitions; none for a published catalog until it was read."""
    if settings.catalog == "topic":
        return compile_catalog(Catalog((), (), ""), settings.time_rules)
    return load_program(settings.segments, settings.time_rules)


def load_program(folder: Path, rules: TimeRules) -> Program:
    """The definitions of a folder, compiled. Raises UserError."""
    return compile_catalog(load_segments(folder, rules), rules)


def __getattr__(name: str) -> Application:
    if name != "app":
        raise AttributeError(name)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        app = create_app(load_settings())
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
    globals()["app"] = app
    return app
