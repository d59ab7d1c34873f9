"""No command lets what is in an event, a definition or an option reach the terminal as anything but text."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from app.cli import main as cli
from app.console.output import make_console, say
from app.console.safe_console import SafeConsole, show_traceback
from app.events.visible_text import visible, visible_json, visible_line
from app.runtime.process.logs import JsonFormatter, log_to_stderr
from app.service.http.http_problem import Problem, Refused

EVIL = "[/b][link=x]\x1b[31m\x1b]0;title\x07\x9b2J\r\x08\u202egnp\u2066\u2028\x7f"
BIDI = "\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff"
ACTED_ON = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *BIDI} - {"\n", "\t"}


def acted_on(text: str) -> set[str]:
    """Characters that a terminal would act on."""
    return set(text) & ACTED_ON


def event(user: str, name: str, **properties: Any) -> str:
    at = "2026-01-05T10:00:00Z"
    return json.dumps({"type": "track", "event": name, "userId": user, "timestamp": at, "properties": properties})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Definitions, and in `wrong` one with mistakes; all with hostile text where text may be."""
    good, other, wrong = (tmp_path / name for name in ("good", "other", "wrong"))
    for each in (good, other, wrong):
        each.mkdir()
    title, hostile = json.dumps(f"T{EVIL}"), json.dumps(f"exists('Bought {EVIL}') and nothing({EVIL}) > 'a")
    head = f"segment: buyers\ntitle: {title}\ndescription: {title}\n"
    tests = (
        f"tests:\n  - name: {title}\n    events:\n      - {{at: 0m, event: Bought, properties: {{a: {title}}}}}\n"
        "    expect: [{at: 1m, in: false}]\n"
    )
    (good / "buyers.yaml").write_text(f"{head}when: exists('Bought')\nattach: {{last: last(a of 'Bought')}}\n{tests}")
    (other / "buyers.yaml").write_text(f"{head}when: count('Bought') > 1\n")
    (wrong / "wrong.yaml").write_text(f"segment: wrong\ntitle: {title}\nwhen: {hostile}\n")
    values = "values: {last: last(a of 'Bought')}\n"
    schema = {"type": "object", "required": [EVIL], "properties": {"a": {"enum": [EVIL, 1]}}}
    (tmp_path / "plan.json").write_text(json.dumps({"track": {"Bought": schema, f"Bought{EVIL}": schema}}))
    (tmp_path / "features.yaml").write_text(f"features: f\ntitle: {title}\nmoments: exists('Bought')\n{values}")
    lines = [event(f"u{EVIL}", "Bought", a=EVIL), event("u-2", "Bought", a=EVIL), event("u-2", EVIL), f'{{"a{EVIL}']
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    change = {"id": "1", "user": f"u{EVIL}", "segment": EVIL, "change": "entered", "times": 1, "sequence": 1}
    (tmp_path / "changes.jsonl").write_text(json.dumps(change | {"at": "2026-01-05T10:00:00Z"}))
    (tmp_path / "bad.jsonl").write_bytes(b'{"type":"\x1b[31m\x9b","userId":"\xc2\x9b"}\n' + EVIL.encode() + b"\n")
    (tmp_path / "destinations").mkdir()
    (tmp_path / "destinations" / "d.yaml").write_text(f"destination: d\nurl: {title}\n{title}: 1\n")
    return tmp_path


COMMANDS: tuple[str, ...] = (
    "validate good",
    "validate wrong",
    "test good",
    "test wrong",
    "test good --only EVIL",
    "plan good",
    "plan wrong",
    "backtest events.jsonl --segments good",
    "backtest events.jsonl --segments good --output changes.jsonl",
    "backtest events.jsonl --diff good other",
    "backtest bad.jsonl --segments good",
    "backtest EVIL --segments good",
    "backtest events.jsonl --segments EVIL",
    "rows events.jsonl --features features.yaml --output rows.csv",
    "rows events.jsonl --features wrong/wrong.yaml --output rows.csv",
    "recluster EVIL --segments good --prefix EVIL",
    "recluster events.jsonl --segments EVIL --output EVIL",
    "train EVIL --label EVIL --output EVIL",
    "predict events.jsonl --model EVIL --output EVIL",
    "predict events.jsonl --model events.jsonl --output EVIL.csv",
    "model convert EVIL --rows EVIL --output EVIL",
    "model EVIL events.jsonl --rows events.jsonl --output -",
    "report conversion flows --events events.jsonl --changes changes.jsonl --goal EVIL",
    "report conversion --events EVIL --changes EVIL",
    "report flows --warehouse EVIL",
    "report EVIL",
    "recommend train events.jsonl --output EVIL/EVIL --events Bought --item a",
    "recommend train events.jsonl --output - --events Bought EVIL --item a",
    "recommend evaluate events.jsonl --events EVIL --item EVIL",
    "recommend show EVIL --items EVIL",
    "recommend show events.jsonl",
    "recommend publish bad.jsonl --set redis_url=EVIL",
    "recommend EVIL",
    "audit sample events.jsonl --segments good --segment buyers --output audit.md",
    "audit sample events.jsonl --segments good --segment EVIL --output audit.csv",
    "audit sample events.jsonl --segments good --segment buyers --output EVIL",
    "audit result EVIL.csv",
    "audit result bad.jsonl",
    "audit EVIL EVIL",
    "cluster EVIL --output EVIL --prefix EVIL",
    "cluster events.jsonl",
    "rows EVIL --features EVIL --output EVIL",
    "tracking learn events.jsonl --plan EVIL.json",
    "tracking check events.jsonl --plan plan.json",
    "tracking check EVIL --plan EVIL",
    "explain events.jsonl --segments good --segment buyers --user uEVIL",
    "explain events.jsonl --segments good --segment EVIL --user u-2",
    "explain events.jsonl --segments good --segment buyers --user EVIL",
    "destinations check destinations",
    "destinations check EVIL",
    "simulate --file EVIL",
    "simulate --start EVIL",
    "import klaviyo EVIL",
    "import EVIL events.jsonl",
    "lists add EVIL ann",
    "lists import vip EVIL",
    "lists show vip EVIL",
    "snapshot EVIL/EVIL",
    "backfill EVIL",
    "census EVIL",
    "census once --every EVIL",
    "privacy report --segments good",
    "privacy report --segments good --format json",
    "privacy report --segments EVIL",
    "privacy EVIL",
    "verify --segments wrong",
    "verify --segments good --file EVIL",
    "verify --timeout EVIL",
    "publish wrong",
    "publish EVIL",
    "worker --segments wrong",
    "worker --set EVIL",
    "worker --broker EVIL",
    "serve --set nameEVIL=1",
    "serve --host EVIL --port EVIL",
    "console --host EVIL --port EVIL",
    "console --host 0.0.0.0 --set console_users_file=EVIL",
    "console --set segments=good console_login=password console_users_file=EVIL",
    "intake --set sources=EVIL",
    "warehouse --to EVIL://EVIL",
    "bigquery EVIL --from gs://there",
    "bigquery there.there --from EVIL",
    "warehouse --tables EVIL --to there",
    "memberships run --set redis_url=EVIL",
    "memberships EVIL",
    "segments size EVIL --set redis_url=EVIL",
    "segments EVIL",
    "uplift EVIL EVIL --within 7d",
    "uplift events.jsonl events.jsonl --within 7d --share EVIL",
    "uplift bad.jsonl bad.jsonl --within 7d",
    "users show EVIL",
    "users export EVIL --output EVIL",
    "users erase EVIL --status",
    "users EVIL ann",
    "replay --only EVIL --set partitions=EVIL",
    "topics check --set app_id=EVIL",
    "topics acls --broker EVIL",
    "catalog --EVIL",
    "demo --file EVIL",
    "local EVIL",
    "keys new EVIL",
    "keys user EVIL",
    "init EVIL/EVIL",
    "files EVIL",
    "EVIL",
)


def test_every_command_is_in_the_sweep() -> None:
    assert set(cli.COMMANDS) == {command.split()[0] for command in COMMANDS} - {"EVIL"}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_lets_control_characters_through(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("SHOAL_START_TIMEOUT", "0.1s")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        cli.main([word.replace("EVIL", EVIL) for word in command.split()])
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    printed = capsys.readouterr()
    assert printed.out + printed.err, "it says something"
    assert acted_on(printed.out + printed.err) == set()


def test_what_was_hostile_can_still_be_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert cli.main(["backtest", "events.jsonl", "--diff", "good", "other"]) == 0
    assert "\\x1b[31m\\x1b]0;title\\x07\\x9b2J" in capsys.readouterr().out


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(make_console(), "u-1\nequal: every change of every user")
    assert capsys.readouterr().out == "u-1\\nequal: every change of every user\n"


def test_the_escapes_of_a_terminal_stay_and_those_of_data_do_not() -> None:
    sink = io.StringIO()
    console = SafeConsole(file=sink, force_terminal=True, color_system="standard", width=200, highlight=False)
    console.print(Text("x", style="bold"), Text(EVIL))
    assert sink.getvalue().count("\x1b") == 2
    assert "\x1b[1mx" in sink.getvalue()


def test_tracebacks_are_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    error = ValueError(EVIL)
    show_traceback(ValueError, error, None)
    printed = capsys.readouterr().err
    assert "x]\\x1b[31m" in printed
    assert acted_on(printed) == set()


def test_a_mistake_of_ours_is_told_by_that_traceback(tmp_path: Path) -> None:
    code = (
        "import sys; from app.cli import main; from shoal import launcher\n"
        f"main.main = lambda: (_ for _ in ()).throw(ValueError({EVIL!r}))\n"
        "sys.exit(launcher.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert acted_on(done.stderr) == set()
    assert "x]\\x1b[31m" in done.stderr


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_lines_hold_no_control_characters_and_no_forged_line(form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        log_to_stderr("info", form)
        try:
            raise ValueError(f"{EVIL}\n12:00:00.000 forged")
        except ValueError:
            logging.getLogger("app.tried").exception("user %s", f"{EVIL}\n12:00:00.000 forged")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    printed = capsys.readouterr().err
    assert acted_on(printed) == set()
    assert not any(line.startswith("12:00:00.000") for line in printed.splitlines())
    if form == "json":
        assert json.loads(printed)["message"] == f"user {EVIL}\n12:00:00.000 forged"


def test_problems_over_http_are_shown_as_text() -> None:
    problem = Problem(400, "code", f"no {EVIL}", refused=(Refused(0, "no-user", f"no {EVIL}"),))
    assert acted_on(json.dumps(json.loads(problem.encode()), ensure_ascii=False)) == set()
    body = json.loads(problem.encode())
    assert acted_on(body["message"] + body["refused"][0]["detail"]) == set()


@pytest.mark.parametrize("show", [visible, visible_line, visible_json])
def test_ordinary_text_of_any_language_stays_as_it_is(show: Callable[[str], str]) -> None:
    text = "naïve Ωmega 日本語 עברית العربية 👩‍👩‍👧 \u200c"
    assert show(text) == text


def test_half_of_a_surrogate_pair_is_shown() -> None:
    assert visible("\ud800") == "\\ud800"


def test_json_formatter_escapes_what_json_leaves() -> None:
    record = logging.LogRecord("app.tried", logging.INFO, "", 0, EVIL, None, None)
    assert acted_on(JsonFormatter().format(record)) == set()
