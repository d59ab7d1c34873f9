"""The long form is asked for (`make simulations`); without that only the short one runs."""

import logging
from collections.abc import Iterator

import pytest

MARKER = "simulations"


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", f"{MARKER}: the long form of the simulation; runs with -m {MARKER}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the long form out unless `-m` speaks of it."""
    if MARKER in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker(MARKER) is not None]
    if long:
        items[:] = [item for item in items if item.get_closest_marker(MARKER) is None]
        config.hook.pytest_deselected(items=long)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of workers that die log a lot."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
