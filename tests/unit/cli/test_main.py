"""The command line as a whole: what it lists, what it prints when something is wrong, and with which code it ends."""

import importlib
import inspect
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main as cli
from app.errors import UserError

ROOT = Path(__file__).parents[3]


def install(monkeypatch: pytest.MonkeyPatch, source: str, tmp_path: Path) -> None:
    """A module with one command `try_it`, as the only command of the command line."""
    (tmp_path / "tried.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tried", raising=False)
    monkeypatch.setattr(cli, "COMMANDS", {"try-it": ("tried:try_it", "Is tried.")})


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_exists_and_says_what_it_does(name: str) -> None:
    import_path, summary = cli.COMMANDS[name]
    module, _, attribute = import_path.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert inspect.getdoc(command)
    assert summary.endswith(".")


def test_help_imports_no_command() -> None:
    code = "import sys; from app.cli.main import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    *help_text, modules = done.stdout.strip().split("\n")
    assert all(f" {name} " in "\n".join(help_text) for name in cli.COMMANDS)
    loaded = set(modules.split())
    assert not loaded & {"faust", "aiokafka", "redis", "duckdb", "asyncio", "app.segments", "app.runtime"}


def test_without_a_command_it_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == cli.EXIT_OK
    assert "backtest" in capsys.readouterr().out


def test_a_misspelt_option_ends_with_2_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, "def try_it(*, users: int = 1):\n    'Is tried.'\n", tmp_path)
    assert cli.main(["try-it", "--usres", "3"]) == cli.EXIT_USER_ERROR
    printed = capsys.readouterr().err
    assert "--usres" in printed
    assert "Traceback" not in printed


def test_an_unknown_command_ends_with_2_and_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, "def try_it():\n    'Is tried.'\n", tmp_path)
    assert cli.main(["tri-it"]) == cli.EXIT_USER_ERROR
    assert "try-it" in capsys.readouterr().err


@pytest.mark.parametrize("word", cli.OTHER_WORDS)
def test_the_word_of_another_tool_leads_to_the_command(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert word not in cli.COMMANDS
    assert cli.main([word, "segments"]) == cli.EXIT_USER_ERROR
    assert f"did you mean shoal {cli.OTHER_WORDS[word]}?" in capsys.readouterr().err
    assert cli.OTHER_WORDS[word] in cli.COMMANDS


def test_what_the_user_can_mend_is_printed_with_detail_and_hint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
from app.errors import UserError
def try_it():
    'Is tried.'
    raise UserError("no broker at [localhost]:1", detail="refused\\ntwice", hint="start one")
"""
    install(monkeypatch, source, tmp_path)
    assert cli.main(["try-it"]) == cli.EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert printed.err == "error: no broker at [localhost]:1\n  refused\n  twice\n  hint: start one\n"
    assert not printed.out


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, "def try_it():\n    'Is tried.'\n    return 1 / 0\n", tmp_path)
    with pytest.raises(ZeroDivisionError):
        cli.main(["try-it"])


def test_a_command_chooses_its_exit_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, "def try_it(code: int):\n    'Is tried.'\n    return code\n", tmp_path)
    assert cli.main(["try-it", "0"]) == 0
    assert cli.main(["try-it", "1"]) == 1


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_ctrl_c_ends_with_130_and_no_traceback(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"import signal\n{kind} try_it():\n    'Is tried.'\n    signal.raise_signal({int(signal.SIGINT)})\n"
    install(monkeypatch, source, tmp_path)
    assert cli.main(["try-it"]) == cli.EXIT_INTERRUPTED
    assert not capsys.readouterr().err


def test_a_reader_who_leaves_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "tried.py").write_text(
        "import sys\n"
        "from app.cli import main as cli\n"
        "def try_it():\n"
        "    'Is tried.'\n"
        "    for number in range(100_000):\n"
        "        print(number)\n"
        "cli.COMMANDS = {'try-it': ('tried:try_it', 'Is tried.')}\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(cli.main(['try-it']))\n"
    )
    with subprocess.Popen(
        [sys.executable, tmp_path / "tried.py"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == cli.EXIT_BROKEN_PIPE
    assert not said


def test_an_error_without_detail_or_hint_is_one_line() -> None:
    assert str(UserError("no file x.yaml")) == "no file x.yaml"
