"""The console of all commands: whatever is printed, the terminal acts only on what rich itself writes."""

import sys
import traceback
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console
from rich.segment import Segment

from app.events.visible_text import visible


class SafeConsole(Console):
    """Shows control characters of what is printed as escapes. Raises BrokenPipeError when whoever reads has left."""

    def on_broken_pipe(self) -> None:
        """Called within the handling of the BrokenPipeError: rich's own way ends the process with 1."""
        raise  # noqa: PLE0704  # what is being handled

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        return super()._render_buffer(
            each if each.control else Segment(visible(each.text), each.style) for each in buffer
        )


def show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook` of the commands: a mistake of ours may hold text from outside."""
    sys.stderr.write(visible("".join(traceback.format_exception(kind, error, trace))))
