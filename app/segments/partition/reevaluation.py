"""Users that the present catalog has not evaluated yet."""

from collections.abc import Mapping

from tables import profile as profiles


class Reevaluation:
    """In order of names: so it can be told in one word, and whoever goes on with it comes to the same.

    `unsure`: profiles were read back since it was found out, so that it has to be found out again.
    """

    __slots__ = ("_left", "unsure")

    def __init__(self) -> None:
        self._left: list[str] = []
        self.unsure = False

    def left_of(self, held: Mapping[str, bytes], epoch: int) -> list[str]:
        """Returns the users still to be evaluated under the catalog, the next of them at the end."""
        if self.unsure:
            self.find(held, epoch)
        return self._left

    def find(self, held: Mapping[str, bytes], epoch: int, *, before: str | None = None) -> None:
        """Looks through all encoded profiles; with `before` only at those whose names come before this one."""
        left = [user for user, encoded in held.items() if profiles.epoch_of(encoded) != epoch]
        self._left = sorted(left if before is None else (user for user in left if user < before), reverse=True)
        self.unsure = False

    def take(self, users_max: int) -> list[str]:
        """The next of them; they are reached."""
        taken = self._left[-users_max:]
        del self._left[-users_max:]
        return taken
