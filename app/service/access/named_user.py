"""The user whom a request names."""

from app.events.message import USER_BYTES_MAX
from app.service.http.http_problem import Problem
from app.settings import Settings


def named(settings: Settings, user: str) -> str:
    """The user as keys name them, or as the request does if they can be none."""
    return settings.incoming_ids.id_of(user) or user


def checked(settings: Settings, user: str) -> str:
    """The user as keys name them. Problem 400 for one that names nobody."""
    found = settings.incoming_ids.id_of(user)
    if found is None or "\x00" in found or len(found.encode(errors="replace")) > USER_BYTES_MAX:
        raise Problem(400, "user", "this id names nobody")
    return found
