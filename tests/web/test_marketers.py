"""Pages for people who know campaigns and no code: reasons in words, and a width that fits a phone."""

from typing import Final

import pytest

from app.console.reasons import Reasons
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.change import Atom
from app.service.evaluation import Standing
from app.web.condition_words import words_of
from app.web.people_routes import _explained_standing
from tests.service.browser import Browser
from tests.web.test_editing import says
from tests.web.test_pages import look

CATALOG: Final = load_catalog({"carts.yaml": "segment: carts\nwhen: cart.items > 0 and cart.idle >= 30m\n"})


@pytest.mark.parametrize(
    ("change", "evidence", "said"),
    [
        (
            "entered",
            [2, "30m"],
            (
                "the number of products in the cart is more than 0 (2)"
                " and the time since the cart was last changed is at least 30 minutes (30m)"
            ),
        ),
        (
            "exited",
            [0, "0s"],
            (
                "no longer: the number of products in the cart is more than 0 (0)"
                " and no longer: the time since the cart was last changed is at least 30 minutes (0s)"
            ),
        ),
    ],
)
def test_reasons_of_changes_are_told_in_words(change: str, evidence: list[object], said: str) -> None:
    atoms = [
        {"expression": text, "value": value}
        for text, value in zip(("cart.items > 0", "cart.idle >= 30m"), evidence, strict=True)
    ]
    made = {"segment": "carts", "change": change, "cause": {"kind": "event"}, "evidence": atoms}
    assert Reasons(CATALOG, words_of).of(made) == said
    assert "cart.idle >= 30m" in Reasons(CATALOG).of(made)


def test_a_person_is_told_with_words_beside_each_expression() -> None:
    atom = Atom("cart.items > 0", 2)
    standing = Standing(
        segment="carts", inside=True, since=None, times=1, attach={}, group=None, because=[atom], next=None
    )
    assert _explained_standing(standing, CATALOG).said == {
        "cart.items > 0": "the number of products in the cart is more than 0"
    }


async def test_a_segment_tells_its_latest_changes_without_code(url: str, page: Browser) -> None:
    await look(page, f"{url}/segments/cart-abandoned")
    await says(page, "the number of products in the cart is more than 0 (2)")
    assert "cart.items > 0" not in await page.evaluate("document.querySelector('.changes').textContent")


MORE: Final = """
const make = (name, texts, into) => texts.map((text) => Object.assign(into.appendChild(document.createElement(name)),
  {textContent: text}));
const [table] = make('table', [''], document.querySelector('[aria-labelledby=overlap]'));
const [head, body] = ['thead', 'tbody'].map((each) => make(each, [''], table)[0]);
make('th', ['Segment', 'In both', 'Share of the smaller one'], head.insertRow());
make('td', ['interested-and-did-not-buy', '120', '85.9 %'], body.insertRow());
const [cards] = make('table', [''], document.querySelector('main'));
cards.className = 'cards';
const [cell] = make('td', [''], make('tbody', [''], cards)[0].insertRow());
cell.dataset.label = 'Tags';
make('a', ['cart', 'abandonment', 'engagement', 'product'], cell).forEach((each) => { each.className = 'tag'; });
"""


async def test_wide_heads_and_many_tags_fit_a_phone(url: str, page: Browser) -> None:
    await look(page, f"{url}/segments/cart-abandoned", width=360)
    await says(page, "Segments with the same users")
    await page.evaluate(MORE)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
