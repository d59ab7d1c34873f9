"""Names of the keys in Redis under which `shoal memberships` keeps the memberships; see docs/redis.md."""

from dataclasses import dataclass

from tables.counted import Counted
from tables.values import Scalar, key_of, key_value


def field_of(segment: str, value: Scalar | None) -> str:
    """The field of a membership in a user's hash: the segment; by value also NUL and the value.

    A number or a boolean has another NUL before its JSON text, so that it is not the text.
    """
    return segment if value is None else f"{segment}\x00{key_of(value, Counted())}"


def read_field(field: str) -> tuple[str, Scalar | None]:
    """The segment and the value of a field."""
    segment, has_value, key = field.partition("\x00")
    return segment, key_value(key) if has_value else None


@dataclass(frozen=True, slots=True)
class RedisKeys:
    """The names of all keys under a prefix: `shoal:` unless the setting says otherwise."""

    prefix: str

    @property
    def projection(self) -> str:
        """The hash about the projection itself."""
        return f"{self.prefix}memberships"

    @property
    def clearing(self) -> str:
        """Held by the process that clears."""
        return f"{self.prefix}memberships:clearing"

    def user(self, user: str) -> str:
        """Hash of a membership's field -> entry."""
        return f"{self.prefix}user:{user}"

    def moved(self, key: str) -> str:
        """The user that a key has moved to."""
        return f"{self.prefix}moved:{key}"

    def segment(self, name: str) -> str:
        """Sorted set of users, by the instant of entry in ms."""
        return f"{self.prefix}segment:{name}"

    def counts(self, name: str) -> str:
        """Sorted set of counts, by the instant they are of in ms."""
        return f"{self.prefix}counts:{name}"

    @property
    def recommendations(self) -> str:
        """Text about the recommendations that are served."""
        return f"{self.prefix}recommendations"

    def neighbours(self, version: str) -> str:
        """Hash item -> its neighbours, of one version of the recommendations."""
        return f"{self.recommendations}:{version}"

    def popular(self, version: str) -> str:
        """Hash segment -> its popular items, of one version of the recommendations; all users have an empty name."""
        return f"{self.recommendations}:{version}:popular"

    @property
    def patterns(self) -> tuple[str, ...]:
        """Globs of all that is projected."""
        return self.user_pattern, f"{self._escaped}segment:*", f"{self._escaped}sequence:*", self.moved_pattern

    @property
    def user_pattern(self) -> str:
        """Glob of the hashes of users."""
        return f"{self._escaped}user:*"

    @property
    def moved_pattern(self) -> str:
        """Glob of the keys that have moved."""
        return f"{self._escaped}moved:*"

    @property
    def counted(self) -> tuple[tuple[str, str], ...]:
        """Globs of the keys that end with a segment's name, and what stands before it."""
        return tuple((f"{self._escaped}{kind}:*", f"{self.prefix}{kind}:") for kind in ("segment", "counts"))

    @property
    def _escaped(self) -> str:
        return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in self.prefix)
