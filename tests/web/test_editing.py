"""Writing a segment in a real browser: from an empty shop to a published segment, and all that may stand in the way."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Final

import pytest

from app.offline.trials import run_trials
from app.segments.definitions.catalog import load_catalog
from app.settings import Settings, load_settings
from tests.service.browser import Browser
from tests.web.author import Author, author_of_own_shop
from tests.web.changes import HOSTILE, write_changes
from tests.web.conftest import PASSWORD
from tests.web.test_pages import key, look, violations
from tests.web.texts import FOLDER

SHADOW: Final = "document.querySelector('.editor')?.shadowRoot"
PRESS: Final = "new MouseEvent('mousedown', {bubbles: true})"
TEXT: Final = f"[...{SHADOW}.querySelectorAll('.cm-line')].map((each) => each.textContent).join('\\n')"
READY: Final = f"!!{SHADOW}?.querySelector('.cm-content') && !!document.querySelector('.condition')"
FOLLOWED: Final = "new Promise((done) => requestAnimationFrame(() => setTimeout(() => setTimeout(done))))"
"""The page has followed what was typed: it does so after the next frame."""
STARTS: Final = dict(re.findall(r"(?ms)^  (\w+): `(.*?)`,$", (FOLDER / "parts" / "starts.js").read_text()))
TABS_MAX: Final = 40
WINDOWS: Final = "\ufeff# Carts ☕\r\nsegment: odd\r\n\r\n\r\nwhen:   exists('Tea Poured')\t\r\n#  end  "


@pytest.fixture(scope="module")
def author(settings: Settings) -> Iterator[Author]:
    """The author of a shop with events, in which nothing is published yet."""
    with author_of_own_shop(settings, "editing") as made:
        asyncio.run(write_changes(made.settings))
        yield made


async def click(page: Browser, text: str) -> None:
    """Clicks the button of a text, once it can be."""
    button = f"[...document.querySelectorAll('main button')].find((each) => each.textContent.startsWith({text!r}))"
    await page.until(f"!!{button} && !{button}.disabled")
    await page.evaluate(f"{button}.click()")


async def write(page: Browser, text: str) -> None:
    """Types at the end of the text."""
    await page.until(READY)
    await page.evaluate(f"{SHADOW}.querySelector('.cm-content').focus()")
    end = {"key": "End", "code": "End", "windowsVirtualKeyCode": 35, "modifiers": 2}
    await page.command("Input.dispatchKeyEvent", type="keyDown", **end)
    await page.command("Input.dispatchKeyEvent", type="keyUp", **end)
    await page.command("Input.insertText", text=text)
    await page.evaluate(FOLLOWED)


async def give_reason(page: Browser, text: str) -> None:
    """Says why, as with the keyboard."""
    await page.evaluate("document.querySelector('[name=message]').focus()")
    await page.command("Input.insertText", text=text)


async def says(page: Browser, text: str) -> None:
    """Waits for a text on the page."""
    await page.until(f"document.querySelector('main').textContent.includes({json.dumps(text)})")


async def test_an_empty_shop_gets_a_segment_without_a_command_line(author: Author, page: Browser) -> None:
    await look(page, f"{author.url}/segments")
    await says(page, "There are no segments yet. Begin a new one here")
    assert await page.evaluate("document.querySelector('.trouble')") is None
    await look(page, f"{author.url}/")
    await page.until("!!document.querySelector('.needs a[href=\"/edit\"]')")
    assert await page.evaluate("document.querySelector('#largest').parentElement.querySelector('.trouble')") is None
    await look(page, f"{author.url}/edit")
    await click(page, "Left a cart")
    await says(page, "the time since the cart was last changed is at least 30 minutes")
    await says(page, "No problems")
    await write(page, "# written by a marketer\n")
    await give_reason(page, "Our first segment")
    await click(page, "Publish")
    await says(page, "Published as number 1.")
    shown = author.http.get("/definitions", params={"name": "left-a-cart"}).json()
    assert shown["text"] == STARTS["cart"] + "# written by a marketer\n"
    assert shown["last"]["message"] == "Our first segment"
    await page.evaluate("document.querySelector('.publish .fine a').click()")
    await page.until("document.querySelector('h1').textContent == 'left-a-cart'")
    assert await page.evaluate("troubles") == []


async def test_a_text_whose_tests_fail_is_published_only_by_a_second_click(author: Author, page: Browser) -> None:
    text = STARTS["cart"].replace("left-a-cart", "odd-carts").replace("{at: 30m, in: true}", "{at: 30m, in: false}")
    assert author.publish(text, message="x", untested=True).status_code == 200
    await look(page, f"{author.url}/edit/odd-carts", width=360, theme="dark")
    await write(page, "owner: growth\n")
    await says(page, "Other words that mean the same")
    await give_reason(page, "As it is")
    await click(page, "Publish")
    await says(page, "tests of odd-carts fail, so nothing was published:")
    await says(page, "enters after half an hour of silence")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.evaluate("document.querySelector('[name=untested]').click()")
    await click(page, "Publish")
    await says(page, "Published as number")
    newest = author.history(name="odd-carts")[0]
    assert newest["message"].endswith("published although its tests do not pass: enters after half an hour of silence")
    assert await page.evaluate("troubles") == []


@pytest.mark.long
async def test_a_problem_is_shown_where_it_is_while_somebody_types(author: Author, page: Browser) -> None:
    author.publish("segment: typed\nwhen: exists('Tea Poured')\n", message="x")
    await look(page, f"{author.url}/edit/typed")
    await write(page, "ownr: me\n")
    await page.until("!!document.querySelector('.findings .error')")
    await page.until(f"{SHADOW}.querySelector('.cm-lintRange-error')?.textContent == 'ownr'")
    assert await page.evaluate("document.querySelector('button.main').disabled")
    assert "owner" in await page.evaluate("document.querySelector('.findings .remedy').textContent")
    await click(page, "Line 3")
    assert await page.evaluate(f"{SHADOW}.activeElement.classList.contains('cm-content')")
    assert await violations(page) == []


async def test_events_that_occur_are_proposed(author: Author, page: Browser) -> None:
    author.publish("segment: proposed\nwhen: exists('Tea Poured')\n", message="x")
    await look(page, f"{author.url}/edit/proposed")
    await write(page, "title: count('")
    for kind in ("keyDown", "keyUp"):
        await page.command(
            "Input.dispatchKeyEvent", type=kind, key=" ", code="Space", windowsVirtualKeyCode=32, modifiers=2
        )
    proposed = f"[...{SHADOW}.querySelectorAll('.cm-completionLabel')].map((each) => each.textContent)"
    await page.until(f"{proposed}.includes('<script>alert(2)</script>')")
    await page.evaluate(f"{SHADOW}.querySelector('li[role=option]').dispatchEvent({PRESS})")
    await page.until(f'{TEXT}.includes("title: count(\'<script>alert(2)</script>")')
    assert await page.evaluate(f"{SHADOW}.querySelectorAll('script, img').length") == 0
    assert await page.evaluate("troubles") == []


async def test_somebody_with_a_keyboard_alone_leaves_the_editor_and_publishes(author: Author, page: Browser) -> None:
    author.publish("segment: keyed\nwhen: exists('Tea Poured')\n", message="x")
    await look(page, f"{author.url}/edit/keyed")
    await write(page, "title: By keyboard\n")
    await says(page, "Other words that mean the same")
    for _ in range(TABS_MAX):
        await key(page, "Tab", text="")
        if await page.evaluate("document.activeElement.name == 'message'"):
            break
    await page.command("Input.insertText", text="Typed")
    await key(page, "Enter", text="\\r")
    await says(page, "Published as number")


async def test_every_byte_that_nobody_edits_stays(author: Author, page: Browser) -> None:
    assert author.publish(WINDOWS, message="from Windows").status_code == 200
    await look(page, f"{author.url}/edit/odd")
    await write(page, "of it")
    await says(page, "Other words that mean the same")
    await give_reason(page, "A comment")
    await click(page, "Publish")
    await says(page, "Published as number")
    assert author.http.get("/definitions", params={"name": "odd"}).json()["text"] == WINDOWS + "of it"


@pytest.mark.long
async def test_a_conflict_says_who_was_first_and_loses_nothing(author: Author, page: Browser) -> None:
    author.publish("segment: shared\nwhen: exists('Tea Poured')\n", message="x")
    await look(page, f"{author.url}/edit/shared")
    await write(page, "title: Mine\n")
    await page.until("!!document.querySelector('.difference .added')")
    author.publish("segment: shared\nwhen: count('Tea Poured') > 3\n", name="shared", message="<b>Bea</b> was first")
    await give_reason(page, "I want it")
    await click(page, "Publish")
    await page.until("document.querySelector('.trouble')?.textContent.includes('<b>Bea</b> was first')")
    await click(page, "Compare again")
    await page.until("document.querySelector('.difference .removed')?.textContent.includes('> 3')")
    tops = "new Set([...document.querySelectorAll('.difference .line')].map((each) => each.offsetTop)).size"
    assert await page.evaluate(tops) == await page.evaluate("document.querySelectorAll('.difference .line').length")
    assert "title: Mine" in await page.evaluate(TEXT)
    await click(page, "Publish")
    await says(page, "Published as number")
    assert "title: Mine" in author.http.get("/definitions", params={"name": "shared"}).json()["text"]


async def test_a_text_that_was_not_published_is_there_again(author: Author, page: Browser) -> None:
    author.publish("segment: kept\nwhen: exists('Tea Poured')\n", message="x")
    await look(page, f"{author.url}/edit/kept")
    await write(page, "title: Unfinished")
    await look(page, f"{author.url}/edit/kept?again=1")
    await says(page, "which you did not publish")
    await page.until(f"{TEXT}.includes('Unfinished')")
    await click(page, "Discard")
    await page.until(f"!{TEXT}.includes('Unfinished')")


@pytest.mark.long
async def test_an_earlier_publication_is_published_again_from_the_history(author: Author, page: Browser) -> None:
    author.publish("segment: back\nwhen: exists('Tea Poured')\n", message="the good one")
    good = author.latest()
    author.publish("segment: back\nwhen: count('Tea Poured') > 9\n", name="back", message="<i>a mistake</i>")
    for theme, width in (("light", 1280), ("dark", 360)):
        await look(page, f"{author.url}/history", theme=theme, width=width)
        await says(page, "<i>a mistake</i>")
        await click(page, "Show the difference")
        await page.until("!!document.querySelector('.difference .added')")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await click(page, "Go back to this")
    await page.until("!!document.querySelector('.panel input')")
    assert await violations(page) == []
    await page.evaluate("document.querySelector('.panel input').focus()")
    await page.command("Input.insertText", text="It was better")
    await click(page, "Publish it again")
    await says(page, "Published as number")
    newest = author.history()[0]
    assert (newest["restores"], newest["message"]) == (int(good), "It was better")
    assert await page.evaluate("troubles") == []


@pytest.mark.long
async def test_the_editor_follows_the_rules_of_access_with_problems_and_differences(
    author: Author, page: Browser
) -> None:
    author.publish("segment: looks\nwhen: exists('Tea Poured')\n", message="x")
    for number, (theme, width) in enumerate((("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360))):
        await look(page, f"{author.url}/edit/looks?turn={number}", theme=theme, width=width)
        await write(page, "ownr: 1\n")
        await page.until("!!document.querySelector('.findings .error') && !!document.querySelector('.difference')")
        assert await violations(page) == [], (theme, width)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert await page.evaluate("troubles") == []
        await page.evaluate("localStorage.clear()")


@pytest.mark.long
async def test_tests_are_tried_with_a_slider_of_time(author: Author, page: Browser) -> None:
    text = STARTS["cart"].replace("left-a-cart", "tried").replace("{at: 29m, in: false}", "{at: 29m, in: true}")
    author.publish(text, message="x", untested=True)
    await look(page, f"{author.url}/edit/tried", theme="dark", width=360)
    await click(page, "Run the tests")
    await says(page, "1 of 1 tests fails.")
    await says(page, "At 29m “in” was expected, but it is “not in”")
    await page.evaluate("document.querySelector('.slider input').focus()")
    assert "not in the segment" in await page.evaluate("document.querySelector('.moment').textContent")
    for _ in range(2):
        for kind in ("keyDown", "keyUp"):
            await page.command("Input.dispatchKeyEvent", type=kind, key="ArrowRight", windowsVirtualKeyCode=39)
    await page.until("document.querySelector('.moment b').textContent == 'At 30m:'")
    assert await page.evaluate("document.querySelector('.slider input').ariaValueText || 'none'")
    assert "in the segment" in await page.evaluate("document.querySelector('.moment .kind').textContent")
    await says(page, "Leaves at 1d, if nothing happens.")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.long
async def test_the_latest_events_are_played_and_users_who_would_enter_named(author: Author, page: Browser) -> None:
    text = "segment: played\nwhen: exists('<script>alert(2)</script>' within 7d)\n"
    author.publish(text.replace("exists", "4 <= count"), message="x")
    await look(page, f"{author.url}/edit/played")
    await write(page, "title: As it is\n")
    await click(page, "Play the latest events")
    await page.until("!!document.querySelector('.figures')")
    figures = "[...document.querySelectorAll('.figure dd')].map((each) => each.textContent)"
    assert await page.evaluate(figures) == ["0", "0", "0", "0"]
    await look(page, f"{author.url}/edit")
    await page.until("!!document.querySelector('.starts') || !!document.querySelector('.editor')")
    await click(page, "A single line")
    await write(page, "# <i>end</i>\n")
    await page.evaluate("localStorage.setItem('shoal-draft:', " + json.dumps(text.replace("played", "others")) + ")")
    await look(page, f"{author.url}/edit?again=1")
    await page.until(READY)
    await click(page, "Play the latest events")
    await page.until(f"{figures}.join() == '0,1,1,0'")
    await page.until(f"document.querySelector('a.user').textContent == {json.dumps(HOSTILE)}")
    assert await violations(page) == []
    assert await page.evaluate("document.querySelectorAll('main img, main i').length") == 0
    assert await page.evaluate("troubles") == []


async def choose(page: Browser, name: str, value: str) -> None:
    """Gives a field of the builder a value, as somebody does who types or chooses."""
    field = f"document.querySelector('[name=builder-{name}]')"
    await page.until(f"!!{field}")
    await page.evaluate(f"{field}.focus(); {field}.select()")
    await page.command("Input.insertText", text=value)


async def test_a_condition_is_built_in_steps_and_comments_stay(author: Author, page: Browser) -> None:
    text = "segment: built\n# why: tea\nwhen: exists('Tea Poured')   # ever\n\n\ntitle:   Built\n"
    old = "exists('Tea Poured')   # ever"
    author.publish(text, message="x")
    for number, (theme, width) in enumerate((("light", 1280), ("dark", 360))):
        await look(page, f"{author.url}/edit/built?turn={number}", theme=theme, width=width)
        await page.until(READY)
        await choose(page, "event", "It's <b>late</b>")
        await choose(page, "times", "3")
        await choose(page, "property", "color")
        await choose(page, "value", "red")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await click(page, "Add a condition")
        added = " and count('It''s <b>late</b>' where color = 'red' within 7d) >= 3"
        await page.until(f"{TEXT} == {json.dumps(text.replace('   # ever', added + '   # ever'))}")
        await page.until("document.querySelectorAll('.parts [aria-label^=Remove]:not(:disabled)').length == 2")
        await page.evaluate("document.querySelector('.parts [aria-label^=Remove]').click()")
        await page.until(f"{TEXT} == {json.dumps(text.replace(old, added[5:] + '   # ever'))}")
        assert await page.evaluate("document.querySelectorAll('main b.late').length") == 0
        assert await page.evaluate("troubles") == []
        await page.evaluate("localStorage.clear()")


async def test_a_key_is_on_the_screen_before_the_page_follows(author: Author, page: Browser) -> None:
    author.publish("segment: quick\nwhen: exists('Tea Poured')\n", message="x")
    await page.command("Emulation.setFocusEmulationEnabled", enabled=True)
    await look(page, f"{author.url}/edit/quick")
    await page.until(READY)
    await says(page, "No problems")
    type_one = f"""(async () => {{
        const content = {SHADOW}.querySelector('.cm-content'), states = [];
        const soon = () => new Promise((done) => setTimeout(done));
        const note = () => states.push(document.querySelector('[aria-labelledby=text] [role=status]').textContent);
        window.requestAnimationFrame = () => 0;  // no frame comes
        content.focus();
        document.execCommand('insertText', false, '# ');
        await soon();
        note();
        content.blur();
        await soon();
        note();
        return states;
    }})()"""
    assert await page.evaluate(type_one) == ["No problems", "Checking"]
    await says(page, "1 problem")
    assert await page.evaluate("troubles") == []
    await page.evaluate("localStorage.clear()")


async def test_a_viewer_is_told_that_they_may_not_edit(guarded_url: str, page: Browser) -> None:
    await look(page, f"{guarded_url}/edit/cart-abandoned")
    await page.evaluate(
        "document.querySelector('[name=name]').value = 'viewer';"
        f"document.querySelector('[name=password]').value = {json.dumps(PASSWORD)};"
        "document.querySelector('form').requestSubmit()"
    )
    await says(page, "Your role does not include editing")
    assert await page.evaluate("document.querySelector('.editor')") is None


@pytest.mark.parametrize("name", STARTS)
def test_texts_to_begin_with_work(name: str) -> None:
    catalog = load_catalog({"start.yaml": STARTS[name]})
    trials = list(run_trials(catalog, rules=load_settings({}).time_rules))
    assert len(trials) == (name != "empty")
    assert not [each.failures for each in trials if each.failures]


def test_all_texts_to_begin_with_are_found() -> None:
    assert list(STARTS) == ["empty", "cart", "interest", "spender", "lapsed"]
