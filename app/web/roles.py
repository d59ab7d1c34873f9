"""Roles of the console's users, and the rights that each role gives."""

from collections.abc import Collection
from typing import Final, Literal, get_args

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
