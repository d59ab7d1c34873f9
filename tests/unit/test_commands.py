"""Messages of commands that download or build something."""

import sys

import pytest

from tests.support.commands import complaint_of


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("pass", None),
        ("import sys; print('no such'); sys.exit('package')", "no such\npackage\n"),
        ("import sys; sys.stdin.read(); sys.exit(3)", ""),
    ],
    ids=["well", "what it said", "it is not asked anything"],
)
def test_a_command_says_why_it_failed(program: str, complaint: str | None) -> None:
    assert complaint_of([sys.executable, "-u", "-c", program], timeout_s=60) == complaint


def test_a_command_that_does_not_end_is_ended() -> None:
    program = "import threading; threading.Event().wait()"
    assert complaint_of([sys.executable, "-c", program], timeout_s=0.5) == "no end after 0.5 s"
