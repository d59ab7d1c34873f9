"""Lines of the log, for people and for programs."""

import json
import logging
import sys

from app.runtime.process.logs import JsonFormatter


def record(message: str, *given: object, error: bool = False) -> logging.LogRecord:
    made = logging.LogRecord("app.runtime.x", logging.WARNING, __file__, 1, message, given, None)
    made.created, made.msecs = 1_767_571_200.5, 500
    if error:
        made.exc_info = sys.exc_info()
    return made


def test_a_line_is_one_object_whatever_was_said() -> None:
    line = JsonFormatter().format(record('partition %d:\n"ü"', 3))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-01-05T00:00:00.500Z",
        "level": "warning",
        "logger": "app.runtime.x",
        "message": 'partition 3:\n"ü"',
    }


NAME = "ann@shop.example"


def test_the_trace_of_an_error_is_in_its_line() -> None:
    try:
        raise ValueError(NAME)
    except ValueError:
        line = JsonFormatter().format(record("failed", error=True))
    assert "\n" not in line
    error = json.loads(line)["error"]
    assert "ValueError" in error
    assert NAME not in error, "the text of an error may name a user"
