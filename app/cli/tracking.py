"""`shoal tracking`: learns a tracking plan from files of events, and holds events against one."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from app.console.output import counted, make_console, say
from app.console.output_file import STANDARD_OUTPUT, check_output_file, write_output_file
from app.errors import UserError, need_packages
from app.offline.event_files import EventFiles

EXIT_FOUND: Final = 1


def tracking(
    action: Literal["learn", "check"],
    files: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    plan: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Learn from files which events come with which properties (`learn`), or hold files against that (`check`).

    A plan has a JSON Schema for each event. Edit what `learn` has written: it knows what was, not what should be.
    `check` finds events that are misspelt, sent twice, not in the plan or gone; properties that are missing, blank, of
    a wrong type or out of range; and events that became much more or less frequent within a week. Its exit code is 1
    if it finds something.

    Example: `shoal tracking check events.jsonl.gz --plan tracking.json`

    Parameters
    ----------
    action
        learn or check.
    files
        Messages in the Segment spec, in order of time: one JSON object a line (.jsonl, .gz), or Parquet with those
        columns.
    plan
        The file of the plan: `learn` writes it (`-`: to standard output), `check` reads it.
    json_
        Print all findings of `check` as one JSON document.
    """
    need_packages("this command", "tracking", "jsonschema")
    return _learn(files, plan) if action == "learn" else _check(files, plan, as_json=json_)


def _learn(files: list[Path], plan: Path) -> int:
    from app.offline.tracking.learning import EVENTS_MAX, PlanLearner
    from app.offline.tracking.plan import write_plan

    check_output_file(plan, files)
    learner = PlanLearner()
    for message in EventFiles(files):
        learner.hear(message)
    learnt = learner.plan()
    if not learnt.schemas:
        named = ", ".join(map(str, files))
        raise UserError(f"no event in {named}", hint="messages have a type and, for track, an event: see README.md")
    write_output_file(plan, write_plan(learnt).splitlines())
    if plan != STANDARD_OUTPUT:
        console = make_console()
        say(console, f"{counted(len(learnt.schemas), 'event')} in {plan}; read it, and edit what should be otherwise")
        if learner.left_out:
            say(console, f"left out beyond {EVENTS_MAX:,}: {learner.left_out:,} events or properties", "yellow")
    return 0


def _check(files: list[Path], plan: Path, *, as_json: bool) -> int:
    from app.console.tracking import show_findings
    from app.offline.tracking.audit import TrackingAudit
    from app.offline.tracking.plan import read_plan

    try:
        text = plan.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {plan}: {error.strerror}", hint="shoal tracking learn writes a plan") from None
    audit = TrackingAudit(read_plan(text, file=str(plan)))
    messages = EventFiles(files)
    for message in messages:
        audit.hear(message, messages.place)
    found = audit.findings()
    if as_json:
        document = {"messages": audit.messages, "unreadable": audit.unreadable, "findings": [*map(asdict, found)]}
        write_output_file(STANDARD_OUTPUT, [json.dumps(document, ensure_ascii=False, indent=2).encode()])
    else:
        show_findings(make_console(), found, messages=audit.messages, unreadable=audit.unreadable)
    return EXIT_FOUND if found else 0
