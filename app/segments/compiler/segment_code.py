"""A segment becomes four Python functions: settle, entry evidence, exit evidence, attach."""

from collections.abc import Iterator

from app.segments.compiler import evidence
from app.segments.compiler.aggregates import instants_needed, threshold
from app.segments.compiler.condition_code import Expressions
from app.segments.definitions.definition import Segment
from app.segments.evaluation import operators
from app.segments.evaluation.change import Atom
from app.segments.language import canonical, syntax
from app.segments.language.population_checks import population_name
from app.segments.language.syntax import And, Expression, Not
from app.segments.language.types import Type, type_of
from tables.profile import INSIDE, SENT, SINCE, TRUE_SINCE
from tables.windows import FOREVER


def is_simple(segment: Segment) -> bool:
    """True if only the end of the condition matters: no `for`, `hold`, `cooldown` or update."""
    waits = segment.for_ms or segment.hold_ms or segment.cooldown_ms
    return (
        segment.when is not None
        and segment.status == "live"
        and not (waits or segment.updates or segment.warmup == "wait")
    )


def entry_condition(segment: Segment) -> Expression:
    """Returns the condition under which a user who is out enters."""
    if segment.status == "retired":
        return syntax.Boolean(False)
    if segment.when is not None:
        return with_consent(segment.when, segment)
    assert segment.enter is not None
    assert segment.exit is not None
    return with_consent(And((segment.enter, Not(segment.exit))), segment)


def with_consent(condition: Expression, segment: Segment) -> Expression:
    """Returns a condition and the consent that the segment requires."""
    if not segment.requires:
        return condition
    operands = condition.operands if isinstance(condition, And) else (condition,)
    return And((*operands, *map(syntax.Consent, segment.requires)))


def write_segment(writer: Expressions, segment: Segment, number: int) -> None:
    """Writes `settle_<number>` and its companions; what they read is collected by the writer."""
    _write_settle(writer, segment, number)
    writer.touched_by = "none"  # the evidence is computed only if there is a change
    entry = segment.when or segment.enter
    leave = segment.when or segment.exit
    assert entry is not None
    assert leave is not None
    _write_evidence(writer, f"entry_evidence_{number}", with_consent(entry, segment))
    _write_evidence(writer, f"exit_evidence_{number}", leave)
    _write_attach(writer, segment, number)


def _write_settle(writer: Expressions, segment: Segment, number: int) -> None:
    code = writer.code
    own = writer.registry.segment_id(segment.name)
    with code.block(f"def settle_{number}(p, now, x)"):
        beginning = code.here()
        if segment.requires and segment.status == "live":
            code.line(f"m = p.members.get({own})")
            with code.block(f"if m is not None and m[{INSIDE}]"):
                _write_withdrawal(writer, segment, number)
        writer.watching = True
        if segment.warmup == "wait" and segment.status == "live":
            code.line(f"warm = x.warm_ms.get({own}, 0)")
            code.line(f"if x.filled and x.filled in p.aggregates: warm = x.filled_ms.get({own}, warm)")
            code.line("if now < warm:")
            code.line(f"    p.due[{own}] = warm")
            code.line("    return False")
        loaded = code.here()
        code.line(f"m = p.members.get({own})")
        if segment.when is not None or segment.status == "retired":
            if segment.requires and segment.when is not None and segment.status == "live":
                with code.block(f"if m is not None and m[{INSIDE}]"):
                    truth, until = writer.truth(segment.when)
                    _write_inside(writer, segment, number, f"not {truth}", until)
                truth, until = writer.truth(entry_condition(segment))
            else:
                truth, until = writer.truth(entry_condition(segment))
                with code.block(f"if m is not None and m[{INSIDE}]"):
                    _write_inside(writer, segment, number, f"not {truth}", until)
            _write_outside(writer, segment, number, truth, until)
        else:
            assert segment.exit is not None
            with code.block(f"if m is not None and m[{INSIDE}]"):
                truth, until = writer.truth(segment.exit)
                _write_inside(writer, segment, number, truth, until)
            truth, until = writer.truth(entry_condition(segment))
            _write_outside(writer, segment, number, truth, until)
    writer.watching = False
    _load_aggregates(writer, loaded)
    if writer.watch_bit:
        code.insert(beginning, f"p.watched &= ~{writer.watch_bit}", depth=1)


def _write_withdrawal(writer: Expressions, segment: Segment, number: int) -> None:
    """A user who is in and no longer agrees leaves at once, whatever `hold` and `warmup` say."""
    code = writer.code
    for purpose in segment.requires:
        node = syntax.Consent(purpose)
        granted, _ = writer.truth(node)
        atom = f"{code.bind('f', Atom)}({canonical.text(node)!r}, False)"
        code.line(f"if not {granted}: return x.withdraw(p, SEGMENTS[{number}], m, now, {purpose!r}, [{atom}])")


def _load_aggregates(writer: Expressions, place: int) -> None:
    """Before what was written since `place`, if that reads any."""
    if writer.code.mentions("A.get(", place):
        writer.code.insert(place, "A = p.aggregates", depth=1)


def _write_inside(writer: Expressions, segment: Segment, number: int, leaves: str, until: str | None) -> None:
    code = writer.code
    code.line(f"w = {until or FOREVER}")
    with code.block(f"if {leaves}"):
        if segment.hold_ms and segment.status != "retired":
            code.line(f"w = m[{SINCE}] + {segment.hold_ms}")
            code.line(f"if now >= w: return x.leave(p, SEGMENTS[{number}], m, now, w)")
        else:
            code.line(f"return x.leave(p, SEGMENTS[{number}], m, now, w)")
    if segment.hold_ms and segment.status != "retired":
        code.line(f"if w < m[{SINCE}] + {segment.hold_ms}: w = m[{SINCE}] + {segment.hold_ms}")
    if not segment.updates:
        _write_due(writer, segment, "w")
        code.line("return False")
        return
    code.line(f"sent = m[{SENT}] or {{}}")
    attach = dict(segment.attach)
    differs = []
    writer.touched_by = "inside"
    for name in segment.updates:
        value, value_until = writer.value(attach[name])
        shown = code.name("v")
        code.line(f"{shown} = {code.bind('f', evidence.SHOW[evidence.shown_as(attach[name])])}({value})")
        differs.append(f"not {code.bind('f', operators.same)}({shown}, sent.get({name!r}))")
        if value_until is not None:
            code.line(f"if {value_until} < w: w = {value_until}")
    writer.touched_by = "all"
    _write_due(writer, segment, "w")
    code.line(f"if {' or '.join(differs)}: x.update(p, SEGMENTS[{number}], m, now)")
    code.line("return False")


def _write_outside(writer: Expressions, segment: Segment, number: int, truth: str, until: str | None) -> None:
    code = writer.code
    code.line(f"w = {until or FOREVER}")
    code.line(f"if {truth}: return x.enter(p, SEGMENTS[{number}], m, now, w)")
    if segment.for_ms or segment.cooldown_ms:
        code.line(f"if m is not None: m[{TRUE_SINCE}] = None")
    _write_due(writer, segment, "w")
    code.line("return False")


def _write_due(writer: Expressions, segment: Segment, until: str) -> None:
    own = writer.registry.segment_id(segment.name)
    writer.code.line(f"if {until} < {FOREVER}: p.due[{own}] = {until}")
    writer.code.line(f"elif {own} in p.due: del p.due[{own}]")


def _write_evidence(writer: Expressions, name: str, condition: Expression) -> None:
    code = writer.code
    branch = evidence.branch_of(condition)
    atoms = evidence.atoms_of(branch)
    with code.block(f"def {name}(p, now, user)"):
        loaded = code.here()
        if any(each.way == "any" for each in _branches(branch)):
            code.line("told = []")
            _write_told(writer, branch)
            result = "told" if len(atoms) <= evidence.ATOMS_MAX else f"told[:{evidence.ATOMS_MAX}]"
        else:
            result = f"[{', '.join(_atom(writer, atom) for atom in atoms[: evidence.ATOMS_MAX])}]"
        _load_aggregates(writer, loaded)
        code.line(f"return {result}")


def _branches(branch: evidence.Branch) -> Iterator[evidence.Branch]:
    yield branch
    for part in branch.parts:
        yield from _branches(part)


def _write_told(writer: Expressions, branch: evidence.Branch) -> None:
    """Appends to `told` the atoms of a branch: of `any` only those of the parts that hold, if some do."""
    code = writer.code
    if branch.way == "atom":
        code.line(f"told.append({_atom(writer, branch)})")
    elif branch.way == "all":
        for part in branch.parts:
            _write_told(writer, part)
    else:
        held = [writer.truth(part.condition)[0] for part in branch.parts]
        none = code.name("b")
        code.line(f"{none} = not ({' or '.join(held)})")
        for part, holds in zip(branch.parts, held, strict=True):
            with code.block(f"if {holds} or {none}"):
                _write_told(writer, part)


def _atom(writer: Expressions, branch: evidence.Branch) -> str:
    """An atom as a change tells it. Behind `not` a value that is true or false is that of the whole."""
    value = _shown_value(writer, branch.atom)
    if branch.negated and type_of(branch.atom) is Type.BOOLEAN and not isinstance(branch.atom, syntax.Comparison):
        value = f"not {value}"
    more = writer.because(evidence.shown_side(branch.atom))
    if isinstance(branch.atom, syntax.Comparison) and isinstance(branch.atom.right, syntax.Top):
        more += f", threshold=PUBLISHED.get({population_name(branch.atom.right, branch.atom.left)!r})"
    return f"{writer.code.bind('f', Atom)}({canonical.text(branch.condition)!r}, {value}{more})"


def _shown_value(writer: Expressions, atom: Expression) -> str:
    code = writer.code
    asked = threshold(atom) if isinstance(atom, syntax.Comparison) else None
    if asked is not None:
        count, operator, bound = asked
        instants_max = instants_needed(operator, bound)
        value = writer.kept_count(count, instants_max)
        return f"{code.bind('f', evidence.show_count)}({value}, {instants_max})"
    side = evidence.shown_side(atom)
    value, _ = writer.value(side)
    if writer.is_boolean(side):
        return value
    return f"{code.bind('f', evidence.SHOW[evidence.shown_as(side)])}({value})"


def _write_attach(writer: Expressions, segment: Segment, number: int) -> None:
    code = writer.code
    with code.block(f"def attach_{number}(p, now, user)"):
        loaded = code.here()
        values = []
        for name, node in segment.attach:
            value, _ = writer.value(node)
            shown = evidence.shown_as(node)
            if segment.model is None or shown != "plain":  # a model takes plain values as they are
                value = f"{code.bind('f', evidence.SHOW[shown])}({value})"
            values.append(f"{name!r}: {value}")
        _load_aggregates(writer, loaded)
        code.line(f"return {{{', '.join(values)}}}")
