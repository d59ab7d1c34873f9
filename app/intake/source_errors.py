"""Errors of a source that is not on Kafka."""

from typing import Literal

from app.errors import UserError

Cause = Literal["credentials", "missing", "throttled", "unreachable", "refused"]


class SourceError(UserError):
    """The service of a source did not do what was asked. `cause` is that of the metric."""

    def __init__(self, message: str, *, cause: Cause, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.cause: Cause = cause
