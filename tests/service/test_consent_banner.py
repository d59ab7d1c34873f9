"""The consent banner in a real browser: nothing is sent before an answer. OneTrust and Cookiebot answer, too."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.browser import Browser, folder_served
from tests.service.running import WRITE_KEY, Running

CLIENT = Path(__file__).parents[2] / "deploy" / "clients" / "js"
SHOWN = "document.getElementById('shoal-consent')?.hidden === false"
STORED = "Object.keys(localStorage).sort().join()"
ANSWER = "Segment Consent Preference Updated"


@pytest.fixture
def site(service: Running, tmp_path: Path) -> Iterator[str]:
    """The example, with the address and key of the service."""
    folder = tmp_path / "site"
    shutil.copytree(CLIENT, folder)
    example = folder / "consent.html"
    text = example.read_text().replace("https://events.shop.example", service.url)
    example.write_text(text.replace("shoal_write_...", WRITE_KEY))
    (folder / "empty.html").write_text("<!doctype html><title>Empty</title><body></body>")
    with folder_served(folder) as url:
        yield url


def press(text: str) -> str:
    """Presses a button of the banner."""
    return f"[...document.querySelectorAll('#shoal-consent button')].find((b) => b.textContent == '{text}').click()"


async def key(page: Browser, name: str, code: int, text: str = "") -> None:
    """Presses and releases a key."""
    about = {"key": name, "code": name, "windowsVirtualKeyCode": code}
    await page.command("Input.dispatchKeyEvent", type="keyDown", **about, **({"text": text} if text else {}))
    await page.command("Input.dispatchKeyEvent", type="keyUp", **about)


async def test_events_wait_for_the_answer_and_carry_it(service: Running, page: Browser, site: str) -> None:
    await page.open(f"{site}/consent.html")
    await page.until(SHOWN)
    await page.evaluate("document.getElementById('add').click()")
    assert await page.evaluate(STORED) == ""  # neither an id nor an answer
    await page.evaluate("document.querySelector('[name=analytics]').click()")
    await page.evaluate(press("Save my choice"))
    answers = {"analytics": True, "marketing": False}
    messages = {each.get("event", each["type"]): each for each in await service.written(3)}
    assert sorted(messages) == ["Product Added", ANSWER, "page"]
    assert all(each["context"]["consent"]["categoryPreferences"] == answers for each in messages.values())
    assert len({each["anonymousId"] for each in messages.values()}) == 1
    await page.open(f"{site}/consent.html?again")
    await page.until("window.shoalConsent && document.readyState == 'complete'")
    assert json.loads(await page.evaluate("JSON.stringify(shoalConsent.answers())")) == answers
    assert not await page.evaluate(SHOWN)
    assert len(await service.written(4)) == 4  # the page only: the answer is told once


async def test_who_rejects_all_leaves_nothing_behind_and_can_change_it(
    service: Running, page: Browser, site: str
) -> None:
    await page.open(f"{site}/consent.html")
    await page.until(SHOWN)
    await page.evaluate(press("Reject all"))
    assert await page.evaluate(STORED) == "shoal_consent"
    await page.evaluate("document.getElementById('settings').focus()")
    await page.evaluate("document.getElementById('settings').click()")
    assert await page.evaluate("document.activeElement.id") == "shoal-consent-title"
    await page.evaluate(press("Accept all"))
    assert await page.evaluate("document.activeElement.id") == "settings"  # the focus is where it was
    (granted,) = await service.written(1)  # nothing was sent before
    assert granted["context"]["consent"]["categoryPreferences"] == {"analytics": True, "marketing": True}
    await page.evaluate("shoalConsent.open()")
    await page.evaluate(press("Reject all"))
    granted, denied = await service.written(2)
    assert denied["anonymousId"] == granted["anonymousId"]
    assert denied["context"]["consent"]["categoryPreferences"] == {"analytics": False, "marketing": False}
    assert await page.evaluate(STORED) == "shoal_consent"


async def test_the_banner_works_with_the_keyboard_and_has_names(page: Browser, site: str) -> None:
    await page.open(f"{site}/consent.html")
    await page.until(SHOWN)
    assert await page.evaluate("document.activeElement === document.body")
    for name in ("A", "INPUT", "INPUT"):
        await key(page, "Tab", 9)
        assert await page.evaluate("document.activeElement.tagName") == name
    await key(page, " ", 32, " ")
    assert await page.evaluate("document.querySelector('[name=marketing]').checked")
    tree = (await page.command("Accessibility.getFullAXTree"))["nodes"]
    roles = [(each["role"]["value"], each.get("name", {}).get("value")) for each in tree if not each["ignored"]]
    assert ("region", "May we use what you do here?") in roles
    assert [name for role, name in roles if role == "checkbox"] == ["Count visits and carts", "Show offers that fit"]
    assert [name for role, name in roles if role == "button"][:3] == ["Accept all", "Reject all", "Save my choice"]
    sizes = await page.evaluate(
        "JSON.stringify([...document.querySelectorAll('#shoal-consent button')].map((b) => [b.offsetHeight,"
        " getComputedStyle(b).backgroundColor]))"
    )
    (height, colour), *others = json.loads(sizes)
    assert height >= 44
    assert all(each == [height, colour] for each in others)  # to reject is as easy as to accept


async def added(page: Browser, site: str, service: Running, source: str) -> None:
    """Adds the script to an empty page, to take answers from a consent tool."""
    await page.evaluate(
        f"""new Promise((done) => {{
            const script = document.createElement('script');
            script.src = '{site}/consent.js';
            Object.assign(script.dataset, {{from: '{source}', url: '{service.url}', writeKey: '{WRITE_KEY}',
                userId: 'u-1', purposes: '{{"C0002": "", "statistics": ""}}'}});
            script.onload = done;
            document.documentElement.appendChild(script);
        }})"""
    )


async def answers_told(service: Running, count: int) -> list[dict[str, bool]]:
    """The answers that the service got, in order."""
    written = sorted(await service.written(count), key=lambda each: str(each["timestamp"]))
    assert all(each["event"] == ANSWER for each in written)
    return [each["context"]["consent"]["categoryPreferences"] for each in written]


async def test_onetrust_answers_by_its_callback(service: Running, page: Browser, site: str) -> None:
    """In the documented shape: OptanonWrapper is called at the start and after each choice."""
    await page.open(f"{site}/empty.html")
    await page.evaluate(
        "window.OneTrust = {IsAlertBoxClosed: () => false}; window.OnetrustActiveGroups = ',C0001,C0002,';"
        " window.calls = 0; window.OptanonWrapper = () => { window.calls += 1; }; true"
    )
    await added(page, site, service, "onetrust")
    await page.evaluate("OptanonWrapper()")
    assert await page.evaluate("shoalConsent.answers()") is None  # these groups are not the visitor's answer
    await page.evaluate("OneTrust.IsAlertBoxClosed = () => true; OptanonWrapper()")
    await page.evaluate("window.OnetrustActiveGroups = ',C0001,'; OptanonWrapper(); OptanonWrapper()")
    assert await page.evaluate("window.calls") == 4  # the page's own callback is still called
    granted, denied = await answers_told(service, 2)
    assert (granted["C0002"], denied["C0002"]) == (True, False)
    assert not await page.evaluate(SHOWN)


async def test_onetrust_answers_by_its_events(service: Running, page: Browser, site: str) -> None:
    """In the documented shape: both at the window, OneTrustGroupsUpdated also when nobody has answered yet."""
    await page.open(f"{site}/empty.html")
    await page.evaluate(
        "window.OneTrust = {geolocationResponse: {}}; window.OnetrustActiveGroups = ',C0001,C0002,';"
        " window.tell = (name, groups) => {"
        "   window.OnetrustActiveGroups = `,${groups.join()},`;"
        "   window.dispatchEvent(new CustomEvent(name, {detail: groups})); }; true"
    )
    await added(page, site, service, "onetrust")
    await page.evaluate(
        "window.OneTrust = {IsAlertBoxClosed: () => false, GetDomainData: () => ({ShowAlertNotice: true})};"
        " tell('OneTrustGroupsUpdated', ['C0001', 'C0002'])"
    )
    assert await page.evaluate("shoalConsent.answers()") is None
    await page.evaluate("OneTrust.IsAlertBoxClosed = () => true; tell('OTConsentApplied', ['C0001', 'C0002'])")
    await page.evaluate("tell('OneTrustGroupsUpdated', ['C0001']); tell('OTConsentApplied', ['C0001'])")
    assert [each["C0002"] for each in await answers_told(service, 2)] == [True, False]


async def test_where_onetrust_shows_no_notice_its_groups_are_the_answer(
    service: Running, page: Browser, site: str
) -> None:
    await page.open(f"{site}/empty.html")
    await page.evaluate(
        "window.OneTrust = {IsAlertBoxClosed: () => false, GetDomainData: () => ({ShowAlertNotice: false})};"
        " window.OnetrustActiveGroups = ',C0001,C0002,'; true"
    )
    await added(page, site, service, "onetrust")
    assert [each["C0002"] for each in await answers_told(service, 1)] == [True]


async def test_cookiebot_answers_by_its_events(service: Running, page: Browser, site: str) -> None:
    """In the documented shape: CookiebotOnConsentReady, and Cookiebot.consent by category."""
    await page.open(f"{site}/empty.html")
    await page.evaluate("window.Cookiebot = {hasResponse: false, consent: {statistics: true}}; true")
    await added(page, site, service, "cookiebot")
    await page.evaluate("dispatchEvent(new Event('CookiebotOnConsentReady'))")
    assert await page.evaluate("shoalConsent.answers()") is None
    await page.evaluate("Cookiebot.hasResponse = true; dispatchEvent(new Event('CookiebotOnAccept'))")
    await page.evaluate("Cookiebot.consent.statistics = false; dispatchEvent(new Event('CookiebotOnDecline'))")
    assert [each["statistics"] for each in await answers_told(service, 2)] == [True, False]
