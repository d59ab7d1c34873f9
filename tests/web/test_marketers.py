"""Pages for people who know campaigns and no code: reasons in words, and a width that fits a phone."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Final

import pytest
from msgspec import UNSET
from redis import Redis

from app.console.reasons import Reasons
from app.runtime.redis_keys import RedisKeys
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.change import Atom
from app.segments.language import canonical
from app.segments.language.parser import parse_expression
from app.service.questions.evaluation import Standing, ValueStanding
from app.settings import Settings
from app.web.condition_words import words_of
from app.web.live_changes import tell
from app.web.routes.people_routes import _explained_standings
from app.web.static_files import StaticFiles
from tests.service.browser import Browser
from tests.web.author import Author, author_of_own_shop
from tests.web.changes import write_changes
from tests.web.test_editing import READY, TEXT, choose, click, says
from tests.web.test_pages import look, violations

CALLED: Final = "segment: vip-customers-of-this-week\ntitle: VIP customers of this week\nwhen: {when}\n"
CATALOG: Final = load_catalog({"carts.yaml": "segment: carts\nwhen: cart.items > 0 and cart.idle >= 30m\n"})


@pytest.fixture(scope="module")
def author(settings: Settings) -> Iterator[Author]:
    """The author of a shop of their own."""
    with author_of_own_shop(settings, "marketers") as made:
        asyncio.run(write_changes(made.settings))
        yield made


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
    assert Reasons(CATALOG, words_of, tell).of(made) == said
    assert "cart.idle >= 30m" in Reasons(CATALOG).of(made)


def test_a_person_is_told_with_words_beside_each_expression() -> None:
    atom = Atom("cart.items > 0", 2)
    standing = Standing(
        segment="carts", inside=True, since=None, times=1, attach={}, group=None, because=[atom], next=None
    )
    (shown,) = _explained_standings([standing], CATALOG)
    assert shown.said == {"cart.items > 0": "the number of products in the cart is more than 0"}


def test_each_value_of_a_person_is_told_with_words_and_with_what_decides() -> None:
    atom = Atom("exists(page within 1d)", False)
    value = ValueStanding(
        value="A1", inside=False, since=None, times=0, attach={}, group=None, because=[atom], next=None
    )
    standing = Standing(
        segment="read", inside=False, since=None, times=0, attach={}, group=None, because=[], next=None, values=[value]
    )
    catalog = load_catalog({"read.yaml": "segment: read\neach: product_id\nwhen: exists(page within 1d)\n"})
    (told,) = _explained_standings([standing], catalog)
    assert told.values is not UNSET
    (shown,) = told.values
    assert (shown.value, shown.deciding, list(shown.said)) == ("A1", [atom.expression], [atom.expression])
    assert told.said == {}


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


PER: Final = "count('Product Viewed' per category within 7d) >= 3"
FORM: Final = f"import('{StaticFiles().prefix}parts/builder_form.js')"


@pytest.mark.parametrize(
    "written",
    [
        "count('It''s ''late''' where color = 'red' within 7d) >= 3",
        "exists(page within 30d)",
        "never('Order Completed')",
        "count('Product Viewed' where price >= 100) <= 2",
        "count('Product Viewed' where price >= 100 per category within 7d) >= 1",
        "count(page per path) <= 2",
        "cart.idle >= 30m",
        "traits.plan != 'pro'",
        "not list('vip-customers')",
        "segment('vip')",
    ],
)
async def test_the_form_says_what_it_has_read(url: str, page: Browser, written: str) -> None:
    await look(page, f"{url}/segments")
    said = f"{FORM}.then(({{ expressionOf, formOf }}) => expressionOf(formOf({json.dumps(written)})))"
    assert await page.evaluate(said) == written
    assert canonical.text(parse_expression(written)) == written


@pytest.mark.parametrize(
    "written", ["count('A' per id within 1d) > 3", "exists('A' within 3d)", "user.identified", "exists('A') or true"]
)
@pytest.mark.long
async def test_the_form_does_not_offer_what_it_cannot_say(url: str, page: Browser, written: str) -> None:
    await look(page, f"{url}/segments")
    assert await page.evaluate(f"{FORM}.then(({{ formOf }}) => formOf({json.dumps(written)}) === null)")


@pytest.mark.long
async def test_a_new_segment_of_a_list_is_named_and_built_without_code(author: Author, page: Browser) -> None:
    for number, (theme, width) in enumerate((("light", 1280), ("dark", 360))):
        await look(page, f"{author.url}/edit?turn={number}", theme=theme, width=width)
        await click(page, "A single line")
        await page.until(READY)
        await page.until("!!document.querySelector('[name=called]')")
        await page.evaluate("document.querySelector('[name=called]').focus()")
        await page.command("Input.insertText", text="VIP customers of this week")
        await click(page, "Call it so")
        await says(page, "It is called vip-customers-of-this-week")
        await pick(page, "what", "visits")
        await click(page, "Add a condition")
        await says(page, "did page within the last 7 days")
        await pick(page, "what", "list")
        await choose(page, "list", "vip-customers")
        await click(page, "Add a condition")
        await says(page, "is on the list vip-customers")
        remove = "[...document.querySelectorAll('.parts button')].find((each) => each.textContent == 'Remove')"
        await page.until(f"{remove} && !{remove}.disabled")
        await page.evaluate(f"{remove}.click()")
        when = "exists(page within 7d) and list('vip-customers')"
        await page.until(f"{TEXT} == {json.dumps(CALLED.format(when=when))}")
        assert await page.evaluate("document.querySelector('.parts li span').offsetWidth") > 150
        await says(page, "It begins with what happens from now on.")
        await says(page, "After publishing, “Fill in its past” adds that.")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await page.evaluate("troubles") == []
        await page.evaluate("localStorage.clear()")


@pytest.mark.long
async def test_a_condition_is_changed_in_its_place_of_the_form(author: Author, page: Browser) -> None:
    text = "segment: changed\nwhen: count('A' within 7d) >= 3 and never('B' within 7d) # all\n"
    assert author.publish(text, message="x").status_code == 200
    await look(page, f"{author.url}/edit/changed")
    await page.until(READY)
    await click(page, "Change")
    assert await page.evaluate("document.activeElement.name == 'builder-what'")
    assert await page.evaluate("document.querySelector('[name=builder-times]').value") == "3"
    await choose(page, "times", "2")
    assert await violations(page) == []
    await click(page, "Change the condition")
    after = text.replace("count('A' within 7d) >= 3 and ", "").replace(" # all", " and count('A' within 7d) >= 2 # all")
    await page.until(f"{TEXT} == {json.dumps(after)}")
    await says(page, "What the published text does not ask for counts from now on.")
    assert not await page.evaluate("document.querySelector('main').textContent.includes('Change the condition')")
    await click(page, "Change")
    await click(page, "Cancel")
    await page.until(f"{TEXT} == {json.dumps(after)}")
    assert await page.evaluate("troubles") == []


async def test_what_they_did_with_the_same_of_a_property_is_built_without_code(author: Author, page: Browser) -> None:
    assert author.publish("segment: collectors\nwhen: exists('A')\n", message="x").status_code == 200
    await look(page, f"{author.url}/edit/collectors", width=360)
    await page.until(READY)
    await choose(page, "event", "Product Viewed")
    await choose(page, "times", "3")
    await choose(page, "per", "category")
    await click(page, "Add a condition")
    await says(page, "did 'Product Viewed' with the same category within the last 7 days at least 3 times")
    await page.until(f"{TEXT}.includes({json.dumps(PER)})")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate("troubles") == []
    await page.evaluate("localStorage.clear()")


async def test_midnight_is_the_hour_nought(url: str, page: Browser) -> None:
    await look(page, f"{url}/segments")
    words = f"import('{StaticFiles().prefix}words.js')"
    shown = await page.evaluate(f"{words}.then(({{ moment }}) => moment(new Date(2026, 0, 5, 0, 0, 7).toISOString()))")
    assert "00:00:07" in shown


async def pick(page: Browser, name: str, value: str) -> None:
    """Chooses in a list of the builder."""
    field = f"document.querySelector('[name=builder-{name}]')"
    await page.until(f"!!{field}")
    await page.evaluate(
        f"{field}.value = {json.dumps(value)}; {field}.dispatchEvent(new Event('change', {{bubbles: true}}))"
    )


@pytest.mark.long
async def test_an_invented_visitor_is_played_whatever_the_tests_of_the_text_say(author: Author, page: Browser) -> None:
    for number, (theme, width) in enumerate((("light", 1280), ("dark", 360))):
        await look(page, f"{author.url}/edit?visitor={number}", theme=theme, width=width)
        await click(page, "Looked and did not buy")
        await click(page, "Take what the condition asks for")
        await says(page, "Product Viewed × 5")
        await choose_of(page, "visitor-event", "Order Completed")
        await click(page, "Add what they do")
        await says(page, "Order Completed × 1, a minute later")
        await click(page, "Play the visitor")
        await says(page, "At 0s:")
        slider = "document.getElementById('moment-visitor')"
        for place, said in ((4, "At 4m: in the segment"), (5, "At 5m: not in the segment")):
            await page.evaluate(
                f"{slider}.value = {place}; {slider}.dispatchEvent(new Event('input', {{bubbles: true}}))"
            )
            await says(page, said)
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await page.evaluate("troubles") == []
        await page.evaluate("localStorage.clear()")


async def choose_of(page: Browser, name: str, value: str) -> None:
    """Types into a field."""
    await page.evaluate(f"document.querySelector('[name={name}]').focus()")
    await page.command("Input.insertText", text=value)


async def test_a_segment_is_begun_with_the_users_of_a_list(author: Author, page: Browser) -> None:
    await look(page, f"{author.url}/edit?list=vip-customers")
    await says(page, "is on the list vip-customers")
    await says(page, "No problems")
    await page.evaluate("localStorage.clear()")
    await look(page, f"{author.url}/edit?list=No%20Name")
    await says(page, "What do you begin with?")


async def test_the_size_of_an_hour_ago_stands_beside_that_of_now(settings: Settings, url: str, page: Browser) -> None:
    key = RedisKeys(settings.redis_prefix).counts("viewers")
    at_ms = int(time.time() * 1000) - 3_900_000
    with Redis.from_url(settings.redis_url) as redis:
        redis.zadd(key, {f"{at_ms}:4242": at_ms})
        try:
            await look(page, f"{url}/segments/viewers")
            await page.until("document.querySelector('.figures').textContent.includes('An hour ago4,242')")
        finally:
            redis.delete(key)


async def test_a_person_who_asks_about_their_data_is_one_click_away(url: str, page: Browser) -> None:
    await look(page, f"{url}/people?user=ann%26b")
    link = "document.querySelector('main a[href^=\"/privacy\"]')"
    await page.until(f"{link}?.textContent == 'Does this person ask about their data?'")
    await page.evaluate(f"{link}.click()")
    await page.until("document.querySelector('h1').textContent == 'Privacy'")
    await page.until("document.querySelector('.adding input').value == 'ann&b'")


async def test_the_latest_publication_offers_no_way_back_to_itself(author: Author, page: Browser) -> None:
    for number, name in ((1, ""), (2, "back")):
        text = f"segment: back\nwhen: cart.items > {number}\n"
        assert author.publish(text, name=name, message="x").status_code == 200
    await look(page, f"{author.url}/history?name=back")
    back = "[...document.querySelectorAll('.steps > li')].map((each) => each.textContent.includes('Go back to this'))"
    await page.until(f"{back}.slice(0, 2).join() == 'false,true'")


async def test_where_nothing_is_sent_is_told_to_who_knows_mail_tools(url: str, page: Browser) -> None:
    await look(page, f"{url}/destinations")
    await says(page, "Nothing is sent to a mail tool or any other service")
    await look(page, f"{url}/segments/cart-abandoned")
    await says(page, "no mail tool or other service gets these users")


async def test_two_steps_at_once_are_both_taken(author: Author, page: Browser) -> None:
    await look(page, f"{author.url}/edit?turn=both")
    await click(page, "A single line")
    await page.until(READY)
    await page.evaluate("document.querySelector('[name=called]').focus()")
    await page.command("Input.insertText", text="Both")
    await choose(page, "event", "Tea Poured")
    buttons = "['Add a condition', 'Call it so'].map((text) => [...document.querySelectorAll('main button')]"
    buttons += ".find((each) => each.textContent == text))"
    await page.until(f"{buttons}.every((each) => each && !each.disabled)")
    await page.evaluate(f"{buttons}.forEach((each) => each.click())")
    when = "count('Product Viewed' within 7d) >= 3 and exists('Tea Poured' within 7d)"
    await page.until(f"{TEXT} == {json.dumps(f'segment: both{chr(10)}title: Both{chr(10)}when: {when}{chr(10)}')}")
    await page.evaluate("localStorage.clear()")


async def test_the_focus_does_not_get_lost_with_the_start_of_a_text(author: Author, page: Browser) -> None:
    await look(page, f"{author.url}/edit?turn=focus")
    await click(page, "Left a cart")
    await page.until(READY)
    await page.until("document.activeElement.tagName == 'H1'")
    await page.evaluate("localStorage.clear()")
