"""Two languages: each has every text, no text stands anywhere else, and all pages are whole in both."""

import re
from typing import Final

import pytest

from tests.service.browser import Browser
from tests.web.test_pages import PAGES, look, violations
from tests.web.test_static_files import OWN
from tests.web.texts import LANGUAGES, seen_of, templates, texts_of

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
