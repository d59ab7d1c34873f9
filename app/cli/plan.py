"""`shoal plan`: the compiled catalog for people."""

from pathlib import Path

from app.catalogs.definitions_folder import load_segments
from app.console.output import make_console
from app.console.plan_source import show_source
from app.console.plan_view import make_plan, show_plan
from app.settings import load_settings


def plan(directory: Path, /, *, source: str | None = None) -> int:
    """Show how workers process events under the definitions of a folder: which aggregates each event touches, and which
    segments can change.

    An event touches only the aggregates that are listed under its name and under `every event`. Then only the
    segments after the arrow are settled. The second list is the order in which segments are settled at one instant,
    and the segments that each one depends on.

    Example: `shoal plan segments`

    Parameters
    ----------
    directory
        The folder with the definitions.
    source
        Print the generated code of this segment instead: how it handles events, and how it is settled.
    """
    rules = load_settings().time_rules
    catalog = load_segments(directory, rules)
    if source is not None:
        show_source(make_console(), catalog, rules, source)
        return 0
    show_plan(make_console(), make_plan(catalog, rules))
    return 0
