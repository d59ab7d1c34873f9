"""Personas: the kind of people in a segment, in words, for those who write to them. No part of what a segment means."""

from dataclasses import dataclass
from typing import Final

from app.segments.definitions.definition_format import (
    PERSONA,
    PERSONA_FORM,
    PERSONA_NAME,
    PERSONA_OFFER,
    PERSONA_PICTURE,
    PERSONA_TRAITS,
)
from app.segments.definitions.yaml_fields import Fields

TRAITS_MAX: Final = 10
NAME_CHARACTERS_MAX: Final = 80
TEXT_CHARACTERS_MAX: Final = 500
PICTURE_CHARACTERS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One persona. traits: what these people have in common. picture: its address; offer: what is good for them. Empty:
    nothing is said."""

    name: str
    traits: tuple[str, ...] = ()
    picture: str = ""
    offer: str = ""


def read_persona(fields: Fields) -> Persona | None:
    """The persona of a segment. None if it has none, or has problems, which are added to the file's."""
    node = PERSONA.read(fields)
    if node is None:
        return None
    own = PERSONA_FORM.fields(fields.source, node)
    found = Persona(
        name=PERSONA_NAME.read(own),
        traits=PERSONA_TRAITS.read(own),
        picture=PERSONA_PICTURE.read(own),
        offer=PERSONA_OFFER.read(own),
    )
    known = len(own.source.problems)
    if len(found.traits) > TRAITS_MAX:
        own.wrong("traits", f"traits has {len(found.traits)} entries", f"the most is {TRAITS_MAX}")
    limits = {"name": NAME_CHARACTERS_MAX, "offer": TEXT_CHARACTERS_MAX, "picture": PICTURE_CHARACTERS_MAX}
    for key, most in limits.items():
        if len(getattr(found, key)) > most:
            own.wrong(key, f"{key} has {len(getattr(found, key)):,} characters", f"the most is {most:,}")
    if any(len(trait) > TEXT_CHARACTERS_MAX for trait in found.traits):
        own.wrong("traits", "a trait is too long", f"the most is {TEXT_CHARACTERS_MAX:,} characters")
    if found.picture and not found.picture.startswith("https://"):
        own.wrong("picture", "this is no address of a picture", "write picture: https://shop.example/people/hunter.png")
    return found if found.name and len(own.source.problems) == known else None
