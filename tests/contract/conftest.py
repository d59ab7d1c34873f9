"""Fixtures of the runtime's tests."""

from collections.abc import Mapping
from pathlib import Path

import pytest


@pytest.fixture
def store() -> str:
    """Kind of store for profiles. A test that matters for both gets both: `parametrize("store", STORES)`."""
    return "memory"


@pytest.fixture
def held(store: str, tmp_path: Path) -> Mapping[str, str]:
    """The settings for it."""
    return {"profile_store": store, "profile_directory": str(tmp_path / "profiles")}
