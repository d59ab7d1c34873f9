"""Roles of the console's users, and the rights that each role gives."""

from collections.abc import Collection
from typing import Final, Literal, cast, get_args

from app.errors import UserError

Right = Literal["see", "people", "edit", "publish", "administer", "privacy"]
Role = Literal["viewer", "people", "editor", "publisher", "admin", "privacy"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    "viewer": frozenset({"see"}),
    "people": frozenset({"see", "people"}),
    "editor": frozenset({"see", "people", "edit"}),
    "publisher": frozenset({"see", "people", "edit", "publish"}),
    "admin": frozenset({"see", "people", "edit", "publish", "administer"}),
    "privacy": frozenset({"see", "people", "privacy"}),
}
"""`see`: sizes, definitions and states. `people`: who they are. The others are what their names say."""
EVERY_RIGHT: Final[frozenset[Right]] = frozenset(get_args(Right))


def rights_of(roles: Collection[Role]) -> frozenset[Right]:
    """All rights that some roles give together.

    >>> sorted(rights_of(["people", "privacy"]))
    ['people', 'privacy', 'see']
    """
    return frozenset(right for role in roles for right in RIGHTS[role])


def read_roles(text: str, where: str) -> tuple[Role, ...]:
    """Roles that are separated by commas. UserError, with `where` they stand, for what is none, and for no role.

    >>> read_roles("people, editor", "the roles")
    ('people', 'editor')
    """
    found = tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    unknown = [each for each in found if each not in ROLES]
    if unknown or not found:
        what = f"{unknown[0][:40]!r} is no role" if unknown else "there is no role"
        raise UserError(f"{where}: {what}", hint=f"the roles are {', '.join(ROLES)}")
    return cast(tuple[Role, ...], found)
