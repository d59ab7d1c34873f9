"""Functions of one form share their code, and do what each of them would do by itself."""

from typing import Any

from app.segments.compiler.program import compile_catalog
from app.segments.compiler.shared_code import load
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules

SOURCE = """def first(p, now):
    s1 = p.get('a') or F_0(2)
    return [s1, now + 10, 1.5, 'it\\'s', (lambda n: n + 1)(now)]
def other(p):
    return p
def second(p, now):
    s1 = p.get("it's") or F_1(2)
    return [s1, now + 20, 2.5e-07, "\\"", (lambda n: n + 30)(now)]
"""


def test_functions_that_differ_in_values_share_their_code_and_keep_their_values() -> None:
    names: dict[str, Any] = {"F_0": lambda number: number + 1, "F_1": lambda number: number + 2}
    load(SOURCE, "<test>", names)
    alone: dict[str, Any] = {"F_0": names["F_0"], "F_1": names["F_1"]}
    exec(SOURCE, alone)  # the text above
    for known in ({}, {"a": 5}, {"it's": 6}):
        for name in ("first", "second"):
            assert names[name](known, 100) == alone[name](known, 100)
    assert names["other"](7) == 7
    assert names["first"].__code__ is names["second"].__code__
    assert names["first"].__name__ == "first"
    assert names["second"].__name__ == "second"


def test_functions_with_other_names_attributes_or_steps_share_nothing() -> None:
    source = "def a(p):\n    return p.x + 1\ndef b(p):\n    return p.y + 1\ndef c(p):\n    return p.x - 1\n"
    names: dict[str, Any] = {}
    load(source, "<test>", names)
    assert len({names[name].__code__ for name in "abc"}) == 3


def test_a_thousand_segments_of_one_form_have_one_code() -> None:
    files = {f"s{n}.yaml": f"segment: s{n}\nwhen: exists('Event {n}' within {n + 1}s)\n" for n in range(1_000)}
    program = compile_catalog(load_catalog(files), TimeRules())
    for part in ("settle", "entry_evidence", "exit_evidence"):
        assert len({getattr(segment, part).__code__ for segment in program.segments}) == 1
    assert len({handler.handle.__code__ for handler in program.handlers.values()}) == 1
