"""One wheel and one environment for all tests of this folder."""

from pathlib import Path

import pytest

from tests.installed.environment import Environment, build_sdist, build_wheel


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    return build_sdist(tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution."""
    return build_wheel(sdist, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with Shoal and what it needs; no test may change it."""
    return Environment(tmp_path_factory.mktemp("environment"), wheel)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder with modules that have the names of Shoal's packages, and end every process that imports one."""
    folder = tmp_path / "hostile"
    for name in ("app", "agents", "tables"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise SystemExit('the wrong {name}')\n")
    return folder
