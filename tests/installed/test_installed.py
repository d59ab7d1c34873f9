"""Shoal is one package, `shoal`: it breaks nothing in an environment, nothing there breaks it, and it is complete."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from app.embedded import EmbeddedBroker
from tests.installed.environment import ROOT, Environment, stand_in

pytestmark = pytest.mark.long

PACKAGES = ("app", "agents", "tables")
OTHERS = {"app": "my-shop", "agents": "openai-agents", "tables": "tables"}
"""Package -> a distribution of somebody else that has it: a user's own program, the SDK of a vendor, PyTables."""
COMPILER = (sysconfig.get_config_var("LDSHARED") or "none").split()[0]


def tracked(*folders: str) -> set[str]:
    listing = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, check=True).stdout
    return {path for path in listing.decode().split("\0") if path and (ROOT / path).is_file()}


def in_wheel(path: str) -> str:
    return path if path.startswith("shoal/") else f"shoal/_packages/{path}"


def test_the_only_top_level_name_of_the_wheel_is_shoal(wheel: Path) -> None:
    names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"shoal"}


def test_every_file_of_the_packages_and_every_shipped_file_is_in_the_wheel(wheel: Path) -> None:
    wanted = {in_wheel(path) for path in tracked("shoal", *PACKAGES, "deploy", "examples")}
    assert wanted
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"no C compiler ({COMPILER})")
def test_every_extension_module_is_in_the_wheel(wheel: Path) -> None:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    wanted = {in_wheel(path.removesuffix(".c") + suffix) for path in tracked(*PACKAGES) if path.endswith(".c")}
    assert wanted
    assert {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(suffix)} == wanted


def test_the_source_distribution_has_every_file_but_those_of_git(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert tracked() - packed <= {path for path in tracked() if path.rpartition("/")[2] == ".gitignore"}
    assert not [name for name in packed if name.endswith(".so")]


def test_all_it_needs_is_declared(environment: Environment) -> None:
    environment.uv("check")


@pytest.mark.parametrize("name", PACKAGES)
def test_nobody_else_can_import_its_packages(name: str, environment: Environment, tmp_path: Path) -> None:
    for first in ("", "import shoal, shoal.launcher; "):
        done = environment.run("python", "-c", f"{first}import {name}", cwd=tmp_path)
        assert f"ModuleNotFoundError: No module named '{name}'" in done.stderr


@pytest.mark.parametrize("shoal_first", [True, False], ids=["installed before", "installed after"])
def test_others_keep_their_packages(shoal_first: bool, wheel: Path, tmp_path: Path) -> None:
    others = [stand_in(distribution, package, tmp_path) for package, distribution in OTHERS.items()]
    environment = Environment(tmp_path / "environment", *([wheel, *others] if shoal_first else [*others, wheel]))
    done = environment.run(
        "python", "-c", "import app, agents, tables; print(app.NAME, agents.NAME, tables.NAME)", cwd=tmp_path
    )
    assert done.stdout.split() == [OTHERS["app"], OTHERS["agents"], OTHERS["tables"]], done.stderr
    assert_it_works(environment, tmp_path)
    environment.uv("uninstall", *OTHERS.values())
    assert_it_works(environment, tmp_path)


@pytest.mark.parametrize("command", [("shoal",), ("python", "-m", "shoal")], ids=" ".join)
def test_modules_of_the_same_names_do_not_break_it(
    command: tuple[str, ...], environment: Environment, hostile: Path
) -> None:
    assert_it_works(environment, hostile, *command, PYTHONPATH=str(hostile))


def test_modules_of_the_same_names_that_are_imported_before_it_do_not_break_it(
    environment: Environment, tmp_path: Path
) -> None:
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"from {name} import more\n")
        (tmp_path / name / "more.py").write_text("")
    (tmp_path / "sitecustomize.py").write_text("import app, agents, tables\n")
    assert_it_works(environment, tmp_path, PYTHONPATH=str(tmp_path))


def assert_it_works(environment: Environment, cwd: Path, *command: str, **environ: str) -> None:
    segments = environment.run(*(command or ("shoal",)), "files", "segments", cwd=cwd, **environ)
    assert segments.returncode == 0, segments.stderr
    tested = environment.run(*(command or ("shoal",)), "test", segments.stdout.strip(), cwd=cwd, **environ)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert tested.stdout.rstrip().endswith("all passed")


def test_the_demo_runs_its_workers_from_the_installation(
    environment: Environment, hostile: Path, tmp_path: Path
) -> None:
    command = ("shoal", "demo", "--seed", "1", "--speed", "300", "--rate", "200")
    with environment.start(*command, cwd=hostile, log=tmp_path / "log", PYTHONPATH=str(hostile)) as demo:
        demo.wait_for(lambda said: " entered " in said)
        assert demo.end(signal.SIGINT) in (0, 130), demo.said
    assert re.search(r"[1-9][\d,]* changes, the first after", demo.said), demo.said


@pytest.mark.parametrize(
    "command",
    [("shoal", "worker"), ("python", "-m", "faust", "-A", "shoal.main", "worker", "-l", "info")],
    ids=["shoal worker", "faust -A shoal.main worker"],
)
def test_a_worker_runs_the_shipped_segments(
    command: tuple[str, ...],
    environment: Environment,
    hostile: Path,
    embedded_broker: EmbeddedBroker,
    unique: str,
    tmp_path: Path,
) -> None:
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": embedded_broker.bootstrap_servers,
        "SHOAL_TOPIC_PREFIX": f"{unique}.",
        "SHOAL_APP_ID": unique,
        "SHOAL_PARTITIONS": "2",
        "PYTHONPATH": str(hostile),
    }
    with environment.start(*command, cwd=hostile, log=tmp_path / "log", **environ) as worker:
        worker.wait_for(lambda said: said.count("reads from offset 0") == 2)
        assert worker.end(signal.SIGTERM) == 0, worker.said
    assert f" segments from {environment.site_packages / 'shoal/_packages/deploy/segments'}" in worker.said


def test_a_first_folder_passes_what_its_own_ci_runs(environment: Environment, tmp_path: Path) -> None:
    made = environment.run("shoal", "init", "my-shop", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    workflow = yaml.safe_load((tmp_path / "my-shop/.github/workflows/segments.yaml").read_text())
    steps = workflow["jobs"]["check"]["steps"]
    commands = [step["run"].split() for step in steps if "run" in step]
    assert [command[0] for command in commands] == ["pip", "shoal", "shoal"]
    for command in commands[1:]:
        done = environment.run(*command, cwd=tmp_path / "my-shop")
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_missing_is_said_with_a_command_that_can_be_typed(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "events.parquet").write_bytes(b"PAR1")
    done = environment.run(
        "shoal", "backtest", "events.parquet", "--segments", str(ROOT / "deploy/segments"), cwd=tmp_path
    )
    assert done.returncode == 2
    assert f"hint: {environment.python} -m pip install 'duckdb" in done.stderr


def test_every_folder_that_comes_along_is_in_the_installation(environment: Environment, tmp_path: Path) -> None:
    done = environment.run("shoal", "files", cwd=tmp_path)
    paths = [Path(line.split()[-1]) for line in done.stdout.splitlines()]
    assert paths
    for path in paths:
        assert path.is_relative_to(environment.site_packages)
        assert any(path.iterdir())


def test_the_environment_of_the_tests_is_another_one(environment: Environment) -> None:
    assert Path(sys.executable).parent != environment.bin
    assert os.path.commonpath([environment.site_packages, ROOT]) != str(ROOT)
