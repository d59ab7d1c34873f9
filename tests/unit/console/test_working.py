"""The line that says what a command is at."""

import pytest

from app.console.working import working


def test_a_terminal_shows_what_is_being_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with working("reading the rows"):
        pass
    assert "reading the rows" in capsys.readouterr().err
    with working("reading the rows") as say_now:
        say_now("trying 3 clusters\x1b[2J")
    said = capsys.readouterr()
    assert "trying 3 clusters" in said.err
    assert "\x1b[2J" not in said.err, "what comes from outside is escaped"
    assert not said.out


def test_a_pipe_shows_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with working("reading the rows") as say_now:
        say_now("trying 3 clusters")
    said = capsys.readouterr()
    assert not said.out + said.err
