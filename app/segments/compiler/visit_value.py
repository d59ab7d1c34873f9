"""Values of a visit, as Python source."""

from tables import session as sessions

SESSION_INDEX = {
    "pages": sessions.PAGES,
    "events": sessions.EVENTS,
    "source": sessions.SOURCE,
    "landing_page": sessions.LANDING,
}


def visit_value(name: str) -> str:
    """Returns the text behind the name of a visit in an expression for one of its values; `{session}` is that name."""
    if name == "duration":
        return f"[{sessions.LAST}] - {{session}}[{sessions.START}]"
    return f"[{SESSION_INDEX[name]}]"
