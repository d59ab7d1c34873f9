"""The latest visit of one user. State: [start_ms, last_ms, pages, events, number, source, landing page].

A visit is over `gap_ms` after its last event, at exactly that instant. See language.md, "Session".
"""

from typing import Any

Session = list[Any]
VISIT_LENGTH = 7
START, LAST, PAGES, EVENTS, NUMBER, SOURCE, LANDING = range(VISIT_LENGTH)


def touch(session: Session | None, t: int, *, pages: int, gap_ms: int) -> tuple[Session, bool]:
    """The session after an event at `t`, and whether that event is now its first one.

    `pages` is 1 for page and screen events, else 0. An event too old for the visit changes nothing.
    """
    if session is None:
        return [t, t, pages, 1, 1, None, None], True
    last = session[LAST]
    if t >= last + gap_ms:
        return [t, t, pages, 1, session[NUMBER] + 1, None, None], True
    first = False
    if t > last:
        session[LAST] = t
    elif t < session[START]:
        if session[START] - t >= gap_ms:
            return session, False
        session[START] = t
        first = True
    session[PAGES] += pages
    session[EVENTS] += 1
    return session, first
