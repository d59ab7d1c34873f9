"""Rights: every route with every role, logins, sessions, and pages of others."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import UserError
from app.settings import load_settings
from app.web.access.cookies import SESSION as COOKIE
from app.web.access.gate import Gate
from app.web.access.login_throttle import ATTEMPTS, LoginThrottle
from app.web.access.passwords import load_users, user_line
from app.web.access.roles import ROLES, Right, Role, rights_of
from app.web.console import ROUTES
from tests.web.conftest import PASSWORD

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
PEOPLE = (
    "/console/v1/people?user=ann",
    "/console/v1/people/memberships?user=ann",
    "/console/v1/people/reading?user=ann",
    "/console/v1/people/timeline?user=ann",
)
ALL = (
    "/console/v1/segments",
    "/console/v1/segments/cart-abandoned",
    "/console/v1/segments/cart-abandoned/size",
    "/console/v1/segments/cart-abandoned/overlap",
    "/console/v1/segments/cart-abandoned/freshness",
    "/console/v1/segments/cart-abandoned/changes",
    "/console/v1/flows",
    "/console/v1/health",
    "/console/v1/destinations",
    "/console/v1/lists",
    "/console/v1/experiments",
    "/console/v1/backfill",
)
PRIVACY = "/console/v1/privacy"
FOR_EDITORS = ("/console/v1/vocabulary", "/console/v1/drafts")
AUDIT = "/console/v1/audit"
PUBLISHED = (
    "/console/v1/definitions?name=cart-abandoned",
    "/console/v1/publications",
    "/console/v1/publications/latest",
    "/console/v1/publications/difference?before=1&after=2",
)
WRITES: dict[str, Right] = {
    "/console/v1/definitions/read": "edit",
    "/console/v1/definitions/edit": "edit",
    "/console/v1/jobs": "edit",
    "/console/v1/drafts": "edit",
    "/console/v1/drafts/none/bring-back": "edit",
    "/console/v1/drafts/none/purge": "edit",
    "/console/v1/drafts/none/review": "edit",
    "/console/v1/drafts/none/approval": "publish",
    "/console/v1/drafts/none/return": "publish",
    "/console/v1/privacy/erasures": "privacy",
    "/console/v1/privacy/exports": "privacy",
    "/console/v1/privacy/restrictions": "privacy",
    "/console/v1/backfill": "publish",
    "/console/v1/lists/import": "publish",
    "/console/v1/publications": "publish",
    "/console/v1/publications/removal": "publish",
    "/console/v1/publications/rename": "publish",
    "/console/v1/publications/rollback": "publish",
}
JOB = "/console/v1/jobs/{job_id:str}"
DRAFT = "/console/v1/drafts/{draft_id:str}"
OPEN = (
    *("/console/v1/session", "/console/v1/me", "/console/v1/login"),
    *("/console/v1/oidc/begin", "/console/v1/oidc/callback"),
)
STREAM = "/console/v1/changes"
OF_PEOPLE = (*PEOPLE, "/console/v1/segments/cart-abandoned/users")


def log_in(url: str, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    given = SAME_ORIGIN | headers
    return httpx.post(f"{url}/console/v1/session", json={"name": name, "password": password}, headers=given)


@pytest.fixture(scope="module")
def clients(guarded_url: str) -> "Iterator[dict[str, tuple[httpx.Client, dict[str, Any]]]]":
    """A client of each role; the limit of logins is not reached: each has a name, and the address is told apart."""
    found: dict[str, tuple[httpx.Client, dict[str, Any]]] = {}
    stack = ExitStack()
    for role in ROLES[: ATTEMPTS - 1]:
        answer = log_in(guarded_url, role)
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"].partition(";")[0]
        client = stack.enter_context(httpx.Client(base_url=guarded_url, headers={"Cookie": cookie}, timeout=30))
        found[role] = (client, answer.json())
    with stack:
        yield found


def test_every_route_is_in_this_table() -> None:
    templates = {path for controller in ROUTES for path in paths_of(controller)}
    shown = {
        each.partition("?")[0].replace("cart-abandoned", "{name:str}").replace("drafts/none", "drafts/{draft_id:str}")
        for each in (*ALL, *OF_PEOPLE, *FOR_EDITORS, AUDIT, PRIVACY, *PUBLISHED, *WRITES, *OPEN, JOB, DRAFT, STREAM)
    }
    assert templates == shown


def paths_of(controller: Any) -> set[str]:
    handlers = [getattr(controller, name) for name in dir(controller)]
    return {path for each in handlers for path in getattr(each, "paths", ())}


@pytest.mark.parametrize("path", [*ALL, *OF_PEOPLE, *FOR_EDITORS, AUDIT, PRIVACY, *PUBLISHED, STREAM, "/console/v1/me"])
def test_nobody_gets_anything_without_a_session(path: str, guarded_url: str) -> None:
    answer = httpx.get(guarded_url + path)
    assert (answer.status_code, answer.json()["code"]) == (401, "no-session")


@pytest.mark.parametrize("role", ROLES[: ATTEMPTS - 1])
def test_a_role_reads_what_it_may_and_nothing_else(role: Role, clients: Any) -> None:
    client, _ = clients[role]
    for path in (*ALL, *OF_PEOPLE):
        status = client.get(path).status_code
        may = path in ALL or role != "viewer"
        assert (status == 403) is not may, (path, status)
    for path in (*FOR_EDITORS, JOB.replace("{job_id:str}", "x"), DRAFT.replace("{draft_id:str}", "x")):
        assert (client.get(path).status_code == 403) is (role in ("viewer", "people")), path
    assert client.get(AUDIT).status_code == 403
    assert (client.get(PRIVACY).status_code == 403) is (role != "privacy")
    for path in PUBLISHED:
        assert client.get(path).status_code in (200, 409), path


@pytest.mark.parametrize("role", ROLES[: ATTEMPTS - 1])
@pytest.mark.long
def test_a_role_writes_what_it_may_and_nothing_without_the_token_of_a_page(role: Role, clients: Any) -> None:
    client, me = clients[role]
    headers = SAME_ORIGIN | {"X-Shoal-CSRF": me["csrf"]}
    for path, right in WRITES.items():
        status = client.post(path, json={}, headers=headers).status_code
        assert (status == 403) is (right not in rights_of([role])), (path, status)
        for wrong in (SAME_ORIGIN, headers | {"Sec-Fetch-Site": "cross-site"}, headers | {"X-Shoal-CSRF": "x"}):
            assert client.post(path, json={}, headers=wrong).status_code == 403, path
    may_edit = "edit" in rights_of([role])
    job = JOB.replace("{job_id:str}", "x")
    assert client.request("DELETE", job, json={}, headers=headers).status_code == (404 if may_edit else 403)
    assert client.request("DELETE", job, json={}, headers=SAME_ORIGIN).status_code == 403
    draft = DRAFT.replace("{draft_id:str}", "x")
    for method in ("PUT", "DELETE"):
        assert client.request(method, draft, json={}, headers=headers).status_code == (400 if may_edit else 403)
        assert client.request(method, draft, json={}, headers=SAME_ORIGIN).status_code == 403


@pytest.mark.parametrize("path", WRITES)
def test_nobody_writes_without_a_session(path: str, guarded_url: str) -> None:
    assert httpx.post(guarded_url + path, json={}, headers=SAME_ORIGIN).status_code == 401


@pytest.mark.parametrize("role", [each for each in ROLES if each != "viewer"])
def test_every_other_role_reads_what_people_read(role: Role) -> None:
    assert rights_of([role]) >= rights_of(["people"]) > rights_of(["viewer"])


def test_a_viewer_sees_changes_without_users_and_their_data(clients: Any) -> None:
    client, _ = clients["viewer"]
    changes = client.get("/console/v1/segments/cart-abandoned/changes").json()["changes"]
    assert {each["value"] for each in changes} == {None}
    change = changes[0]
    assert change["user"].startswith("user ")
    assert (change["attach"], change["id"], change["cause"]) == ({}, "", {"kind": "event"})
    assert change["evidence"] == [{"expression": "cart.items > 0", "value": None}]
    dead = client.get("/console/v1/health").json()["pulse"]["dead"]
    assert dead["reasons"] == {"wrong-key": 1}
    assert [(each["user"], each["detail"]) for each in dead["latest"]] == [(None, "")]


def test_a_session_is_worth_nothing_after_the_logout(clients: Any) -> None:
    client, me = clients["editor"]
    refused = client.request("DELETE", "/console/v1/session", json={}, headers=SAME_ORIGIN)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    headers = SAME_ORIGIN | {"X-Shoal-CSRF": me["csrf"]}
    crossed = headers | {"Sec-Fetch-Site": "cross-site"}
    assert client.request("DELETE", "/console/v1/session", json={}, headers=crossed).json()["code"] == "cross-site"
    assert client.request("DELETE", "/console/v1/session", content="x", headers=headers).status_code == 415
    assert client.get("/console/v1/me").status_code == 200
    assert client.request("DELETE", "/console/v1/session", json={}, headers=headers).status_code == 200
    assert client.get("/console/v1/me").status_code == 401


def test_a_cookie_that_was_changed_is_none(clients: Any, guarded_url: str) -> None:
    cookie = clients["people"][0].headers["cookie"]
    for wrong in (cookie[:-2] + "AA", cookie.replace(".", "A."), f"{COOKIE}=x", f"{COOKIE}={'.' * 2_000}"):
        assert httpx.get(f"{guarded_url}/console/v1/me", headers={"Cookie": wrong}).status_code == 401


def test_logins_are_limited_by_name_and_by_address() -> None:
    throttle = LoginThrottle()
    waits = [throttle.wait_s("ann", f"10.0.0.{number}", now_s=0.0) for number in range(ATTEMPTS + 1)]
    assert [bool(each) for each in waits] == [False] * ATTEMPTS + [True]
    waits = [throttle.wait_s(f"user {number}", "10.1.1.1", now_s=0.0) for number in range(ATTEMPTS + 1)]
    assert [bool(each) for each in waits] == [False] * ATTEMPTS + [True]
    assert not throttle.wait_s("ann", "10.1.1.2", now_s=60.0)


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(guarded_url: str, clients: Any) -> None:
    assert clients
    answer = log_in(guarded_url, "nobody", "a wrong password")
    assert answer.status_code in (401, 429)
    assert "set-cookie" not in answer.headers
    foreign = log_in(guarded_url, "viewer", **{"Sec-Fetch-Site": "cross-site"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "cross-site")
    plain = httpx.post(f"{guarded_url}/console/v1/session", json={"name": "viewer", "password": PASSWORD})
    assert plain.status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_an_open_console_answers_only_to_names_of_this_machine(url: str, host: str) -> None:
    for path in ("/", "/console/v1/segments"):
        answer = httpx.get(url + path, headers={"Host": host, "Accept": "text/html"})
        assert answer.status_code in (400, 403), host
    assert httpx.get(f"{url}/console/v1/segments", headers={"Host": "localhost:8081"}).status_code == 200


def test_an_open_console_does_not_start_where_others_come_in() -> None:
    with pytest.raises(UserError, match="nobody has to log in"):
        Gate(load_settings({}, console_host="0.0.0.0"))


def test_reviews_without_a_login_do_not_start() -> None:
    with pytest.raises(UserError, match="nobody can be told from anybody else"):
        Gate(load_settings({}, console_review=True))


def test_a_login_without_users_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file of users"):
        Gate(load_settings({}, console_login="password"))
    with pytest.raises(UserError, match="cannot be read"):
        Gate(load_settings({}, console_login="password", console_users_file=str(tmp_path / "none")))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ann", "is not name:roles:hash"),
        ("ann:boss:scrypt$16384$AA==$AA==", "'boss' is no role"),
        ("ann::scrypt$16384$AA==$AA==", "there is no role"),
        ("ann:viewer:5f4dcc3b", "the hash is none of scrypt"),
        ("an n:viewer:x", "cannot be used"),
    ],
)
def test_a_wrong_line_of_users_is_named_and_its_hash_is_not(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text(f"# users\n{line}\n")
    with pytest.raises(UserError) as raised:
        load_users(str(file))
    assert message in str(raised.value)
    assert "line 2" in str(raised.value)
    assert "5f4dcc3b" not in str(raised.value)


def test_a_password_fits_its_hash_alone(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text(user_line("ann", "people,editor", PASSWORD) + "\n")
    user = load_users(str(file))["ann"]
    assert user.roles == ("people", "editor")
    assert user.password.fits(PASSWORD)
    assert not user.password.fits(PASSWORD + "x")
    with pytest.raises(UserError, match="7 characters"):
        user_line("ann", "viewer", "1234567")
