"""Sessions in the docs show what the commands print."""

import shlex
from pathlib import Path

import pytest

from app.cli.main import main
from tools.docs_pages import PAGES, Block, blocks, definitions

FOLDER = "my-segments"
SESSIONS = [
    pytest.param(page, block, id=f"{page.name}:{block.line}")
    for page in PAGES
    for block in blocks(page)
    if block.info.startswith("console")
]


@pytest.mark.parametrize(("page", "block"), SESSIONS)
def test_a_session_prints_what_the_page_shows(
    page: Path, block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, _, new = block.info.removeprefix("console").strip().partition("->")
    (tmp_path / FOLDER).mkdir()
    for name, text in definitions(page).items():
        (tmp_path / FOLDER / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for session in block.text.split("$ shoal ")[1:]:
        command, _, expected = session.partition("\n")
        main(shlex.split(command))
        shown = [line.rstrip() for line in capsys.readouterr().out.rstrip().split("\n")]
        assert shown == expected.rstrip().split("\n")
