"""Tells when a worker holds more profiles than it should. Pure.

Nothing is thrown away at the limit: what is remembered is not the worker's to forget. It goes on, and says it until
somebody gives it less to hold.
"""

from app.segments.language.durations import format_duration

LOOK_S = 30.0
REPEAT_S = 600.0
PROFILE_BYTES_ASIDE = 350
"""What a profile costs in memory beside its encoded bytes: the user, the table's entry, the timer, the allocator."""


class MemoryLimit:
    """`bytes_max` 0: no limit."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._looked_s: float | None = None
        self._told_s: float | None = None

    def is_time(self, *, now_s: float) -> bool:
        """True if the bytes should be counted again, which walks over all profiles."""
        if self._looked_s is not None and now_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = now_s
        return True

    def look(self, held: int, *, now_s: float) -> str | None:
        """Returns a warning for so many bytes held; None if there is none, or if it was given a moment ago."""
        if not self._bytes_max or held <= self._bytes_max:
            self._told_s = None
            return None
        if self._told_s is not None and now_s - self._told_s < REPEAT_S:
            return None
        self._told_s = now_s
        limit_mib = self._bytes_max / 2**20
        return (
            f"profiles take {held / 2**20:,.0f} MiB, more than profiles_bytes_max ({limit_mib:,.0f} MiB); "
            "nothing is dropped, but start more workers, remember less (limits, retention), or give this one more "
            f"memory; says it again in {format_duration(int(REPEAT_S * 1000))}"
        )
