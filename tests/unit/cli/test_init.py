"""`shoal init` writes a first folder that works, and overwrites nothing; `shoal files` lists what comes along."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from app.cli import main as cli
from app.cli.files import FOLDERS
from app.cli.init import SCHEMA, first_files


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_three_segments_with_tests_that_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my-shop"
    assert cli.main(["init", str(folder)]) == 0
    assert f"next: shoal test {folder}/segments" in capsys.readouterr().out
    assert cli.main(["test", str(folder / "segments")]) == 0
    assert "of 3 segments: all passed" in capsys.readouterr().out
    assert cli.main(["validate", str(folder / "segments")]) == 0
    assert "warning" not in capsys.readouterr().out
    for path in (folder / "segments").iterdir():
        assert yaml.safe_load(path.read_text())["tests"], path


def test_editors_find_the_schema_and_it_accepts_the_segments(tmp_path: Path) -> None:
    assert cli.main(["init", str(tmp_path)]) == 0
    told = json.loads((tmp_path / ".vscode/settings.json").read_text())["yaml.schemas"]
    assert list(told) == [f"./{SCHEMA}"]
    schema = json.loads((tmp_path / SCHEMA).read_text())
    for path in (tmp_path / "segments").iterdir():
        assert any(path.relative_to(tmp_path).match(pattern.replace("**/", "")) for pattern in told[f"./{SCHEMA}"])
        first = path.read_text().partition("\n")[0]
        assert (path.parent / first.removeprefix("# yaml-language-server: $schema=")).samefile(tmp_path / SCHEMA)
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)


def test_each_command_of_its_readme_exists(tmp_path: Path) -> None:
    commands = [line.split()[1] for line in first_files()["README.md"].splitlines() if line.startswith("shoal ")]
    assert commands
    assert set(commands) <= set(cli.COMMANDS)


def test_it_adds_to_a_folder_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("mine")
    assert cli.main(["init", str(tmp_path)]) == 0
    assert files(tmp_path) == {"LICENSE": "mine", **first_files()}


@pytest.mark.parametrize("name", first_files())
def test_it_overwrites_nothing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    assert cli.main(["init", str(tmp_path)]) == cli.EXIT_USER_ERROR
    assert (
        f"1 file of a first folder exists in {tmp_path}: nothing is overwritten\n  {name}\n" in capsys.readouterr().err
    )
    assert files(tmp_path) == {name: "mine"}


def test_it_does_not_write_through_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/README.md").symlink_to(tmp_path / "elsewhere.md")
    assert cli.main(["init", str(tmp_path / "shop")]) == cli.EXIT_USER_ERROR
    assert not (tmp_path / "elsewhere.md").exists()


def test_a_place_where_nothing_can_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["init", str(tmp_path / "file")]) == cli.EXIT_USER_ERROR
    assert f"error: cannot write {tmp_path}/file/" in capsys.readouterr().err


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_comes_along_exists(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["files", name]) == 0
    assert any(Path(capsys.readouterr().out.strip()).iterdir())


def test_an_unknown_folder_is_an_error_that_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["files", "dashboards"]) == cli.EXIT_USER_ERROR
    said = capsys.readouterr().err
    assert "no folder 'dashboards' comes with Shoal" in said
    assert all(name in said for name in FOLDERS)
