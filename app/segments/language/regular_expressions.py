"""Regular expressions of `matches`: searches whose time grows only with the length of the text (RE2).

RE2's syntax: no look-around and no back references. `\\d`, `\\w`, `\\s` and `\\b` know ASCII only, `$` is the end of
the text, `.` is any character but a line break; case counts unless the pattern begins with `(?i)`.
"""

from collections.abc import Callable
from functools import lru_cache

import re2

PATTERN_LENGTH_MAX = 1_000
MEMORY_BYTES_MAX = 1 << 20
"""What one compiled pattern may take."""


class RegularExpressionError(ValueError):
    """A pattern that cannot be used. `hint` says what to write, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@lru_cache(maxsize=1024)
def compile_search(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether the pattern is found anywhere in a text. Raises RegularExpressionError."""
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise RegularExpressionError(
            f"this regular expression has {len(pattern):,} characters", f"the longest has {PATTERN_LENGTH_MAX:,}"
        )
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MEMORY_BYTES_MAX
    try:
        find = re2.compile(pattern, options).search
    except (re2.error, UnicodeEncodeError) as error:
        raise RegularExpressionError(*_in_words(pattern, error)) from None

    def search(text: str) -> bool:
        return find(text.encode("utf-8", "replace")) is not None

    return search


def _in_words(pattern: str, error: Exception) -> tuple[str, str]:
    reason = error.args[0] if error.args else ""
    reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    if "perl operator" in reason and any(sign in pattern for sign in ("(?=", "(?!", "(?<=", "(?<!")):
        return (
            "this regular expression looks ahead or behind, which is not supported because its time is not limited",
            "write two comparisons: path matches 'a' and not path matches 'b'",
        )
    if "escape sequence" in reason and any(f"\\{digit}" in pattern for digit in "123456789"):
        return (
            "this regular expression refers back to a group, which is not supported because its time is not limited",
            "",
        )
    if "too large" in reason or "repetition size" in reason:
        return f"this regular expression is too large: {reason}", "repeat fewer times"
    hint = "write .* for any text; a single * repeats the character before it" if pattern.startswith("*") else ""
    return f"this is not a regular expression: {reason}", hint
