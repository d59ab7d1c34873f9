"""Two languages: each has every text, no text stands anywhere else, and all pages are whole in both."""

import ast
import re
from collections.abc import Iterable
from typing import Final

import httpx
import pytest

from app.console.reasons import TEXTS
from app.reports.notes import TEXTS as NOTES
from app.segments.language.parser import parse_expression
from app.settings import Settings
from app.web.condition_words import clause_of, words_of
from app.web.texts import holes, language_of, read_texts, speaking
from tests.service.browser import Browser
from tests.support.shop import soon
from tests.web.changes import change, write_change
from tests.web.test_editing import says
from tests.web.test_pages import PAGES, look, violations
from tests.web.test_static_files import OWN
from tests.web.texts import FOLDER, LANGUAGES, seen_of, templates, texts_of

SAMPLES: Final = {"Order Completed", "userId", "revenue"}
"""Names that events have, in any language."""
SAME: Final = 9
"""So many texts are the same word in both languages, such as Segment and Partition."""


def test_each_language_has_every_text_with_the_same_holes_and_forms() -> None:
    english, german = map(texts_of, LANGUAGES)
    assert list(english.keys() ^ german.keys()) == []
    for key, forms in english.items():
        assert all([*forms, *german[key]]), key
        assert len(forms) == len(german[key]), key
        for one, other in zip(forms, german[key], strict=True):
            assert set(re.findall(r"\{\w+\}", one)) == set(re.findall(r"\{\w+\}", other)), key
    same = [key for key, forms in english.items() if forms == german[key]]
    assert len(same) <= SAME, same


def test_no_text_stands_outside_of_the_files_of_texts() -> None:
    found = {
        (path.name, text.strip())
        for path in OWN
        if path.suffix == ".js" and path.parent.name != "words"
        for template in templates(path.read_text(encoding="utf-8"))
        for text in seen_of(template)
    }
    assert {each for each in found if each[1] not in SAMPLES} == set()
    sources = "".join(path.read_text(encoding="utf-8") for path in OWN if path.parent.name not in ("words", "vendor"))
    assert re.findall(r"'[A-Z][a-z]+(?: [a-z]+)+[.?!]?'", sources) == []


def test_a_text_outside_would_be_found() -> None:
    source = "html`<p title=\"Hello you\">${a ? html`<b class=\"x\">Bold word</b>` : ''} <code>shoal</code>${'no'}</p>`"
    assert [text for each in templates(source) for text in seen_of(each)] == ["Hello you", "Bold word"]


def said_keys(node: ast.expr, known: Iterable[str]) -> list[str]:
    """The keys that an argument may be: one, one of two, or all that fit."""
    if isinstance(node, ast.IfExp):
        return [*said_keys(node.body, known), *said_keys(node.orelse, known)]
    if isinstance(node, ast.JoinedStr):
        parts = [re.escape(str(each.value)) if isinstance(each, ast.Constant) else r"\w*" for each in node.values]
        return [key for key in known if re.fullmatch("".join(parts), key)]
    assert isinstance(node, ast.Constant), ast.dump(node)
    return [key for key in known if key == node.value]


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_the_server_names_texts_that_are_there_and_gives_all_their_values(spoken: str) -> None:
    texts = read_texts(spoken)
    checked = 0
    for path in sorted(FOLDER.parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"):
                continue
            keys = said_keys(node.args[0], texts)
            assert keys, f"{path.name}:{node.lineno}"
            given = {each.arg for each in node.keywords}
            if None not in given and isinstance(node.args[0], ast.Constant):
                for form in texts[keys[0]]:
                    assert holes(form) <= given, f"{path.name}:{node.lineno} {keys[0]}"
                    assert len(texts[keys[0]]) == 1 or "n" in given, keys[0]
                checked += 1
    assert checked > 100


def test_the_texts_around_reasons_are_those_of_commands() -> None:
    for spoken in LANGUAGES:
        texts = read_texts(spoken)
        for key, text in TEXTS.items():
            assert holes(texts[f"why_{key}"][0]) == holes(text), key
    for key, note in NOTES.items():
        assert all(holes(form) <= holes(note) for form in read_texts("de")[f"note_{key}"]), key


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("cart.idle >= 30m", "die Zeit seit der letzten Änderung des Warenkorbs ist mindestens 30 Minuten"),
        ("count('Viewed' within 7d) >= 2", "tat 'Viewed' (höchstens 7 Tage her) mindestens 2-mal"),
        ("not segment('vip')", "ist nicht im Segment vip"),
        ("never('Bought' within 1d)", "tat nie 'Bought' (höchstens 1 Tag her)"),
        ("bucket('a') < 50", "bucket('a') ist kleiner als 50"),
    ],
)
def test_a_condition_is_told_in_german(expression: str, words: str) -> None:
    with speaking("de"):
        assert clause_of(parse_expression(expression)).text == words
    assert clause_of(parse_expression(expression)).text != words


def test_words_that_are_kept_are_those_of_a_language() -> None:
    for _ in range(2):
        with speaking("de"):
            assert words_of("cart.items > 0") == "die Zahl der Produkte im Warenkorb ist größer als 0"
        assert words_of("cart.items > 0") == "the number of products in the cart is more than 0"


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [("de", "de"), ("de-AT,en;q=0.5", "de"), ("en,de", "en"), ("fr", "en"), ("", "en"), ("fr, de;q=0.1", "de")],
)
def test_the_header_of_a_request_chooses_the_language(accepted: str, spoken: str) -> None:
    assert language_of(accepted) == spoken


async def test_refusals_come_in_the_language_of_the_request(http: httpx.AsyncClient) -> None:
    for accepted, said in (("de", "es gibt kein Segment 'nobody'"), ("en", "there is no segment 'nobody'")):
        answer = await http.get("/console/v1/segments/nobody", headers={"Accept-Language": accepted})
        assert answer.json()["message"] == said
    shown = await http.get("/console/v1/segments/cart-abandoned", headers={"Accept-Language": "de"})
    assert "die Zahl der Produkte im Warenkorb ist größer als 0" in shown.text


async def test_live_changes_come_in_the_language_of_the_page(http: httpx.AsyncClient, settings: Settings) -> None:
    headers = {"Accept-Language": "en"}

    async def is_followed() -> bool:
        async with http.stream("GET", "/console/v1/changes") as live:
            return live.status_code == 200

    await soon(is_followed)
    async with http.stream("GET", "/console/v1/changes?language=de", headers=headers) as live:
        lines = live.aiter_lines()
        assert (await anext(lines)).startswith("retry:")
        await write_change(settings, change("ann", "cart-abandoned", sequence=77))
        async for line in lines:
            if "Warenkorb" in line:
                break


async def test_a_page_in_german_has_no_english_of_the_server(url: str, page: Browser) -> None:
    await speak(page, "de")
    await look(page, f"{url}/segments/cart-abandoned", width=360)
    await says(page, "die Zahl der Produkte im Warenkorb ist größer als 0")
    shown = await page.evaluate("document.querySelector('main').innerText")
    assert "the number of" not in shown
    await look(page, f"{url}/segments/nobody")
    await says(page, "es gibt kein Segment 'nobody'")
    assert await page.evaluate("troubles") == []


async def speak(page: Browser, *languages: str) -> None:
    """A browser of somebody with these languages."""
    agent = await page.evaluate("navigator.userAgent")
    await page.command("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=",".join(languages))


@pytest.mark.parametrize(
    ("languages", "spoken"), [(("de-CH", "en"), "de"), (("fr", "de"), "de"), (("en-GB", "de"), "en"), (("fr",), "en")]
)
async def test_the_first_language_of_the_browser_that_there_is_counts(
    url: str, page: Browser, languages: tuple[str, ...], spoken: str
) -> None:
    await speak(page, *languages)
    await look(page, f"{url}/segments")
    assert await page.evaluate("document.documentElement.lang") == spoken
    assert await page.evaluate("document.querySelector('h1').textContent") == texts_of(spoken)["segments_title"][0]


@pytest.mark.long
async def test_the_switch_counts_more_and_stays(url: str, page: Browser) -> None:
    await speak(page, "de")
    await look(page, f"{url}/more")
    await page.until("document.querySelector('h1')?.textContent == 'Weiteres'")
    await page.evaluate("document.querySelector('button[lang=en]').click()")
    await page.until("document.querySelector('h1')?.textContent == 'More'")
    await look(page, f"{url}/health")
    assert await page.evaluate("document.documentElement.lang") == "en"
    await page.evaluate("document.querySelector('button[lang=de]').click()")
    await page.until("document.querySelector('h1')?.textContent == 'Zustand'")


@pytest.mark.long
async def test_all_pages_are_whole_in_german_on_a_phone(url: str, page: Browser) -> None:
    await speak(page, "de")
    for path, english in PAGES.items():
        await look(page, url + path, theme="light", width=360)
        await page.until("!/^Wird (noch )?geladen/m.test(document.body.innerText)")
        heading = await page.evaluate("document.querySelector('h1').textContent")
        assert heading != english or path == "/segments/cart-abandoned", path
        assert await violations(page) == [], path
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert await page.evaluate("troubles") == [], path
