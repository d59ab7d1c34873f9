"""Personas: what is read, and what is refused."""

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition_file import read_definition_file
from app.segments.definitions.persona import Persona

SEGMENT = "segment: hunters\nwhen: exists('Promotion Clicked')\n"


def test_a_persona_is_read_as_it_is_written() -> None:
    text = f"{SEGMENT}persona:\n  name: Hunters\n  traits: [a, 7]\n  picture: https://x.example/a\n  offer: sale\n"
    found = load_catalog({"hunters.yaml": text}).segment("hunters").persona
    assert found == Persona(name="Hunters", traits=("a", "7"), picture="https://x.example/a", offer="sale")
    assert load_catalog({"hunters.yaml": f"{SEGMENT}persona: {{name: H}}\n"}).segment("hunters").persona == Persona(
        name="H"
    )
    assert load_catalog({"hunters.yaml": SEGMENT}).segment("hunters").persona is None


@pytest.mark.parametrize(
    ("persona", "message"),
    [
        ("{traits: [a]}", "a persona needs a name"),
        ("{name: ''}", "name is empty"),
        ("{name: H, colour: red}", "unknown key colour"),
        (f"{{name: {'x' * 81}}}", "name has 81 characters"),
        (f"{{name: H, offer: {'x' * 501}}}", "offer has 501 characters"),
        (f"{{name: H, traits: [{'x' * 501}]}}", "a trait is too long"),
        ("{name: H, traits: [a, a, a, a, a, a, a, a, a, a, a]}", "traits has 11 entries"),
        ("{name: H, picture: 'javascript:alert(1)'}", "this is no address of a picture"),
        ("{name: H, picture: 'http://x.example/a'}", "this is no address of a picture"),
        ("Hunters", "persona"),
    ],
)
def test_a_wrong_persona_is_a_problem_of_the_file(persona: str, message: str) -> None:
    (problem, *_) = read_definition_file("a.yaml", f"{SEGMENT}persona: {persona}\n").source.problems
    assert message in problem.message
    assert problem.line == 3
