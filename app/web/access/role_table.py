"""The table of groups and roles, for logins at which somebody else says who a person is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.errors import UserError
from app.web.access.roles import ROLES, Role, read_roles

EVERYBODY = "*"
_HINT = f"group=role,role; the next group after a semicolon. The roles are {', '.join(ROLES)}"


@dataclass(frozen=True, slots=True)
class RoleTable:
    """Roles by group."""

    by_group: Mapping[str, tuple[Role, ...]]

    def roles_of(self, groups: Collection[str]) -> tuple[Role, ...]:
        """All roles that some groups give together, in the order of roles. Groups that are not in the table give none.

        >>> role_table("growth=editor; *=viewer").roles_of(["growth", "sales"])
        ('viewer', 'editor')
        """
        given = [*self.by_group.get(EVERYBODY, ())]
        given += [role for group in groups if group != EVERYBODY for role in self.by_group.get(group, ())]
        return tuple(role for role in ROLES if role in given)


def role_table(text: str) -> RoleTable:
    """The table of SHOAL_CONSOLE_ROLES. UserError for an entry that is none, or for no entry at all.

    The last `=` of an entry ends the group: names of directories have others.

    >>> role_table("cn=ops,ou=groups=admin").by_group
    {'cn=ops,ou=groups': ('admin',)}
    """
    found: dict[str, tuple[Role, ...]] = {}
    for entry in (each.strip() for each in text.replace("\n", ";").split(";")):
        if not entry:
            continue
        group, equals, roles = entry.rpartition("=")
        where = f"console_roles, {entry[:80]!r}"
        if not equals or not group.strip():
            raise UserError(f"{where} is not group=role", hint=_HINT)
        if group.strip() in found:
            raise UserError(f"{where} names the group once more", hint="one entry for each group")
        found[group.strip()] = read_roles(roles, where)
    if not found:
        raise UserError("nobody would have a role: console_roles is empty", hint=f"set SHOAL_CONSOLE_ROLES: {_HINT}")
    return RoleTable(found)
