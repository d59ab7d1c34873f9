"""Personas of segments with the number of their users."""

from collections.abc import Sequence

import msgspec

from app.population.membership_sets import MembershipSets
from app.segments.definitions.definition import Catalog


class PersonaSize(msgspec.Struct, kw_only=True, frozen=True):
    """A live segment with a persona. share: of the users of all segments with a persona; null: nobody is in one."""

    segment: str
    name: str
    users: int
    share: float | None
    traits: list[str]
    picture: str
    offer: str


async def personas(sets: MembershipSets, catalog: Catalog, names: Sequence[str]) -> list[PersonaSize]:
    """The live segments with a persona, the largest first; only these names, if there are any."""
    found = {
        each.name: each.persona
        for each in catalog.live_segments
        if each.persona is not None and (not names or each.name in names)
    }
    sizes = await sets.sizes(list(found))
    total = sum(sizes.values())
    return [
        PersonaSize(
            segment=segment,
            name=persona.name,
            users=sizes[segment],
            share=sizes[segment] / total if total else None,
            traits=list(persona.traits),
            picture=persona.picture,
            offer=persona.offer,
        )
        for segment, persona in sorted(found.items(), key=lambda each: (-sizes[each[0]], each[0]))
    ]
