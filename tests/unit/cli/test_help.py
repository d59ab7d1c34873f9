"""Each `shoal X --help` says what the command does, with an example that works as it stands, and exit codes."""

import inspect
import re
import shlex
from typing import Any

import pytest

from app.cli.main import COMMANDS, create_app, main


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is broken."""
    monkeypatch.setenv("COLUMNS", "500")


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("name", COMMANDS)
def test_it_says_more_than_the_list_of_commands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: shoal {name}")
    first_words = (inspect.getdoc(create_app(name)[name].default_command) or "").partition("\n\n")[0]
    assert first_words
    assert " ".join(first_words.replace("`", "").split()) in said
    assert "Exit codes:" in said
    for line in said.splitlines():
        if option := re.match(r"│ +\*? +(--[a-z-]+|[A-Z]+) ", line):
            assert re.search(r"\w[.)\]]+ *│$", line), f"{option[1]} is not explained"


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("name", COMMANDS)
def test_its_example_can_be_typed_as_it_stands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([name, "--help"])
    examples = re.findall(r"^Example: shoal (.+?) *$", capsys.readouterr().out, re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(example)
        assert words[0] == name
        parsed: tuple[Any, ...] = create_app(name).parse_args(words, exit_on_error=False, print_error=False)
        assert parsed[0].__name__ == COMMANDS[name][0].partition(":")[2]
