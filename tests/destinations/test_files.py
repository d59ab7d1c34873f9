"""Destination files: what is read, and what is said about what is wrong, with its placeholder."""

import pytest

from app.destinations.changes import prepare
from app.destinations.destination import Retry
from app.destinations.http.http_request import signature_headers
from app.destinations.sample import sample
from app.destinations.template import TemplateError, parse
from app.destinations.unusable import UnusableError
from tests.destinations.making import HOOK, change, destination, plain, problems, target


def test_a_plain_destination_sends_the_change_as_a_cloud_event() -> None:
    one = change("ann", cart=3)
    prepared = prepare(destination(), plain(one), one.encode())
    assert prepared.body == one.encode()
    assert prepared.headers["ce-type"] == "shoal.segment.entered.v1"
    assert prepared.headers["Idempotency-Key"] == prepared.headers["ce-id"] == one.id


def test_a_body_is_filled_and_numbers_stay_numbers() -> None:
    text = HOOK + 'body: {who: "{{ user }}", cart: "{{ attach.cart }}", text: "a {{ attach.cart }}", list: [1, true]}\n'
    one = change("ann", cart=3)
    prepared = prepare(destination(text), plain(one), one.encode())
    assert prepared.body == b'{"who":"ann","cart":3,"text":"a 3","list":[1,true]}'


def test_optional_leaves_the_key_out_and_default_fills_it() -> None:
    text = HOOK + """body: {a: "{{ attach.a | optional }}", b: "{{ attach.b | default('x') }}"}\n"""
    one = change("ann")
    assert prepare(destination(text), plain(one), one.encode()).body == b'{"b":"x"}'


def test_a_value_in_an_address_cannot_leave_its_place() -> None:
    text = "destination: hook\nurl: https://hooks.example/u/{{ user }}/x\n"
    one = change("../admin?x=1#y")
    url = prepare(destination(text), plain(one), one.encode()).url
    assert url == "https://hooks.example/u/..%2Fadmin%3Fx%3D1%23y/x"


@pytest.mark.parametrize("value", [".", ".."])
def test_a_value_that_would_lead_to_another_address_is_not_sent(value: str) -> None:
    text = "destination: hook\nurl: https://hooks.example/u/{{ user }}/x\n"
    one = change(value)
    with pytest.raises(UnusableError, match="change the path of the URL"):
        prepare(destination(text), plain(one), one.encode())


def test_a_value_in_a_header_cannot_begin_another() -> None:
    text = HOOK + 'headers: {X-User: "{{ user }}"}\n'
    one = change("ann\r\nX-Admin: yes")
    with pytest.raises(UnusableError, match="control characters"):
        prepare(destination(text), plain(one), one.encode())


def test_places_in_secrets_are_not_filled() -> None:
    text = HOOK + "headers: {X-Key: '${KEY}'}\n"
    one = change("ann")
    made = destination(text, environ={"KEY": "{{ user }}"})
    assert prepare(made, plain(one), one.encode()).headers["X-Key"] == "{{ user }}"


def test_each_kind_of_change_may_have_a_request_of_its_own() -> None:
    made = destination(
        "destination: hook\nurl: https://a.example/\non:\n  entered: {method: PUT}\n  exited: {url: https://b.example/}\n"
    )
    assert {kind: (one.method, one.url.text({})) for kind, one in target(made).requests.items()} == {
        "entered": ("PUT", "https://a.example/"),
        "exited": ("POST", "https://b.example/"),
    }


def test_retries_and_limits_are_read() -> None:
    made = destination(HOOK + "retry: {first: 2s, longest: 10m, give_up: 3h}\nrate: 2.5\nat_once: 3\nmax_age: 1d\n")
    assert made.retry == Retry(first_ms=2_000, longest_ms=600_000, give_up_ms=10_800_000)
    assert (made.rate, made.at_once, made.max_age_ms) == (2.5, 3, 86_400_000)


def test_a_choice_about_merged_changes_that_does_not_exist_is_refused() -> None:
    assert destination(HOOK).on_merged == "send"
    assert problems(HOOK + "on_merged: drop\n") == ["4:12 on_merged is drop, but must be send or skip"]


def test_no_secret_is_shown() -> None:
    environ = {"KEY": "s3cr3t-key", "URL": "https://hooks.example/s3cr3t-path", "SIGN": "s3cr3t-sign"}
    text = (
        "destination: hook\nurl: ${URL}/x\nheaders: {Authorization: 'Bearer ${KEY}', X-Key: '${KEY}'}\n"
        "sign: {secret: '${SIGN}'}\nbasic: {user: a, password: '${KEY}'}\n"
    )
    made = destination(text, environ=environ)
    assert "s3cr3t" not in repr(made)
    shown = sample(made)
    assert "s3cr3t" not in shown
    assert "${URL}/x" in shown


def test_the_signature_is_the_hmac_of_timestamp_and_body() -> None:
    # echo -n '1767225600.{"a":1}' | openssl dgst -sha256 -hmac key
    assert signature_headers("key", b'{"a":1}', now_ms=1_767_225_600_999) == {
        "Shoal-Timestamp": "1767225600",
        "Shoal-Signature": "v1=80f7b75f8618b9b24d72673996a625f1a43f7387a26b6739d667431724fe4d23",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["1:1 this file is empty"]),
        ("destination: hook\n", ["1:1 there is no url for entered"]),
        ("destination: Hook\nurl: https://a.example/\n", ["1:14 Hook is no name"]),
        ("destination: hook\nurl: ftp://a.example/\n", ["2:6 this is no address of a web service"]),
        ("destination: hook\nurl: http://a.example/\n", ["2:6 http is not encrypted"]),
        ("destination: hook\nurl: https://127.0.0.1/\n", ["2:6 127.0.0.1 is not a public address"]),
        ("destination: hook\nurl: https://metadata.internal/\n", ["2:6 metadata.internal is not a public address"]),
        ("destination: hook\nurl: https://{{ user }}/\n", ["2:6 this is no address of a web service"]),
        ("destination: hook\nurl: https://x{{ user }}/\n", ["2:6 the host must be written out"]),
        (HOOK + "chanels: [a]\n", ["4:1 unknown key chanels"]),
        (HOOK.replace("exited", "leaves"), ["3:20 there is no change leaves"]),
        (HOOK + "body: {text: '{{ email }}'}\n", ["4:15 a change has no email"]),
        (HOOK + "body: {text: 'hello {{ user | shout }}'}\n", ["4:21 there is no filter shout"]),
        (HOOK + "headers: {X-Key: '${KEY}'}\n", ["4:18 the variable KEY is not set"]),
        (HOOK + "headers: {'X Key': a}\n", ["4:11 this is no name of a header"]),
        (HOOK + "retry: {first: 1h, longest: 1m}\n", ["4:16 first is longer than longest"]),
        (HOOK + "rate: -1\n", ["4:7 rate is -1"]),
        (HOOK + "sign: {}\n", ["4:7 secret is missing"]),
        (
            HOOK + "oauth: {url: 'https://a.example/{{ user }}', client_id: a, client_secret: b}\n",
            ["4:14 the address that gives tokens has no values of a change"],
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: list[str]) -> None:
    assert problems(text) == said


@pytest.mark.parametrize("text", ["{{ user", "user }}", "{{ }}", "{{ user | default(x) }}", "{{ 1 }}"])
def test_a_place_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(TemplateError):
        parse(text)
