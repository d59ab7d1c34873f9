"""Error in an expression, with its position."""

from app.segments.language.syntax import NOWHERE, Span


class LanguageError(ValueError):
    """An expression that cannot be understood or makes no sense.

    `message` says what is wrong, `detail` why (may be empty), `hint` what to do (may be empty), `span` where.
    """

    def __init__(self, message: str, span: Span = NOWHERE, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        return "; ".join(part for part in (self.message, self.detail, self.hint) if part)
