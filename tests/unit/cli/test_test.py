"""`shoal test`: what it prints of tests that pass and fail, and with which code it ends."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main as cli
from app.cli.test import watch_folder
from app.console.output import make_console

CART = """\
segment: cart-abandoned
title: Potential buyers
when: cart.items > 0 and cart.idle >= 30m and cart.idle < 24h
attach:
  value: cart.value
tests:
  - name: enters after half an hour
    events:
      - {at: 0m, event: Product Added, properties: {product_id: A1, price: 20}}
    expect:
      - {at: 29m59s, in: false}
      - {at: 30m, in: true, attach: {value: 20}}
"""
LOYAL = """\
segment: loyal
enter: count('Order Completed' within 30d) >= 2
exit: not exists('Order Completed' within 30d)
for: 1d
tests:
  - name: two orders, a day later
    events:
      - {at: 0m, event: Order Completed}
      - {at: 1h, event: Order Completed}
    expect:
      - {at: 1d, in: false}
      - {at: 1d1h, in: true}
      - {at: 30d1h, in: false}
"""
UNTESTED = "segment: untested\nwhen: exists(page)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cart-abandoned.yaml").write_text(CART)
    (tmp_path / "loyal.yaml").write_text(LOYAL)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_it_counts_the_tests_that_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", str(folder)]) == 0
    assert capsys.readouterr().out == "2 tests of 2 segments: all passed\n"


def test_a_failure_says_where_when_what_and_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "cart-abandoned.yaml", ">= 30m", ">= 45m")
    assert cli.main(["test", str(folder)]) == 1
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "failed  cart-abandoned: enters after half an hour",
        f"  {folder}/cart-abandoned.yaml:12  at 30m expected in, got not in",
        "      ✓  cart.items > 0    1    since 0s",
        "      ✗  cart.idle >= 45m  30m  since 0s",
        "      ✓  cart.idle < 1d    30m  since 0s",
        "  what happened in this test: no entry",
        "",
        "2 tests of 2 segments: 1 failed, 1 passed",
    ]


def test_a_failure_tells_what_happened_instead(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "cart-abandoned.yaml", "at: 29m59s, in: false", "at: 30m, in: false")
    edit(folder / "cart-abandoned.yaml", "value: 20", "value: 21")
    assert cli.main(["test", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "at 30m expected not in, got in\n" in printed
    assert "at 30m expected value = 21, got value = 20\n" in printed
    assert "at 30m  entered  1st time  cart.idle >= 30m (30m)" in printed


def test_a_failure_names_the_mark_that_holds_the_user(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "loyal.yaml", "{at: 1d, in: false}", "{at: 1d, in: true}")
    assert cli.main(["test", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "enters when" in printed
    assert "for: from 1h to 1d1h" in printed
    assert "at 1d1h   entered" in printed


def test_events_that_changed_nothing_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(
        folder / "loyal.yaml",
        "{at: 1h, event: Order Completed}",
        "{at: 25h, messageId: m, event: Order Completed}\n"
        "      - {at: 26h, messageId: m, event: Order Completed}\n"
        "      - {at: 27h, time: 1s, event: Order Completed}",
    )
    assert cli.main(["test", str(folder), "--only", "loyal"]) == 1
    printed = capsys.readouterr().out
    assert "1 event came too late (up to 1d1h59m54s) and changed nothing" in printed
    assert "1 repeated message (same messageId) changed nothing" in printed


def test_an_event_after_the_last_expectation_is_warned_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(
        folder / "loyal.yaml",
        "{at: 1h, event: Order",
        "{at: 1h, event: Order Completed}\n      - {at: 31d, event: Order",
    )
    assert cli.main(["test", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"warning: {folder}/loyal.yaml:6: 1 event comes after the last expectation" in printed


def test_segments_without_tests_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "untested.yaml").write_text(UNTESTED)
    (folder / "gone.yaml").write_text(UNTESTED.replace("untested", "gone") + "status: retired\n")
    assert cli.main(["test", str(folder)]) == 0
    assert "warning: 1 segment has no tests: untested\n" in capsys.readouterr().out


def test_drafts_are_tested_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "cart-abandoned.yaml", "title:", "status: draft\ntitle:")
    assert cli.main(["test", str(folder), "--only", "cart-abandoned"]) == 0
    assert "1 test of 1 segment: all passed" in capsys.readouterr().out


def test_only_the_named_segments_are_tested(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "cart-abandoned.yaml", ">= 30m", ">= 45m")
    assert cli.main(["test", str(folder), "--only", "loyal"]) == 0
    assert capsys.readouterr().out == "1 test of 1 segment: all passed\n"


def test_a_name_that_does_not_exist_gets_a_suggestion(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", str(folder), "--only", "cart-abandond"]) == cli.EXIT_USER_ERROR
    printed = capsys.readouterr().err
    assert "--only cart-abandond: no such segment" in printed
    assert "did you mean cart-abandoned?" in printed


def test_nothing_to_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "untested.yaml").write_text(UNTESTED)
    assert cli.main(["test", str(tmp_path)]) == cli.EXIT_USER_ERROR
    assert f"no tests in {tmp_path}" in capsys.readouterr().err


def test_definitions_that_are_wrong_are_not_tested(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "loyal.yaml", "count(", "cuont(")
    assert cli.main(["test", str(folder)]) == cli.EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert f"{folder}/loyal.yaml:2:" in printed.err
    assert not printed.out


@pytest.mark.parametrize("arguments", [["test", "nowhere"], ["test", "nowhere", "--watch"]])
def test_a_folder_that_is_not_there_is_an_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == cli.EXIT_USER_ERROR
    assert "no folder nowhere" in capsys.readouterr().err


def watched(folder: Path, *edits: Callable[[], object]) -> int:
    """Number of runs after these edits, one a look."""
    waiting = list(edits)
    done = 0

    def work() -> None:
        nonlocal done
        done += 1

    def wait() -> None:
        if not waiting:
            raise KeyboardInterrupt
        waiting.pop(0)()

    with pytest.raises(KeyboardInterrupt):
        watch_folder(make_console(), folder, work, wait)
    return done


def nothing() -> None:
    pass


def test_watching_runs_again_when_a_file_changes_comes_or_goes(folder: Path) -> None:
    path = folder / "loyal.yaml"
    assert watched(folder, nothing, nothing) == 1
    assert watched(folder, lambda: edit(path, "for: 1d", "for: 36h"), nothing) == 2
    assert watched(folder, lambda: os.utime(path, ns=(1, 1)), nothing) == 2
    assert watched(folder, lambda: (folder / "new.yaml").write_text(UNTESTED), (folder / "new.yaml").unlink) == 3
    assert watched(folder, lambda: (folder / "notes.txt").write_text("not a definition")) == 1


def test_watching_goes_on_after_a_mistake_and_ends_by_ctrl_c(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "loyal.yaml"
    edits = [("count(", "cuont("), ("cuont(", "count(")]

    def look(seconds: float) -> None:
        if not edits:
            raise KeyboardInterrupt
        edit(path, *edits.pop(0))

    monkeypatch.setattr("app.cli.test.time.sleep", look)
    assert cli.main(["test", str(folder), "--watch"]) == cli.EXIT_INTERRUPTED
    printed = capsys.readouterr()
    passed, failed, again = printed.out.split(f"watching {folder}; Ctrl-C ends\n")[:3]
    assert "all passed" in passed
    assert "cuont" in failed
    assert "all passed" in again
    assert not printed.err


def test_of_a_segment_by_value_the_value_of_the_expectation_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "liked.yaml").write_text(
        "segment: liked\neach: product_id\nwhen: exists('Liked' within 1d) and not exists('Bought' within 1d)\n"
        "tests:\n  - name: one is bought\n    events:\n"
        "      - {at: 0m, event: Liked, properties: {product_id: A1}}\n"
        "      - {at: 1m, event: Liked, properties: {product_id: B2}}\n"
        "      - {at: 2m, event: Bought, properties: {product_id: A1}}\n"
        "    expect:\n      - {at: 3m, value: A1, in: true}\n      - {at: 3m, value: C3, in: true}\n"
    )
    assert cli.main(["test", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert 'at 3m expected in for "A1", got not in' in printed or "at 3m expected in for A1, got not in" in printed
    assert "✗  not exists('Bought' within 1d)    since 2m" in printed
    assert "no event with this value has come by then, or it is forgotten" in printed
