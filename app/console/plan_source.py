"""The generated code of one segment, for people: what an event runs, and how the segment is settled."""

import re
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from app.console.names import suggestion
from app.console.output import say
from app.console.plan_view import EVERY, make_plan
from app.errors import UserError
from app.segments.compiler.event_code import EventKey
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.settlement import SegmentCode
from app.segments.evaluation.time_rules import TimeRules

_BOUND: Final = re.compile(r"\b[A-Z]+_\d+\b")
_FED: Final = "p is the profile of the value, 1 says that it is to be settled"


def show_source(console: Console, catalog: Catalog, rules: TimeRules, name: str) -> None:
    """Prints the functions that concern a segment, each with a line that says when it runs. UserError without it."""
    program = compile_catalog(catalog, rules)
    segment = next((each for each in program.segments if each.name == name), None)
    if segment is None:
        names = [each.name for each in program.segments]
        raise UserError(f"no segment {name} is compiled (drafts are not)", hint=suggestion(name, names))
    functions = _functions(program.source)
    events = {event for event, touches in make_plan(catalog, rules).events.items() if _touches(touches, name)}
    part = segment if segment.values is None else segment.values.code  # by value, its functions are those of one value
    feeds = _feeds(program, segment)
    bit = 1 << segment.number
    for key, handler in program.handlers.items():
        if _label(key) in events:
            said = (
                f"an event {_label(key)}: changes what is remembered, returns the segments to settle; {name} is {bit}"
            )
            code = functions[handler.handle.__name__]
            _show(console, said, code, handler.handle.__globals__)
            for feed in re.findall(feeds, code) if feeds else ():
                _show(console, f"the same event, for one value: {_FED}", functions[feed], handler.handle.__globals__)
    settled = "the segment" if part is segment else "one value of the segment, of which p is the profile,"
    if EVERY in events:
        said = f"every event, before that of its name: returns the segments to settle; {name} is {bit}"
        _show(console, said, functions[program.visit_update.__name__], {})
    for function, said in (
        (part.settle, f"settles {settled} at the instant now: x is the settlement, which says enter or exit"),
        (part.entry_evidence, "the evidence of a change entered"),
        (part.exit_evidence, "the evidence of a change exited"),
        (part.attach, "the values that go with a change"),
    ):
        if function is not None:
            known: Any = function
            _show(console, said, functions[known.__name__], known.__globals__)


def _feeds(program: Program, segment: SegmentCode) -> str:
    """A pattern of the names of the functions that give events to the values of a segment; empty without values."""
    numbers = [number for number, by_value in enumerate(program.by_value) if by_value is segment.values]
    return "".join(rf"\bfeed_\d+_{number}\b" for number in numbers)


def _touches(touches: Any, name: str) -> bool:
    return any(name in touch.segments for touch in touches)


def _label(key: EventKey) -> str:
    kind, name = key
    return f"'{name}'" if kind == "track" else kind


def _functions(source: str) -> dict[str, str]:
    """The functions of a module by their names."""
    parts = re.split(r"^(?=def )", source, flags=re.MULTILINE)
    return {part[4 : part.index("(")]: part.rstrip("\n") for part in parts if part.startswith("def ")}


def _show(console: Console, said: str, code: str, names: dict[str, Any]) -> None:
    say(console, f"# {said}", "dim")
    for bound in sorted(set(_BOUND.findall(code)) & names.keys()):
        say(console, f"# {bound} is {_described(names[bound])}", "dim")
    say(console, Text(code))
    say(console)


def _described(value: Any) -> str:
    """Describes the value of a name in the code: a class, a function, an object of a class, or a plain value."""
    named = value if hasattr(value, "__qualname__") else type(value)
    if named.__module__ == "builtins":
        return repr(value)
    return f"{'' if named is value else 'a '}{named.__module__}.{named.__qualname__}"
