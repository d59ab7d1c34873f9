"""A low limit of known values, in the engine and in the oracle, so that short histories reach it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tables import by_value
from tests.model import values


@contextmanager
def few_values(values_max: int) -> Iterator[None]:
    """Within it a user has so many known values of a definition at most."""
    before = by_value.VALUES_MAX, values.VALUES_MAX
    by_value.VALUES_MAX = values.VALUES_MAX = values_max
    try:
        yield
    finally:
        by_value.VALUES_MAX, values.VALUES_MAX = before
