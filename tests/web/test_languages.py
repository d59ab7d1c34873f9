"""Two languages: each has every text, no text stands anywhere else, and all pages are whole in both."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.console.reasons import TEXTS
from app.reports.notes import TEXTS as NOTES
from app.segments.language.parser import parse_expression
from app.settings import Settings
from app.web.condition_words import clause_of, words_of
from app.web.texts import holes, language_of, read_texts, speaking, translated
from tests.service.browser import Browser
from tests.support.shop import soon
from tests.support.waiting import wait_until
from tests.web.author import author_of_own_shop
from tests.web.changes import change, write_change
from tests.web.test_editing import says
from tests.web.test_pages import PAGES, look, violations
from tests.web.test_static_files import OWN
from tests.web.texts import FOLDER, LANGUAGES, seen_of, templates, texts_of

SAMPLES: Final = {"Order Completed", "userId", "revenue"}
"""Names that events have, in any language."""
SAME: Final = 9
"""So many texts are the same word in both languages, such as Segment and Partition."""
ROOT: Final = FOLDER.parents[2]
ERRORS: Final = (
    *("app/backfill", "app/catalogs/catalog_in_use.py", "app/catalogs/renaming.py", "app/errors.py"),
    *("app/offline/backfill_history.py", "app/offline/backfill_plan.py", "app/offline/backtest.py"),
    *("app/offline/event_files.py", "app/offline/uplift.py", "app/offline/uplift_statistics.py"),
    *("app/offline/uplift_warehouse.py", "app/offline/warehouse_files.py", "app/population/membership_sets.py"),
    *("app/reports/funnels.py", "app/reports/history.py", "app/reports/history_files.py"),
    *("app/runtime/audit.py", "app/runtime/catalog_follower.py", "app/runtime/kafka/clients.py"),
    *("app/runtime/kafka/topics.py", "app/runtime/records/envelope.py", "app/simulation/recording.py"),
    *("app/service/questions/memberships.py", "app/service/questions/profiles.py"),
    *("app/service/access/named_user.py", "app/verification/topic_contents.py"),
    *("app/web/drafts/condition_edit.py", "app/web/jobs", "app/web/pulse.py"),
)
"""Modules whose errors reach a page, through a job or a request."""
NOT_READY: Final = ": shoal memberships brings them there"
"""`Memberships.report` adds it to why the memberships are not there."""
AT_THE_START: Final = {
    "x names no files",
    "x: x is no name of a history",
    "x has the name of another one",
}
"""Errors of settings: the console does not start with them."""
BEYOND_CARDS: Final = """[...document.querySelectorAll('.cards td')].filter((cell) => {
  const content = document.createRange();
  content.selectNodeContents(cell);
  return content.getBoundingClientRect().right > cell.closest('tr').getBoundingClientRect().right;
}).map((cell) => cell.textContent)"""
"""The texts of cells that are wider than the cards of a phone."""
BROKEN_LABELS: Final = """[...document.querySelectorAll('.cards td[data-label]')].filter((cell) => {
  const look = getComputedStyle(cell, '::before'), pen = document.createElement('canvas').getContext('2d');
  pen.font = `${look.fontWeight} ${look.fontSize} ${look.fontFamily}`;
  const longest = Math.max(...cell.dataset.label.split(' ').map((word) => pen.measureText(word).width));
  return parseFloat(look.width) < longest - 1;
}).map((cell) => cell.dataset.label)"""
"""The labels of cells that have no room for their longest word."""
OF_PARTS: Final = {f"x{NOT_READY}"}
"""Messages that only add to others, which are asked for themselves."""


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


def errors_of(path: Path) -> list[tuple[str, str]]:
    """The messages of errors in a module, each with its place; what is filled in stands as `x`."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            given = node.args[2:3] if node.func.id == "Problem" else node.args[:1]
            if given and node.func.id.endswith(("UserError", "RefusedError", "Problem", "NotReadyError")):
                more = NOT_READY if node.func.id == "NotReadyError" else ""
                found += [(f"{path.name}:{node.lineno}", text + more) for text in texts_in(given[0])]
    return found


def texts_in(node: ast.expr) -> list[str]:
    """The text that an expression makes; none where it makes it elsewhere."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant | ast.FormattedValue):
        text = "".join(str(each.value) if isinstance(each, ast.Constant) else "x" for each in node.values)
        return [] if text == "x" else [text]
    return []


@pytest.mark.parametrize("place", ERRORS)
def test_each_error_that_reaches_a_page_is_said_in_german(place: str) -> None:
    paths = sorted((ROOT / place).rglob("*.py")) if (ROOT / place).is_dir() else [ROOT / place]
    found = [each for path in paths for each in errors_of(path) if each[1] not in AT_THE_START | OF_PARTS]
    with speaking("de"):
        assert [f"{where}: {text}" for where, text in found if translated(text) == text] == []


def test_an_error_without_german_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(
        "raise UserError('the moon is full', hint='wait')\nraise Problem(503, 'moon', f'{a} is {b}')\n"
    )
    assert errors_of(tmp_path / "made.py") == [("made.py:1", "the moon is full"), ("made.py:2", "x is x")]
    with speaking("de"):
        assert translated("the moon is full") == "the moon is full"


def test_a_message_is_told_in_german_with_its_values() -> None:
    with speaking("de"):
        assert translated("no definitions are published") == "es sind keine Definitionen veröffentlicht"
        assert translated("cannot read events of /data/a: b: c") == "events in /data/a ist nicht lesbar: b: c"
        assert translated("a funnel has 2 to 12 steps, not 1") == "ein Trichter hat 2 bis 12 Schritte, nicht 1"
    assert translated("no definitions are published") == "no definitions are published"


def test_a_backfill_that_fails_says_why_in_the_language_of_who_looks(settings: Settings) -> None:
    with author_of_own_shop(settings, "german") as author:
        author.publish("segment: filled\nwhen: exists('Tea Poured')\n", message="x")

        def begins() -> bool:
            return author.post("/backfill", names=["filled"], source="topic").status_code == 200

        wait_until(begins, what="the console knows the segment")
        wait_until(lambda: author.http.get("/backfill").json()["state"] == "failed", what="it fails", within_s=60)
        for accepted, said in (("de", "es gibt kein Topic"), ("en", "there is no topic")):
            found = author.http.get("/backfill", headers={"Accept-Language": accepted}).json()
            assert said in found["problem"]


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
        assert await page.evaluate(BEYOND_CARDS) == [], path
        assert await page.evaluate(BROKEN_LABELS) == [], path
        assert await page.evaluate("troubles") == [], path
