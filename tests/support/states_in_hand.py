"""Every state of a user in the form that large ones have, from its first event on."""

from collections.abc import Iterator
from contextlib import contextmanager

from tables import in_hand


@contextmanager
def every_state_in_hand() -> Iterator[None]:
    """Within it no state is too small, or used too rarely, for an index."""
    before = in_hand.LARGE, in_hand.OFTEN
    in_hand.LARGE, in_hand.OFTEN = 0, 1
    try:
        yield
    finally:
        in_hand.LARGE, in_hand.OFTEN = before
