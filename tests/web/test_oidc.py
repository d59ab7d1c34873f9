"""Logins at an OpenID provider: the way in, and everything that must not be one."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
import pytest

from app.errors import UserError
from app.settings import Settings, load_settings
from app.web.access.cookies import LOGIN, SESSION
from app.web.access.gate import Gate
from app.web.access.oidc_login import PENDING_S, local_path
from tests.service.browser import Browser
from tests.support.kafka_node import free_ports
from tests.web.conftest import console_served
from tests.web.oidc_provider import CLIENT, KEY_ID, SECRET, OidcProvider, new_key, provider_served
from tests.web.test_pages import look, violations

CALLBACK = "/console/v1/oidc/callback"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
ROLES = "growth=editor; ops=admin"


@pytest.fixture(scope="module")
def running() -> Iterator[OidcProvider]:
    """The provider of this file."""
    with provider_served() as made:
        yield made


@pytest.fixture
def provider(running: OidcProvider) -> OidcProvider:
    """The provider, honest again."""
    running.claims, running.sign, running.document = {}, None, {}
    running.asked.clear()
    return running


def with_oidc(settings: Settings, provider: OidcProvider, **more: Any) -> Settings:
    (port,) = free_ports(1)
    return replace(
        settings,
        console_port=port,
        console_url=f"http://127.0.0.1:{port}",
        console_login="oidc",
        console_roles=ROLES,
        console_oidc_issuer=provider.issuer,
        console_oidc_client=CLIENT,
        console_oidc_secret=SECRET,
        **more,
    )


@pytest.fixture(scope="module")
def at(settings: Settings, running: OidcProvider) -> Iterator[str]:
    """The address of a console that asks this provider."""
    with console_served(with_oidc(settings, running)) as url:
        yield url


@pytest.fixture
def person(at: str) -> Iterator[httpx.Client]:
    """A browser without a session, that follows nothing by itself."""
    with httpx.Client(base_url=at, timeout=30) as made:
        yield made


def go_to_provider(person: httpx.Client, to: str = "/") -> dict[str, str]:
    """The request to the provider of somebody who begins to log in."""
    answer = person.get("/console/v1/oidc/begin", params={"to": to})
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def come_back(person: httpx.Client, provider: OidcProvider, asked: dict[str, str], **more: str) -> str:
    """The place to which somebody gets who has logged in at the provider and comes back."""
    query = {"code": provider.code_for(asked), "state": asked["state"], **more}
    answer = person.get(CALLBACK, params=query)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def is_in(person: httpx.Client) -> bool:
    return person.get("/console/v1/me").status_code == 200


def test_somebody_logs_in_and_has_the_roles_of_their_groups(person: httpx.Client, provider: OidcProvider) -> None:
    assert person.get("/console/v1/login").json() == {"login": "oidc"}
    assert come_back(person, provider, go_to_provider(person, "/segments?q=cart")) == "/segments?q=cart"
    me = person.get("/console/v1/me").json()
    assert (me["name"], me["roles"]) == ("ann@shop.example", ["editor"])
    assert LOGIN not in person.cookies
    assert person.get("/console/v1/drafts").status_code != 403
    assert person.get("/console/v1/audit").status_code == 403
    writing = SAME_ORIGIN | {"X-Shoal-CSRF": me["csrf"]}
    assert person.post("/console/v1/definitions/read", json={"text": "x"}, headers=SAME_ORIGIN).status_code == 403
    assert person.post("/console/v1/definitions/read", json={"text": "x"}, headers=writing).status_code == 200


def test_a_request_for_a_login_has_everything_that_binds_it(person: httpx.Client, provider: OidcProvider) -> None:
    one, other = go_to_provider(person), go_to_provider(person)
    assert (one["scope"], one["code_challenge_method"]) == ("openid profile email", "S256")
    assert one["redirect_uri"] == f"{person.base_url}".rstrip("/") + CALLBACK
    for name in ("state", "nonce", "code_challenge"):
        assert one[name] != other[name]
        assert len(one[name]) == 43


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        ({"iss": "https://evil.example"}, "refused"),
        ({"aud": "another client"}, "refused"),
        ({"aud": [CLIENT, "another client"]}, "refused"),
        ({"azp": "another client"}, "refused"),
        ({"nonce": "x"}, "refused"),
        ({"nonce": None}, "refused"),
        ({"exp": 1_700_000_000}, "refused"),
        ({"exp": None}, "refused"),
        ({"iat": 4_000_000_000}, "refused"),
        ({"nbf": 4_000_000_000}, "refused"),
        ({"groups": ["sales"]}, "no-role"),
        ({"groups": {"growth": 1}}, "no-role"),
        ({"groups": [["growth"]]}, "no-role"),
        ({"email": ""}, "no-name"),
        ({"email": 5}, "no-name"),
        ({"email": "ann\u202e@shop.example"}, "no-name"),
        ({"email_verified": False}, "no-name"),
    ],
)
def test_a_token_that_does_not_fit_lets_nobody_in(
    person: httpx.Client, provider: OidcProvider, lie: dict[str, Any], why: str
) -> None:
    provider.claims = lie
    assert come_back(person, provider, go_to_provider(person)) == f"/?login={why}"
    assert SESSION not in person.cookies
    assert not is_in(person)


def test_a_clock_that_is_half_a_minute_off_is_no_reason(person: httpx.Client, provider: OidcProvider) -> None:
    provider.claims = {"exp": int(time.time()) - 30, "iat": int(time.time()) + 30}
    assert come_back(person, provider, go_to_provider(person)) == "/"
    assert is_in(person)


@pytest.mark.parametrize(
    "sign",
    [
        lambda claims: jwt.encode(claims, "", algorithm="none", headers={"kid": KEY_ID}),
        lambda claims: jwt.encode(claims, SECRET * 3, algorithm="HS256", headers={"kid": KEY_ID}),
        lambda claims: jwt.encode(claims, new_key(), algorithm="RS256", headers={"kid": KEY_ID}),
        lambda claims: jwt.encode(claims, new_key(), algorithm="RS256", headers={"kid": "key-2"}),
        lambda claims: jwt.encode(claims, new_key(), algorithm="PS256", headers={"kid": KEY_ID}),
        lambda claims: jwt.encode(claims, new_key(), algorithm="RS256"),
        lambda _: "no token",
    ],
    ids=["none", "secret", "another-key", "unknown-key", "another-algorithm", "no-key", "no-token"],
)
def test_a_signature_of_anybody_else_lets_nobody_in(person: httpx.Client, provider: OidcProvider, sign: Any) -> None:
    provider.sign = sign
    assert come_back(person, provider, go_to_provider(person)) == "/?login=refused"
    assert not is_in(person)


def test_the_other_algorithm_of_the_same_key_is_refused(person: httpx.Client, provider: OidcProvider) -> None:
    provider.sign = lambda claims: provider.signed(claims, algorithm="RS512")
    assert come_back(person, provider, go_to_provider(person)) == "/?login=refused"


def test_an_answer_counts_only_in_the_browser_that_asked(person: httpx.Client, provider: OidcProvider, at: str) -> None:
    asked = go_to_provider(person)
    with httpx.Client(base_url=at) as victim:
        assert come_back(victim, provider, asked) == "/?login=expired"
        go_to_provider(victim)
        assert come_back(victim, provider, asked) == "/?login=refused"
        own = go_to_provider(victim)
        assert come_back(victim, provider, asked, state=own["state"]) == "/?login=refused"
        assert not is_in(victim)


def test_a_code_and_a_login_are_good_once(person: httpx.Client, provider: OidcProvider) -> None:
    asked = go_to_provider(person)
    kept = person.cookies[LOGIN]
    assert come_back(person, provider, asked) == "/"
    with httpx.Client(base_url=person.base_url, cookies={LOGIN: kept}) as thief:
        assert come_back(thief, provider, asked) == "/?login=expired"
        assert not is_in(thief)


@pytest.mark.parametrize("more", [{"iss": "https://evil.example"}, {"code": ""}, {"code": "made up"}])
def test_an_answer_of_another_provider_or_without_a_code_is_refused(
    person: httpx.Client, provider: OidcProvider, more: dict[str, str]
) -> None:
    assert come_back(person, provider, go_to_provider(person), **more) == "/?login=refused"
    assert not is_in(person)


def test_whom_the_provider_refuses_is_told_so(person: httpx.Client, provider: OidcProvider) -> None:
    assert come_back(person, provider, go_to_provider(person), error="access_denied\n") == "/?login=denied"


def test_a_session_of_before_is_not_that_of_after(person: httpx.Client, provider: OidcProvider) -> None:
    person.cookies.set(SESSION, "planted", domain="127.0.0.1")
    come_back(person, provider, go_to_provider(person))
    values = [each.value for each in person.cookies.jar if each.name == SESSION]
    assert any(each != "planted" for each in values)


def test_a_cookie_that_was_stolen_is_worth_nothing_after_the_logout(
    person: httpx.Client, provider: OidcProvider
) -> None:
    come_back(person, provider, go_to_provider(person))
    stolen = {SESSION: person.cookies[SESSION]}
    csrf = person.get("/console/v1/me").json()["csrf"]
    with httpx.Client(base_url=person.base_url, cookies=stolen) as thief:
        assert is_in(thief)
        headers = SAME_ORIGIN | {"X-Shoal-CSRF": csrf}
        out = person.request("DELETE", "/console/v1/session", json={}, headers=headers)
        assert out.json()["url"].startswith(
            f"{provider.issuer}/logout?client_id=shoal+console&post_logout_redirect_uri="
        )
        assert not is_in(thief)
    assert not is_in(person)


@pytest.mark.parametrize(
    "to",
    [
        *("//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "/\t/evil.example", ""),
        *("javascript:alert(1)", "evil.example", "/a\r\nSet-Cookie: x=y", "/" + "a" * 1_000, "/\u00e9", CALLBACK),
    ],
)
def test_no_login_ends_at_another_place(person: httpx.Client, provider: OidcProvider, to: str) -> None:
    assert local_path(to) == "/"
    assert come_back(person, provider, go_to_provider(person, to)) == "/"


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": 5},
    ],
)
@pytest.mark.long
def test_a_provider_that_is_another_or_not_safe_is_not_asked(
    settings: Settings, provider: OidcProvider, document: dict[str, Any]
) -> None:
    provider.document = document
    with console_served(with_oidc(settings, provider)) as url:
        answer = httpx.get(f"{url}/console/v1/oidc/begin", timeout=30)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?login=unreachable")


def test_over_https_only_a_cookie_that_no_other_host_sets_counts(settings: Settings, provider: OidcProvider) -> None:
    own = replace(with_oidc(settings, provider), console_url="https://console.shop.example", console_port=0)
    with console_served(own) as url, httpx.Client(base_url=url, timeout=30) as person:
        answer = person.get("/console/v1/oidc/begin")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"__Host-{LOGIN}=")
        assert cookie.endswith("; HttpOnly; SameSite=Lax; Secure")
        asked = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        assert asked["redirect_uri"] == f"https://console.shop.example{CALLBACK}"
        value = cookie.partition(";")[0].partition("=")[2]
        query = {"code": provider.code_for(asked), "state": asked["state"]}
        weak = person.get(CALLBACK, params=query, headers={"Cookie": f"{LOGIN}={value}"})
        assert weak.headers["location"] == "/?login=expired"
        strong = person.get(CALLBACK, params=query, headers={"Cookie": f"__Host-{LOGIN}={value}"})
        assert strong.headers["location"] == "/"
        session = next(each for each in strong.headers.get_list("set-cookie") if SESSION + "=" in each)
        assert session.startswith(f"__Host-{SESSION}=")
        assert session.endswith("; HttpOnly; SameSite=Strict; Secure")


async def test_a_login_that_takes_too_long_is_over(settings: Settings, provider: OidcProvider) -> None:
    login = Gate(with_oidc(settings, provider)).oidc
    assert login is not None
    begun = await login.begin("/", now_s=1_000)
    asked = dict(parse_qsl(urlsplit(begun.url).query))
    with pytest.raises(Exception, match="took too long"):
        await login.end(begun.cookie, {"state": asked["state"], "code": "x"}, now_s=1_000 + PENDING_S)


def test_other_ways_to_log_in_have_no_such_paths(url: str) -> None:
    for path in ("/console/v1/oidc/begin", CALLBACK):
        assert httpx.get(url + path).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"console_oidc_issuer": ""}, "console_oidc_issuer is empty"),
        ({"console_oidc_client": ""}, "console_oidc_client is empty"),
        ({"console_url": ""}, "console_url is empty"),
        ({"console_oidc_issuer": "http://login.example"}, "http://login.example"),
        ({"console_url": "http://console.example"}, "http://console.example"),
        ({"console_oidc_scopes": "profile"}, "without openid"),
        ({"console_roles": ""}, "console_roles is empty"),
        ({"console_roles": "growth=boss"}, "'boss' is no role"),
        ({"console_roles": "growth"}, "is not group=role"),
        ({"console_roles": "a=admin; a=viewer"}, "once more"),
    ],
)
def test_settings_that_are_missing_or_not_safe_do_not_start(wrong: dict[str, str], message: str) -> None:
    whole = {"console_oidc_issuer": "https://login.example", "console_oidc_client": CLIENT}
    whole |= {"console_url": "https://console.example", "console_roles": ROLES, "console_login": "oidc"}
    Gate(load_settings({}, **whole))
    with pytest.raises(UserError, match=message):
        Gate(load_settings({}, **(whole | wrong)))


@pytest.mark.long
async def test_a_browser_logs_in_and_out(at: str, provider: OidcProvider, page: Browser) -> None:
    for theme, width in (("light", 1280), ("dark", 360)):
        await look(page, f"{at}/segments?login=no-role", theme=theme, width=width)
        assert "None of your groups" in await page.evaluate("document.querySelector('[role=alert]').textContent")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.evaluate("document.querySelector('a.button').click()")
    await page.until("document.querySelector('.me')?.textContent.includes('ann@shop.example')")
    assert await page.evaluate("location.pathname + location.search") == "/segments"
    assert len(provider.asked) == 1
    await page.evaluate("document.querySelector('.me button').click()")
    await page.until(f"location.href.startsWith('{provider.issuer}/logout')")
    await look(page, f"{at}/segments")
    assert await page.evaluate("!!document.querySelector('a.button')")
