"""A line on the terminal that says what a command is at while it computes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.console.output import make_console
from app.events.visible_text import visible_line


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Shows a line on standard error until the work has ended, and nothing where that is no terminal. Gives what says
    another line in its place."""
    console = make_console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(visible_line(what)) as status:
        yield lambda text: status.update(visible_line(text))
