"""`shoal plan`: the compiled catalog for people."""

from pathlib import Path

from app.console.output import make_console
from app.console.plan import make_plan, show_plan
from app.segments.time_rules import TimeRules
from app.segments_dir import load_segments


def plan(directory: Path, /) -> int:
    """What workers do under the definitions of a folder: which event touches what, and which segments that changes.

    An event changes only what stands under its name and under `every event`, and only the segments behind the arrow
    are looked at then. Below stands the order in which segments are settled that change at one instant, and what each
    one waits for.

    Parameters
    ----------
    directory
        The folder with the definitions.
    """
    show_plan(make_console(), make_plan(load_segments(directory), TimeRules()))
    return 0
