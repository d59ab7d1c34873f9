"""`shoal lists show`: all users of a list, however many there are."""

import pytest

from app.cli import lists
from app.settings import Settings


@pytest.mark.parametrize("users", [0, 1, lists.LINES_AT_ONCE, lists.LINES_AT_ONCE + 1])
def test_each_user_of_a_list_is_one_line(
    users: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"user-{number:05}" for number in range(users)]
    monkeypatch.setattr(lists, "_members", lambda *_: names)
    assert lists._show(Settings(), "vip") == lists.EXIT_OK
    assert capsys.readouterr().out == "".join(f"{name}\n" for name in names)
