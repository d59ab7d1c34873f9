"""The example of a function: `shoal destinations` calls it with CloudEvents, as WSGI and as AWS Lambda."""

import base64
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from app.configuration.setting_value import SHIPPED
from app.destinations.changes import prepare
from app.destinations.http.http_connection import HttpConnection
from app.destinations.http.http_request import HttpRequest, signature_headers
from app.destinations.outcome import Fate
from examples.function import change_function
from tests.destinations.making import change, destination, plain

SECRET = "a secret for tests only"
NOW_S = 1_767_225_600


class Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as http.server calls it
        """Requests are not logged."""


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    change_function.done.clear()


@pytest.fixture
def url() -> Iterator[str]:
    """The address of the function as a WSGI application."""
    with make_server("127.0.0.1", 0, change_function.app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join(timeout=5)


def request_of(user: str, url: str = "https://function.example/") -> HttpRequest:
    """The request that the shipped destination makes of a change."""
    text = (SHIPPED / "destinations" / "webhook.yaml").read_text("utf-8")
    environ = {"OWN_WEBHOOK_URL": url, "OWN_WEBHOOK_SECRET": SECRET}
    one = change(user)
    made: HttpRequest = prepare(destination(text, environ=environ, private=True), plain(one), one.encode())
    return made


def lambda_event(request: HttpRequest, *, now_s: int, encoded: bool = False) -> dict[str, object]:
    """As a function URL gives it, in the documented format 2.0: names of headers in small letters, a body as text if
    its type is JSON, and else in base64."""
    signed = {**request.headers, **signature_headers(SECRET, request.body, now_ms=now_s * 1_000)}
    body = base64.b64encode(request.body).decode() if encoded else request.body.decode()
    headers = {name.lower(): value for name, value in signed.items()}
    http = {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "shoal"}
    context = {
        "accountId": "anonymous",
        "apiId": "<url-id>",
        "domainName": "<url-id>.lambda-url.us-west-2.on.aws",
        "domainPrefix": "<url-id>",
        "http": http,
        "requestId": "id",
        "routeKey": "$default",
        "stage": "$default",
        "time": "01/Jan/2026:00:00:00 +0000",
        "timeEpoch": now_s * 1_000,
    }
    where = {"version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "requestContext": context}
    return {**where, "headers": headers, "body": body, "isBase64Encoded": encoded}


async def test_a_change_is_handled_once_however_often_it_is_sent(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (SHIPPED / "destinations" / "webhook.yaml").read_text("utf-8")
    one = change("ann")
    async with HttpConnection(private=True) as sender:
        for secret, fate in ((SECRET, Fate.DELIVERED), (SECRET, Fate.DELIVERED), ("another", Fate.AGAIN)):
            environ = {"OWN_WEBHOOK_URL": url, "OWN_WEBHOOK_SECRET": secret}
            made = destination(text, environ=environ, private=True)
            outcome = await sender.send(made, prepare(made, plain(one), one.encode()))
            assert outcome.fate is fate
    assert capsys.readouterr().out == "ann entered viewers\n"


@pytest.mark.parametrize("encoded", [False, True])
def test_lambda_handles_a_change(
    encoded: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW_S + 10.0)
    event = lambda_event(request_of("ann"), now_s=NOW_S, encoded=encoded)
    for _ in range(2):
        told = change_function.lambda_handler(event, None)
        assert told == {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": ""}
    assert capsys.readouterr().out == "ann entered viewers\n"


def test_what_is_old_changed_or_no_change_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW_S + 10.0)
    request = request_of("ann")
    old = lambda_event(request, now_s=NOW_S - 400)
    changed = {**lambda_event(request, now_s=NOW_S), "body": "{}"}
    unsigned = {"headers": {}, "body": "{}"}
    for event in (old, changed, unsigned):
        assert change_function.lambda_handler(event, None)["statusCode"] == 401
    other = HttpRequest(id="x", method="POST", url="", headers={"ce-specversion": "1.0", "ce-type": "a"}, body=b"{}")
    assert change_function.lambda_handler(lambda_event(other, now_s=NOW_S), None)["statusCode"] == 400


def test_a_change_that_fails_is_handled_when_it_comes_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW_S + 10.0)
    event = lambda_event(request_of("ann"), now_s=NOW_S)
    with monkeypatch.context() as failing:
        failing.setattr(change_function, "react", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            change_function.lambda_handler(event, None)
    assert change_function.lambda_handler(event, None)["statusCode"] == 200
    assert capsys.readouterr().out == "ann entered viewers\n"


@dataclass
class FlaskRequest:
    """The part of a request of Flask that the function uses."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def content_length(self) -> int:
        return len(self.body)

    def get_data(self) -> bytes:
        return self.body


def test_the_functions_framework_gives_a_request_of_flask(capsys: pytest.CaptureFixture[str]) -> None:
    """The framework itself: test_functions_framework.py."""
    request = request_of("ann")
    signed = signature_headers(SECRET, request.body, now_ms=time.time_ns() // 1_000_000)
    good = FlaskRequest({**request.headers, **signed}, request.body)
    assert [change_function.change_http(good) for _ in range(2)] == [("", 200)] * 2
    assert change_function.change_http(FlaskRequest(request.headers, request.body))[1] == 401
    assert change_function.change_http(FlaskRequest({}, bytes(change_function.BODY_BYTES_MAX + 1)))[1] == 413
    assert capsys.readouterr().out == "ann entered viewers\n"
