"""`shoal audit`: a sample of a segment for a person to judge, and what follows from the judgement."""

from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from app.catalogs.definitions_folder import load_segments
from app.console.audits import show_drawn, show_result
from app.console.backtesting import show_missing, show_unusable
from app.console.names import suggestion
from app.console.options import read_instant_ms
from app.console.output import counted, make_console, say
from app.console.output_file import check_output_file, write_output_file
from app.console.playing import play_files
from app.errors import UserError
from app.offline.audits.audit_file import Marked, audit_lines, format_of, read_audit
from app.offline.audits.regression import PersonEvents, collect, regression_of
from app.offline.audits.sampling import Auditor
from app.offline.event_files import EventFiles
from app.offline.explainer import needed_of
from app.offline.name_census import NameCensus
from app.offline.persons_keys import keys_of
from app.offline.value_census import ValueCensus
from app.runtime.process.gc_control import without_collector
from app.segments.definitions.definition import Catalog
from app.settings import load_settings

SAMPLE_MAX: Final = 1_000


def audit(
    action: Literal["sample", "result"],
    files: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    segments: Path | None = None,
    segment: str | None = None,
    output: Path | None = None,
    members: int = 20,
    near: int = 20,
    seed: int = 0,
    until: str | None = None,
    events: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    tests: Path | None = None,
) -> int:
    """Draw members and near-members of a segment for a person to judge (`sample`), and count the judgements (`result`).

    A near-member is not in, and one part of the condition is missing, or a waiting time. Members are drawn at random,
    of near-members the nearest. In the file stand the parts of the condition with their values; write yes or no into
    the column `right`. `result` says how many are wrong, with a 95 % interval, and writes the wrong cases as tests of
    the definition: they fail until it is right.

    Example: `shoal audit sample events.jsonl.gz --segments segments --segment hot-leads --output hot-leads.csv`

    Parameters
    ----------
    action
        sample or result.
    files
        sample: messages in the Segment spec, in order of time (.jsonl, .gz, Parquet). result: the marked file.
    segments
        Folder with the definitions.
    segment
        sample: the segment; it may be a draft.
    output
        sample: the file to write: .csv or .md.
    members
        sample: the number of members, at most 1,000.
    near
        sample: the number of near-members, at most 1,000.
    seed
        sample: the same seed, events and definitions give the same file.
    until
        sample: after the last event, advance the clock to this instant, such as 2026-09-01T00:00:00Z.
    events
        result: the files of sample, for --tests.
    tests
        result: a file to write the wrong cases to, as tests (YAML).
    """
    if action == "sample":
        if segments is None or segment is None or output is None:
            raise UserError("sample needs --segments, --segment and --output", hint="shoal audit --help shows a line")
        for option, number in (("members", members), ("near", near)):
            if not 0 <= number <= SAMPLE_MAX:
                raise UserError(f"--{option} is {number}", hint=f"from 0 to {SAMPLE_MAX:,}")
        until_ms = None if until is None else read_instant_ms(until, option="--until")
        return _sample(files, segments, segment, output, members=members, near=near, seed=seed, until_ms=until_ms)
    if len(files) != 1:
        raise UserError(f"result takes one file, not {len(files)}", hint="shoal audit result marked.csv")
    marked = read_audit(files[0])
    show_result(make_console(), marked)
    if tests is not None:
        if segments is None or not events:
            raise UserError("--tests needs --segments and --events", hint="the definitions and events of the sample")
        _write_tests(marked, events, segments, tests)
    return 0


def _sample(
    files: list[Path],
    folder: Path,
    segment: str,
    output: Path,
    *,
    members: int,
    near: int,
    seed: int,
    until_ms: int | None,
) -> int:
    format_of(output)
    check_output_file(output, files)
    rules = load_settings().time_rules
    catalog = load_segments(folder, rules)
    _check_segment(catalog, segment, folder)
    console = make_console()
    with without_collector():
        auditor = Auditor(catalog, segment, rules)
        needed = needed_of(catalog, catalog.segment(segment))
        census, values = NameCensus(needed), ValueCensus(needed)
        (summary,) = play_files(console, files, (auditor.run,), census, values, until_ms=until_ms)
        sample = auditor.draw(summary.end_ms, members=members, near=near, seed=seed)
    write_output_file(output, audit_lines(output, sample))
    show_drawn(console, sample, output)
    show_missing(console, census.missing())
    show_unusable(console, values.unusable())
    return 0


def _check_segment(catalog: Catalog, segment: str, folder: Path) -> None:
    names = [each.name for each in catalog.segments]
    if segment not in names:
        raise UserError(f"no segment {segment} in {folder}", hint=suggestion(segment, names))


def _write_tests(marked: list[Marked], files: list[Path], folder: Path, tests: Path) -> None:
    check_output_file(tests, files)
    rules = load_settings().time_rules
    catalog = load_segments(folder, rules)
    _check_segment(catalog, marked[0].segment, folder)
    console = make_console()
    if marked[0].version != catalog.version:
        say(console, f"the definitions have changed since the audit ({marked[0].version})", "yellow")
    wrong = [(number, each) for number, each in enumerate(marked, 1) if each.is_right is False]
    policy = catalog.settings.identity
    persons = []
    for _, case in wrong:
        keys = {case.user} if policy is None else keys_of(EventFiles(files), case.user, policy, rules.user_ids)
        persons.append(PersonEvents(frozenset(keys)))
    if wrong:
        collect(EventFiles(files), persons, marked[0].at_ms, rules)
    made = []
    for (number, case), person in zip(wrong, persons, strict=True):
        regression = regression_of(case, person, catalog, rules, number=number)
        if regression.text is None:
            say(console, f"no test of case {number}: {regression.why_not}", "yellow")
        else:
            made.append(regression.text)
    if not made:
        say(console, "there is no test to write")
        return
    write_output_file(tests, [b"tests:", *(text.encode() for text in made)])
    place = catalog.segment(marked[0].segment).path or marked[0].segment
    say(
        console,
        f"{counted(len(made), 'test')} in {tests}: put them below tests: of {place}; they fail until it is right",
    )
