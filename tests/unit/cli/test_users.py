"""`shoal users pseudonym`: the name that all other actions look for."""

import pytest

from app.cli import main as cli
from app.settings import load_settings

KEYS = f"2026:{'s' * 32}"
PSEUDONYM = load_settings({}, pseudonym_keys=KEYS).incoming_ids.key_of("u-42")


@pytest.mark.parametrize("asked", ["u-42", " u-42 ", PSEUDONYM])
def test_the_pseudonym_of_an_id_is_printed(
    asked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOAL_PSEUDONYM_KEYS", KEYS)
    assert cli.main(["users", "pseudonym", asked]) == 0
    assert capsys.readouterr().out == f"{PSEUDONYM}\n"


def test_without_keys_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["users", "pseudonym", "u-42"]) == cli.EXIT_USER_ERROR
    assert "there is no pseudonym key" in capsys.readouterr().err
