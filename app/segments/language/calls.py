"""Functions that are given one fixed text: `segment('loyal')`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.segments.language import syntax as s


@dataclass(frozen=True, slots=True)
class Call:
    """One function. `needs`: the kind of its text, in words; `hint`: an example; `nothing`: stands for a wrong one."""

    node: Callable[[str, s.Span], s.Expression]
    needs: str
    hint: str
    nothing: s.Expression


CALLS: Final[dict[str, Call]] = {
    "segment": Call(
        lambda text, span: s.Membership(text, span=span), "a name", "write segment('name')", s.Boolean(value=True)
    ),
    "score": Call(lambda text, span: s.ScoreValue(text, span=span), "a name", "write score('name')", s.Number(0)),
    "list": Call(
        lambda text, span: s.StaticList(text, span=span), "a name", "write list('name')", s.Boolean(value=True)
    ),
    "consent": Call(
        lambda text, span: s.Consent(text, span=span), "a name", "write consent('marketing')", s.Boolean(value=True)
    ),
    "bucket": Call(
        lambda text, span: s.Bucket(text, span=span),
        "a text",
        "write bucket('spring test') < 10; each text divides the users in another way",
        s.Number(0),
    ),
    "segment_size": Call(
        lambda text, span: s.SegmentSize(text, span=span), "a name", "write segment_size('name') >= 500", s.Number(0)
    ),
}
