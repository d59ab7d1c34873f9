"""What is wrong with a text that does not fit the grammar, in words for people who never programmed."""

from lark.exceptions import UnexpectedInput

from app.segments.language.errors import LanguageError
from app.segments.language.syntax import Span


def explain(error: UnexpectedInput, text: str, start: str) -> LanguageError:
    """The error of the parser for `text`, as a LanguageError."""
    position = error.pos_in_stream
    if not isinstance(position, int) or position < 0:
        position = len(text)
    return LanguageError("this cannot be understood", Span(position, min(position + 1, len(text))))
