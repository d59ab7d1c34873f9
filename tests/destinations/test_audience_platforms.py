"""The shipped audiences against servers that check and answer what each API documents: Meta's Marketing API
(/<audience>/users), Google's Data Manager API (audienceMembers), LinkedIn's dmpSegments. Also their tokens."""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.destinations.audiences.audience_connection import AudienceConnection
from app.destinations.outcome import Fate
from tests.destinations.lists import Sender, person
from tests.destinations.making import destination, problems
from tests.destinations.receiver import Receiver, receiver
from tests.destinations.test_recipes import ENVIRON, HOST, RECIPES

ANN, BEN, CAT = "Ann.B@gmail.com", "ben@x.example", "cat@x.example"
HASH = re.compile(r"[0-9a-f]{64}")
KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class FakeMeta:
    """Answers POST and DELETE of /v25.0/<audience>/users."""

    def __init__(self, bad: set[str]) -> None:
        self.bad, self.there, self.sessions = bad, set[str](), list[int]()

    def __call__(self, request: web.Request, body: bytes) -> web.Response:
        assert request.path == "/v25.0/23850000/users"
        assert request.headers["Authorization"] == "Bearer meta-token"
        said = json.loads(body)
        assert set(said) == {"session", "payload"}
        assert set(said["session"]) == {"session_id", "batch_seq", "last_batch_flag", "estimated_num_total"}
        self.sessions.append(said["session"]["session_id"])
        schema, data = said["payload"]["schema"], said["payload"]["data"]
        assert set(schema) <= {"EMAIL", "PHONE"}
        assert len(data) <= 10_000
        invalid = {}
        for row in data:
            assert len(row) == len(schema)
            values = {each for each in row if each}
            assert all(HASH.fullmatch(each) for each in values)
            if values & self.bad:
                invalid[json.dumps(row)] = "Invalid email"
            elif request.method == "POST":
                self.there |= values
            else:
                self.there -= values
        return web.json_response(
            {
                "audience_id": "23850000",
                "session_id": str(said["session"]["session_id"]),
                "num_received": len(data),
                "num_invalid_entries": len(invalid),
                "invalid_entry_samples": invalid,
            }
        )


class FakeGoogle:
    """Answers the token's address, :ingest and :remove. One bad member makes it refuse the request."""

    def __init__(self, bad: set[str]) -> None:
        self.bad, self.there, self.tokens = bad, set[str](), 0

    def __call__(self, request: web.Request, body: bytes) -> web.Response:
        if request.path == "/token":
            return self.token(body)
        assert request.headers["Authorization"] == f"Bearer google-{self.tokens}"
        said = json.loads(body)
        assert said["encoding"] == "HEX"
        account = {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}
        assert said["destinations"] == [{"operatingAccount": account, "productDestinationId": "987"}]
        members = [
            {value for each in member["userData"]["userIdentifiers"] for value in each.values()}
            for member in said["audienceMembers"]
        ]
        assert all(HASH.fullmatch(each) for values in members for each in values)
        assert request.path in ("/v1/audienceMembers:ingest", "/v1/audienceMembers:remove")
        adds = request.path.endswith("ingest")
        assert ("termsOfService" in said) == adds
        wrong = [place for place, values in enumerate(members) if values & self.bad]
        if wrong:
            field = f"audience_members.audience_members[{wrong[0]}].user_data.user_identifiers[0].email_address"
            violations = [{"field": field, "description": "not a hash", "reason": "INVALID_SHA256_FORMAT"}]
            detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}
            error = {"code": 400, "status": "INVALID_ARGUMENT", "message": "a problem", "details": [detail]}
            return web.json_response({"error": error}, status=400)
        for values in members:
            self.there = self.there | values if adds else self.there - values
        return web.json_response({"requestId": "req-1"})

    def token(self, body: bytes) -> web.Response:
        form = dict(each.split("=") for each in body.decode().split("&"))
        assert form["grant_type"] == "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
        audience = jwt.decode(form["assertion"], options={"verify_signature": False})["aud"]
        claims = jwt.decode(form["assertion"], KEY.public_key(), algorithms=["RS256"], audience=audience)
        assert claims["iss"] == "shoal@project.example"
        assert claims["scope"] == "https://www.googleapis.com/auth/datamanager"
        assert claims["exp"] - claims["iat"] == 3_600
        assert jwt.get_unverified_header(form["assertion"])["kid"] == "key-1"
        self.tokens += 1
        return web.json_response({"access_token": f"google-{self.tokens}", "expires_in": 3_600})


class FakeLinkedIn:
    """Answers the token's address, and a status for each element."""

    def __init__(self, bad: set[str]) -> None:
        self.bad, self.there = bad, set[str]()

    def __call__(self, request: web.Request, body: bytes) -> web.Response:
        if request.path == "/oauth/v2/accessToken":
            form = dict(each.split("=") for each in body.decode().split("&"))
            assert (form["grant_type"], form["refresh_token"]) == ("refresh_token", "li-refresh")
            return web.json_response({"access_token": "li-token", "expires_in": 5_184_000})
        assert (request.method, request.path) == ("POST", "/rest/dmpSegments/55/users")
        assert request.headers["Authorization"] == "Bearer li-token"
        assert request.headers["X-RestLi-Method"] == "BATCH_CREATE"
        assert request.headers["LinkedIn-Version"] == "202511"
        statuses = []
        for element in json.loads(body)["elements"]:
            (one,) = element["userIds"]
            assert one["idType"] == "SHA256_EMAIL"
            assert HASH.fullmatch(one["idValue"])
            statuses.append({"status": 400 if one["idValue"] in self.bad else 201})
            if one["idValue"] not in self.bad:
                adds = {"ADD": True, "REMOVE": False}[element["action"]]
                self.there = self.there | {one["idValue"]} if adds else self.there - {one["idValue"]}
        return web.json_response({"elements": statuses})


FAKES: Mapping[str, Callable[[set[str]], Any]] = {"meta": FakeMeta, "google": FakeGoogle, "linkedin": FakeLinkedIn}
OWN_VALUES = {"GOOGLE_ADS_ACCOUNT": "123-456-7890"}


def key_file(token_uri: str) -> str:
    """Key file of a service account, in one line."""
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "shoal@project.example",
            "private_key": PEM,
            "private_key_id": "key-1",
            "token_uri": token_uri,
        }
    )


@asynccontextmanager
async def sending(name: str, there: Receiver, more: str = "") -> AsyncIterator[Sender]:
    """A sender of a shipped file whose addresses are those of the receiver."""
    text = HOST.sub(there.url, (RECIPES / f"{name}-audience.yaml").read_text())
    text = text.replace("identify: {email: attach.email}", "identify: {email: attach.email, phone: attach.phone}")
    if name == "linkedin":
        text = text.replace(", phone: attach.phone", "")
    environ = {**ENVIRON, **OWN_VALUES, "GOOGLE_SERVICE_ACCOUNT": key_file(f"{there.url}/token")}
    made = destination(f"{text}url: {there.url}\n{more}", environ=environ, private=True)
    async with AudienceConnection(private=True) as connection:
        yield Sender(made, connection)


@pytest.mark.parametrize("name", FAKES)
async def test_people_are_added_and_removed_and_who_is_refused_is_refused_alone(name: str) -> None:
    fake = FAKES[name]({sha(BEN)})
    async with receiver(fake) as there, sending(name, there) as sender:
        changes = [person(user, 1, email=email) for user, email in (("ann", ANN), ("ben", BEN), ("cat", CAT))]
        outcomes = await sender.tell(*changes)
        assert [each.fate for each in outcomes] == [Fate.DELIVERED, Fate.REFUSED, Fate.DELIVERED], outcomes
        ann = sha("annb@gmail.com" if name == "google" else "ann.b@gmail.com")
        assert fake.there == {ann, sha(CAT)}
        await sender.tell(person("ann", 2, "updated", email="new@x.example"), person("cat", 2, "exited", email=CAT))
    assert fake.there == {sha("new@x.example")}
    assert list(sender.durable) == ["ben", "ann"] or set(sender.durable) == {"ann", "ben"}
    bodies = [body for request, body in there.got if request.path not in ("/token", "/oauth/v2/accessToken")]
    assert b"@" not in b"".join(bodies)


@pytest.mark.parametrize(("name", "phone"), [("meta", "491705550100"), ("google", "+491705550100")])
async def test_a_phone_number_is_hashed_in_the_form_that_the_service_wants(name: str, phone: str) -> None:
    fake = FAKES[name](set())
    async with receiver(fake) as there, sending(name, there, "country: 49\n") as sender:
        await sender.tell(person("ann", 1, email=CAT, phone="0170 5550100"), person("ben", 1, phone="+49 170 5550101"))
        assert fake.there == {sha(CAT), sha(phone), sha(phone[:-1] + "1")}
        await sender.tell(person("ann", 2, "exited"), person("ben", 2, "exited"))
    assert fake.there == set()
    assert sender.durable == {}


async def test_google_is_told_of_a_consent_that_the_file_names() -> None:
    async with receiver(FakeGoogle(set())) as there, sending("google", there, "consent: attach.ads\n") as sender:
        await sender.tell(person("ann", 1, email=CAT), person("ben", 1, email=BEN, ads=False))
    said = json.loads(there.got[-1][1])
    assert said["consent"] == {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
    assert len(said["audienceMembers"]) == 1


async def test_a_repeat_of_a_request_to_meta_is_of_the_same_session_and_another_of_another() -> None:
    fake = FakeMeta(set())
    async with receiver(fake) as there, sending("meta", there) as sender:
        await sender.tell(person("ann", 1, email=CAT))
        sender.durable.clear()
        sender.restart()
        await sender.tell(person("ann", 1, email=CAT))
        await sender.tell(person("ben", 1, email=BEN))
    assert fake.sessions[0] == fake.sessions[1] != fake.sessions[2]


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        ({"code": 80003, "message": "too many calls"}, Fate.AGAIN),
        ({"code": 190, "message": "the token has expired"}, Fate.AGAIN),
        ({"code": 100, "error_subcode": 1713230, "message": "Audience Upload Blocked"}, Fate.AGAIN),
        ({"code": 999, "is_transient": True}, Fate.AGAIN),
        ({"code": 100, "message": "Invalid parameter"}, Fate.REFUSED),
        ("no object", Fate.REFUSED),
    ],
)
async def test_limits_and_tokens_of_meta_are_no_refusals_though_they_answer_400(error: Any, fate: Fate) -> None:
    async with (
        receiver(lambda *_: web.json_response({"error": error}, status=400)) as there,
        sending("meta", there) as sender,
    ):
        (outcome,) = await sender.tell(person("ann", 1, email=CAT))
    assert outcome.fate is fate


@pytest.mark.parametrize(
    "answer",
    [
        {"elements": [{"status": 201}]},
        {"elements": [{"status": 201}, {"status": 429}]},
        {"elements": "none"},
        [],
    ],
)
async def test_an_answer_of_linkedin_that_does_not_settle_all_is_no_answer(answer: Any) -> None:
    def answering(request: web.Request, body: bytes) -> web.Response:
        return FakeLinkedIn(set())(request, body) if "oauth" in request.path else web.json_response(answer)

    async with receiver(answering) as there, sending("linkedin", there) as sender:
        outcomes = await sender.tell(person("ann", 1, email=CAT), person("ben", 1, email=BEN))
    assert {each.fate for each in outcomes} == {Fate.AGAIN}


async def test_a_token_that_is_refused_is_asked_for_again() -> None:
    fake = FakeGoogle(set())

    def answer(request: web.Request, body: bytes) -> web.Response:
        is_expired = request.headers.get("Authorization") == "Bearer google-1"
        return web.Response(status=401) if is_expired else fake(request, body)

    async with receiver(answer) as there, sending("google", there) as sender:
        (first,) = await sender.tell(person("ann", 1, email=CAT))
        (second,) = await sender.tell(person("ann", 1, email=CAT))
    assert (first.fate, second.fate) == (Fate.AGAIN, Fate.DELIVERED)
    assert fake.tokens == 2


# ---- the file

GOOGLE = """destination: ads
kind: audience
platform: google
segment: viewers
identify: {email: attach.email}
audience: 987
account: 1234567890
service_account: ${KEY}
terms: accepted
"""
META = """destination: ads
kind: audience
platform: meta
segment: viewers
identify: {email: attach.email}
audience: 987
version: v25.0
token: abc
"""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOGLE.replace("terms: accepted\n", ""), "1:1 Google wants its terms to be accepted"),
        (GOOGLE.replace("audience: 987", "audience: my list"), "6:11 this is no audience"),
        (GOOGLE.replace("account: 1234567890\n", ""), "1:1 account is missing"),
        (GOOGLE.replace("service_account: ${KEY}\n", ""), "1:1 there must be either service_account or oauth"),
        (GOOGLE.replace("${KEY}", "/nowhere/key.json"), "8:18 this is no key file of a service account"),
        (GOOGLE + "version: v25.0\n", "10:1 the platform google has no version"),
        (GOOGLE.replace("email: attach.email", "user: user"), "5:12 unknown key user"),
        (
            META.replace("v25.0", "25"),
            "7:10 this is no version",
        ),
        (
            META.replace("meta", "linkedin").replace("v25.0", "202511").replace("email", "phone"),
            "5:12 unknown key phone",
        ),
    ],
)
def test_a_mistake_in_a_file_of_an_ad_service(text: str, problem: str) -> None:
    found = problems(text, environ={"KEY": key_file("https://oauth2.googleapis.com/token")})
    assert problem in found, found


def test_a_key_file_is_read_from_its_path_and_must_ask_for_tokens_by_https(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(key_file("https://oauth2.googleapis.com/token"))
    made = destination(GOOGLE, environ={"KEY": str(path)})
    assert "BEGIN PRIVATE KEY" not in repr(made)
    assert "shoal@project.example" not in repr(made)
    path.write_text(key_file("http://oauth2.googleapis.com/token"))
    assert "token_uri" in problems(GOOGLE, environ={"KEY": str(path)})[0]
