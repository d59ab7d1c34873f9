"""Random histories: as many as TRUTH_HISTORIES says."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "truth: the engine against the oracle on random histories")
