"""The pages in a real browser: they show what is there, run nothing of anybody else's, and everybody can use them."""

import asyncio
import json
import re
import threading
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.service.http.http_problem import Problem
from app.service.questions.profiles import Profiles
from app.settings import Settings
from tests.service.browser import Browser
from tests.web.changes import HOSTILE, change, write_change
from tests.web.conftest import PASSWORD

AXE: Final = Path(__file__).parent / "axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES: Final = {
    "/": "Overview",
    "/segments": "Segments",
    "/segments/cart-abandoned": "cart-abandoned",
    "/people": "People",
    "/changes": "Live changes",
    "/destinations": "Destinations",
    "/health": "Health",
    "/drafts": "Drafts",
    "/history": "Publications",
    "/audit": "Audit log",
    "/more": "More",
    "/lists": "Lists",
    "/privacy": "Privacy",
    "/experiments": "Experiments",
    "/reports": "Reports",
    "/backfill": "The past of segments",
    "/review": "Review",
    "/edit": "New segment",
    "/edit/cart-abandoned": "Edit cart-abandoned",
    "/nowhere": "There is no such page",
}
WATCH: Final = """
window.troubles = [];
addEventListener('error', (event) => troubles.push(`error ${event.message}`));
addEventListener('unhandledrejection', (event) => troubles.push(`rejected ${event.reason}`));
document.addEventListener('securitypolicyviolation', (event) => troubles.push(`policy ${event.violatedDirective}`));
window.alert = (text) => troubles.push(`alert ${text}`);
"""
READY: Final = "document.querySelector('h1') && !/^Loading|Still loading/m.test(document.body.innerText)"


async def look(page: Browser, url: str, *, theme: str = "light", width: int = 1280) -> None:
    """Opens a page as it looks with a theme, at a width."""
    await page.command("Page.enable")
    await page.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    await page.command("Emulation.setDeviceMetricsOverride", **size)
    await page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    await page.command("Page.navigate", url=url)
    await page.until(f"location.href.startsWith({json.dumps(url)}) && {READY}")


async def violations(page: Browser) -> Any:
    """Problems that axe finds on the page that is open."""
    await page.evaluate(f"if (!window.axe) {{ {AXE.read_text()} }} 0")
    found = f"axe.run({{runOnly: {RULES}}}).then((all) => all.violations.map((one) => [one.id, one.nodes[0].html]))"
    return await page.evaluate(found)


async def test_the_segments_of_a_person_are_there_without_their_profile(http: httpx.AsyncClient) -> None:
    for user, segments in (("ann", ["cart-abandoned"]), ("nobody", [])):
        found = (await http.get("/console/v1/people/memberships", params={"user": user})).json()
        assert (found["asked"], found["user"]) == (user, user)
        assert [each["segment"] for each in found["memberships"]] == segments


@pytest.mark.long
async def test_no_page_breaks_a_rule_of_access_or_is_wider_than_a_phone(url: str, page: Browser) -> None:
    for number, (path, heading) in enumerate(PAGES.items()):
        for theme, width in (("light", 1280), ("dark", 360)) if number % 2 else (("dark", 1280), ("light", 360)):
            await look(page, url + path, theme=theme, width=width)
            assert await page.evaluate("document.querySelector('h1').textContent") == heading
            assert await violations(page) == [], (path, theme, width)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
            assert await page.evaluate("troubles") == [], path


@pytest.mark.long
async def test_texts_of_users_are_shown_and_never_run(url: str, page: Browser, settings: Settings) -> None:
    shown = json.dumps(HOSTILE)
    await look(page, f"{url}/segments/cart-abandoned")
    await page.until(f"document.body.textContent.includes({shown})")
    await page.until("document.body.textContent.includes('<u>A1</u>')")
    await page.evaluate(
        "[...document.querySelectorAll('a.user')].find((each) => each.textContent.includes('img')).click()"
    )
    await page.until(
        f"document.querySelector('h2.id')?.textContent == {shown} || document.querySelector('.trouble') !== null"
    )
    await look(page, f"{url}/health")
    await page.evaluate("document.querySelector('details').open = true")
    await page.until("document.body.textContent.includes('<i>no</i>')")
    await look(page, f"{url}/changes")
    await page.until("document.querySelector('.dot.on') !== null")
    evil = change(HOSTILE, "<b>bold</b>", sequence=7, evidence=[{"expression": "<u>x</u>", "value": "<s>y</s>"}])
    await write_change(settings, evil)
    await page.until("document.body.textContent.includes('<u>x</u>')")
    assert await page.evaluate("document.querySelectorAll('main img, main b, main u, main s, main script').length") == 0
    assert await page.evaluate("troubles") == []


async def test_a_search_with_the_keyboard_ends_on_the_segment(url: str, page: Browser) -> None:
    await look(page, f"{url}/")
    await key(page, "/")
    await page.command("Input.insertText", text="cart-abandoned")
    await key(page, "Enter", text="\\r")
    await page.until("location.pathname == '/segments/cart-abandoned' && document.activeElement.tagName == 'H1'")
    await page.until("document.title.startsWith('cart-abandoned')")
    await page.evaluate("history.back()")
    await page.until("document.querySelector('h1').textContent == 'Overview'")


async def key(page: Browser, name: str, *, text: str | None = None) -> None:
    """Presses and releases a key."""
    code = {"Enter": 13, "Tab": 9}.get(name, ord(name[0]))
    said = (name if text is None else text).replace("\\r", "\r")
    await page.command("Input.dispatchKeyEvent", type="keyDown", key=name, text=said, windowsVirtualKeyCode=code)
    await page.command("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)


@pytest.mark.long
async def test_the_page_of_a_segment_shows_its_persona_as_text(url: str, page: Browser) -> None:
    await look(page, f"{url}/segments/viewers")
    await page.until("document.querySelector('#persona') !== null")
    assert await page.evaluate("document.querySelector('#persona').textContent") == "Persona: Lookers <b>around</b>"
    section = "document.querySelector('#persona').parentElement"
    assert "buy <i>rarely</i>" in await page.evaluate(f"{section}.textContent")
    assert await page.evaluate(f"{section}.querySelectorAll('b, i, img').length") == 0
    assert await page.evaluate(f"{section}.querySelector('a').href") == "https://shop.example/people/lookers.png"
    assert await violations(page) == []
    await look(page, f"{url}/segments/cart-abandoned")
    assert await page.evaluate("document.querySelector('#persona')") is None


async def test_filters_stand_in_the_address(url: str, page: Browser) -> None:
    await look(page, f"{url}/segments?q=view")
    assert await page.evaluate("document.querySelectorAll('tbody tr').length") == 1
    await page.evaluate(
        "const field = document.querySelector('input[type=search]'); field.value = '';"
        "field.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    await page.until("location.search == '' && document.querySelectorAll('tbody tr').length == 2")


async def test_rows_are_drawn_once_for_what_is_typed_without_a_pause(url: str, page: Browser) -> None:
    await look(page, f"{url}/segments")
    typed = await page.evaluate(
        "window.told = []; addEventListener('shoal-address', () => told.push(location.search));"
        "const field = document.querySelector('input[type=search]');"
        "for (const text of ['v', 'vi', 'vie']) {"
        " field.value = text; field.dispatchEvent(new Event('input', {bubbles: true})); }"
        "field.value"
    )
    assert typed == "vie"
    await page.until("document.querySelectorAll('tbody tr').length == 1")
    assert await page.evaluate("told") == ["?q=vie"]
    await page.evaluate("history.replaceState(null, '', '/segments'); dispatchEvent(new PopStateEvent('popstate'))")
    await page.until("document.querySelectorAll('tbody tr').length == 2")
    await page.until("document.querySelector('input[type=search]').value == ''")


async def test_a_user_logs_in_and_out(guarded_url: str, page: Browser) -> None:
    await look(page, f"{guarded_url}/segments/cart-abandoned")
    assert await page.evaluate("document.querySelector('h1').textContent") == "Log in"
    assert await violations(page) == []
    await page.evaluate(
        "document.querySelector('[name=name]').value = 'privacy';"
        f"document.querySelector('[name=password]').value = {json.dumps(PASSWORD)};"
        "document.querySelector('form').requestSubmit()"
    )
    await page.until("document.querySelector('h1').textContent == 'cart-abandoned'")
    assert await page.evaluate("document.cookie") == ""
    await page.evaluate("document.querySelector('.me button').click()")
    await page.until("document.querySelector('h1').textContent == 'Log in'")


def test_axe_is_the_version_that_the_tests_name() -> None:
    assert re.search(r"axe v\d+\.\d+\.\d+", AXE.read_text()[:300])


@pytest.mark.parametrize("path", ["/console/v1/changes?kind=moved", "/console/v1/people/timeline?user=u&before=x"])
async def test_what_cannot_be_asked_is_said(path: str, http: Any) -> None:
    answer = await http.get(path)
    assert answer.status_code == 400
    assert answer.json()["message"]


async def test_the_page_of_a_person_says_how_much_of_the_profiles_is_read(
    url: str, page: Browser, http: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    async def slow(self: Profiles, _: str, asked: str) -> dict[bytes, bytes]:
        self._shares[asked] = 0.426
        await asyncio.to_thread(over.wait, 60)
        raise Problem(503, "profiles", "there is no more")

    monkeypatch.setattr(Profiles, "_values", slow)
    try:
        for user, width in (("ann", 1280), ("somebody", 360)):
            await look(page, f"{url}/people?user={user}", width=width)
            await page.until("document.querySelector('main').textContent.includes('42% read')")
            assert await page.evaluate("document.querySelector('main progress').value") == 0.426
            assert await page.evaluate("document.querySelectorAll('.standings li').length") == (user == "ann")
            assert await violations(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        over.set()
    await page.until("document.querySelector('main').textContent.includes('there is no more')")
    assert await page.evaluate("document.querySelector('main progress')") is None
    assert (await http.get("/console/v1/people/reading?user=ann")).json() == {"share": None}
