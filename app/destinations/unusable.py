"""The error of a change that a destination cannot be told of."""


class UnusableError(Exception):
    """A change that this destination cannot be told of. `reason` is a short code.

    mistaken: it is not this user who lacks a value, but the segment that attaches none.
    """

    def __init__(self, reason: str, detail: str, *, mistaken: bool = False) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.mistaken = mistaken
