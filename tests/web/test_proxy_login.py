"""Logins of which a proxy says who it is: its headers count, and nobody else's."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.errors import UserError
from app.settings import Settings, load_settings
from app.web.access.gate import Gate
from tests.service.browser import Browser
from tests.web.conftest import console_served
from tests.web.test_pages import look, violations

PROOF = "what only the proxy knows"
ROLES = "growth=editor;ops=admin;Größe=publisher"
ANN = {"X-Shoal-Proxy-Secret": PROOF, "X-Forwarded-User": "ann", "X-Forwarded-Groups": "sales, growth"}
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
WHOLE: dict[str, Any] = {
    "console_login": "proxy",
    "console_proxies": "127.0.0.1, ::1, 10.0.0.0/8",
    "console_proxy_secret": PROOF,
    "console_roles": ROLES,
}


@pytest.fixture(scope="module")
def at(settings: Settings) -> Iterator[str]:
    """The address of a console behind a proxy."""
    with console_served(replace(settings, **WHOLE)) as url:
        yield url


def me(at: str, headers: Any, peer: str = "127.0.0.1") -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(local_address=peer), timeout=30) as client:
        return client.get(f"{at}/console/v1/me", headers=headers)


def test_the_proxy_says_who_somebody_is(at: str) -> None:
    said = me(at, ANN).json()
    assert (said["login"], said["name"], said["roles"]) == ("proxy", "ann", ["editor"])
    assert not said["features"]["logout"]
    both = ANN | {"X-Forwarded-Groups": "growth,ops"}
    assert me(at, both).json()["roles"] == ["editor", "admin"]
    utf8 = {name.encode(): value.encode() for name, value in (ANN | {"X-Forwarded-Groups": "Größe"}).items()}
    assert me(at, utf8).json()["roles"] == ["publisher"]


def test_the_headers_of_another_peer_do_not_count(at: str) -> None:
    answer = me(at, ANN, peer="127.0.0.2")
    assert (answer.status_code, answer.json()["code"]) == (401, "no-proxy")
    for forged in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        given = ANN | {forged: "for=127.0.0.1" if forged == "Forwarded" else "127.0.0.1"}
        assert me(at, given, peer="127.0.0.2").status_code == 401


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Shoal-Proxy-Secret": ""}, "no-proxy"),
        ({"X-Shoal-Proxy-Secret": PROOF[:-1]}, "no-proxy"),
        ({"X-Shoal-Proxy-Secret": f"{PROOF}x"}, "no-proxy"),
        ({"X-Forwarded-User": ""}, "no-user"),
        ({"X-Forwarded-User": "a" * 201}, "no-user"),
        ({"X-Forwarded-Groups": ""}, "no-role"),
        ({"X-Forwarded-Groups": "*"}, "no-role"),
        ({"X-Forwarded-Groups": "growth ops"}, "no-role"),
    ],
)
def test_what_the_proxy_does_not_say_lets_nobody_in(at: str, headers: dict[str, str], code: str) -> None:
    answer = me(at, ANN | headers)
    assert (answer.status_code, answer.json()["code"]) == (403 if code == "no-role" else 401, code)


def test_without_the_header_of_the_secret_nobody_comes_in(at: str) -> None:
    answer = me(at, {name: value for name, value in ANN.items() if name != "X-Shoal-Proxy-Secret"})
    assert (answer.status_code, answer.json()["code"]) == (401, "no-proxy")


@pytest.mark.parametrize("name", [*ANN])
def test_a_header_that_is_there_twice_lets_nobody_in(at: str, name: str) -> None:
    answer = me(at, [*ANN.items(), (name.lower(), "ops")])
    assert (answer.status_code, answer.json()["code"]) == (401, "no-proxy")


def test_writes_need_the_text_of_the_page_of_the_same_person(at: str) -> None:
    csrf = me(at, ANN).json()["csrf"]
    other = ANN | {"X-Forwarded-User": "ben"}
    assert me(at, other).json()["csrf"] != csrf

    def write(headers: dict[str, str]) -> int:
        return httpx.post(f"{at}/console/v1/definitions/read", json={"text": "x"}, headers=headers).status_code

    assert write(ANN | SAME_ORIGIN | {"X-Shoal-CSRF": csrf}) == 200
    assert write(other | SAME_ORIGIN | {"X-Shoal-CSRF": csrf}) == 403
    assert write(ANN | SAME_ORIGIN) == 403
    assert write(ANN | {"Sec-Fetch-Site": "cross-site", "X-Shoal-CSRF": csrf}) == 403
    assert write(SAME_ORIGIN | {"X-Shoal-CSRF": csrf}) == 401


def test_nobody_logs_in_with_a_password_there(at: str) -> None:
    answer = httpx.post(f"{at}/console/v1/session", json={"name": "ann", "password": "x"}, headers=SAME_ORIGIN)
    assert (answer.status_code, answer.json()["code"]) == (403, "no-login")


def test_a_logout_leads_to_where_the_proxy_ends_its_session(settings: Settings) -> None:
    with console_served(replace(settings, **WHOLE, console_logout_url="https://shop.example/oauth2/sign_out")) as url:
        said = me(url, ANN).json()
        assert said["features"]["logout"]
        headers = ANN | SAME_ORIGIN | {"X-Shoal-CSRF": said["csrf"]}
        out = httpx.request("DELETE", f"{url}/console/v1/session", json={}, headers=headers)
        assert out.json() == {"url": "https://shop.example/oauth2/sign_out"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"console_proxies": ""}, "no proxy is named"),
        ({"console_proxies": "0.0.0.0/0"}, "has every address"),
        ({"console_proxies": "::/0"}, "has every address"),
        ({"console_proxies": "10.0.0.1/8"}, "is no network"),
        ({"console_proxies": "proxy.example"}, "is no network"),
        ({"console_proxy_secret": ""}, "less than 16"),
        ({"console_proxy_secret": "short"}, "less than 16"),
        ({"console_roles": ""}, "console_roles is empty"),
        ({"console_proxy_user": "X-Forwarded-For"}, "cannot name a person"),
        ({"console_proxy_groups": "a b"}, "cannot name a person"),
    ],
)
def test_settings_with_which_anybody_could_say_who_they_are_do_not_start(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        Gate(load_settings({}, **(WHOLE | wrong)))
    assert PROOF not in str(raised.value)


@pytest.mark.long
async def test_the_page_says_that_the_proxy_is_missing(at: str, page: Browser) -> None:
    await look(page, f"{at}/segments")
    assert "the proxy in front" in await page.evaluate("document.querySelector('[role=alert]').textContent")
    assert await violations(page) == []


async def test_a_browser_behind_the_proxy_is_in_at_once(at: str, page: Browser) -> None:
    await page.command("Network.enable")
    await page.command("Network.setExtraHTTPHeaders", headers=ANN)
    await look(page, f"{at}/segments")
    await page.until("document.querySelector('.me')?.textContent.includes('ann')")
    assert await page.evaluate("document.querySelector('.me button[lang]') !== null")
    assert not await page.evaluate("[...document.querySelectorAll('.me button')].some((each) => !each.lang)")
