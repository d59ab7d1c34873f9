"""`shoal plan`: the compiled catalog for people."""

from pathlib import Path

from app.catalogs.definitions_folder import load_segments
from app.console.output import make_console
from app.console.plan_source import show_source
from app.console.plan_view import make_plan, show_plan
from app.settings import load_settings


def plan(directory: Path, /, *, source: str | None = None) -> int:
    """Show what workers do under the definitions of a folder: which event touches what, and which segments change.

    An event changes only what stands under its name and under `every event`, and only the segments behind the arrow
    are looked at then. Below stands the order in which segments are settled that change at one instant, and what each
    one waits for.

    Example: `shoal plan segments`

    Parameters
    ----------
    directory
        The folder with the definitions.
    source
        Print the generated code of this segment instead: what an event runs, and how the segment is settled.
    """
    rules = load_settings().time_rules
    catalog = load_segments(directory, rules)
    if source is not None:
        show_source(make_console(), catalog, rules, source)
        return 0
    show_plan(make_console(), make_plan(catalog, rules))
    return 0
