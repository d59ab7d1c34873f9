"""Definition files of a folder are found, other files are not."""

from pathlib import Path

import pytest

from app.catalogs.definitions_folder import load_segments, read_definitions
from app.cli.test import _state_of
from app.errors import UserError

TEXT = "segment: {name}\nwhen: count(page within 1h) >= 1\n"


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """As Kubernetes mounts a ConfigMap: the files are links into a folder that is replaced as a whole."""
    folder = tmp_path / ".hidden parent" / "segments"
    held = folder / "..2026_11_23_10_00_00.1"
    held.mkdir(parents=True)
    (folder / "..data").symlink_to(held.name)
    for name in ("a", "b"):
        (held / f"{name}.yaml").write_text(TEXT.format(name=name))
        (folder / f"{name}.yaml").symlink_to(Path("..data") / f"{name}.yaml")
    return folder


def test_a_mounted_config_map_holds_each_definition_once(mounted: Path) -> None:
    assert [Path(path).name for path in read_definitions(mounted)] == ["a.yaml", "b.yaml"]
    assert [segment.name for segment in load_segments(mounted).segments] == ["a", "b"]
    assert sorted(Path(path).name for path in _state_of(mounted)) == ["a.yaml", "b.yaml"]


def test_a_change_of_a_mounted_config_map_is_seen(mounted: Path) -> None:
    before = _state_of(mounted)
    (new := mounted / "..2026_11_23_11_00_00.2").mkdir()
    for name in ("a", "b"):
        (new / f"{name}.yaml").write_text(TEXT.format(name=name) + "title: New\n")
    (mounted / "..data").unlink()
    (mounted / "..data").symlink_to(new.name)
    assert _state_of(mounted) != before


def test_what_begins_with_a_dot_is_no_definition(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.yaml").write_text(TEXT.format(name="a"))
    for hidden in (".a.yaml", "below/.#a.yaml", ".git/a.yaml"):
        (tmp_path / hidden).parent.mkdir(exist_ok=True)
        (tmp_path / hidden).write_text("odd")
    assert list(read_definitions(tmp_path)) == [str(tmp_path / "below" / "a.yaml")]
    (tmp_path / "below" / "a.yaml").unlink()
    with pytest.raises(UserError, match="no definition files"):
        read_definitions(tmp_path)
