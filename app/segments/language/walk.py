"""Going through a syntax tree."""

from collections.abc import Iterator

from app.segments.language import syntax as s


def children(node: s.Node) -> Iterator[s.Node]:
    """The nodes directly below a node, in the order of the text."""
    match node:
        case s.Arithmetic() | s.Comparison():
            yield node.left
            yield node.right
        case s.Not() | s.Known():
            yield node.operand
        case s.And() | s.Or():
            yield from node.operands
        case s.ListOf():
            yield from node.items
        case s.AnyItem():
            yield node.of
            yield node.condition
        case s.Aggregate():
            if isinstance(node.of, s.Arithmetic):
                yield node.of
            yield node.pattern
            if node.since_last is not None:
                yield node.since_last
            if node.span_of_time is not None:
                yield node.span_of_time
        case s.Lower() | s.FirstValue() | s.ItemCount() | s.Version() | s.Near():
            yield node.of
        case s.Key():
            yield node.aggregate
        case s.Distance():
            yield node.of
        case s.Clock() if node.zone is not None:
            yield node.zone
        case s.Pattern():
            yield from (node.source,) if isinstance(node.source, s.Sequence) else node.source
            if node.where is not None:
                yield node.where
        case s.Sequence():
            yield from node.parts
        case _:
            pass


def walk(node: s.Node) -> Iterator[s.Node]:
    """A node and all nodes below it, each before those below it, in the order of the text."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(tuple(children(top))))


def simple_conditions(node: s.Expression) -> Iterator[s.Expression]:
    """The parts of a condition that are neither `and` nor `or` nor `not`, in the order of the text."""
    match node:
        case s.And(operands=operands) | s.Or(operands=operands):
            for operand in operands:
                yield from simple_conditions(operand)
        case s.Not(operand=operand):
            yield from simple_conditions(operand)
        case _:
            yield node
