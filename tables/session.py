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


def merge(session: Session | None, other: Session | None, *, gap_ms: int) -> Session | None:
    """The latest visit of two users who are one. Two visits with less than the gap between them are one.

    `number` counts the visits of both; one visit that both have in part counts once.
    """
    if session is None or other is None:
        return session or other
    number = session[NUMBER] + other[NUMBER]
    first, second = (other, session) if other[START] < session[START] else (session, other)
    if second[START] >= first[LAST] + gap_ms:
        return [*second[:NUMBER], number, *second[NUMBER + 1 :]]
    return [
        first[START],
        max(first[LAST], second[LAST]),
        first[PAGES] + second[PAGES],
        first[EVENTS] + second[EVENTS],
        number - 1,
        first[SOURCE],
        first[LANDING],
    ]
