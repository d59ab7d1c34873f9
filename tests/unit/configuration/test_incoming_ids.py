"""The file of pseudonym keys."""

from pathlib import Path

import pytest

from app.configuration.incoming_ids import incoming_ids
from app.errors import UserError

KEYS = f"new:{'n' * 32}\nold:{'o' * 32}\n"


def test_keys_come_from_a_file_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# the newest first\n{KEYS}", encoding="utf-8")
    found = incoming_ids("", "", str(file))
    assert found.hides
    assert found == incoming_ids("", KEYS.replace("\n", ","), "")


def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        incoming_ids("", "", str(tmp_path / "missing"))
    (tmp_path / "empty").touch()
    with pytest.raises(UserError, match="has no pseudonym key"):
        incoming_ids("", "", str(tmp_path / "empty"))
    with pytest.raises(UserError, match="both set"):
        incoming_ids("", KEYS, str(tmp_path / "empty"))
