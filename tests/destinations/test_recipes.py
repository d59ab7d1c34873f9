"""The shipped destinations against receivers that check and answer what each API documents.

Slack: incoming webhooks. SendGrid: v3 Mail Send. HubSpot: CRM v3, batch upsert of contacts. Mailchimp: Marketing 3.0,
tags of a list member. Marketo: REST, identity and sync leads. Adobe Target: Single Profile Update. Optimizely:
profiles of ODP, v3. Deletions are in test_erasures.py.
"""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from aiohttp import web

from app.destinations.changes import is_wanted, prepare
from app.destinations.destination_file import DestinationFile
from app.destinations.http.http_connection import HttpConnection
from app.destinations.outcome import Fate, Outcome
from app.segments.evaluation.change import Change
from tests.destinations.making import change, plain
from tests.destinations.receiver import Receiver, receiver

RECIPES = Path(__file__).parents[2] / "deploy" / "destinations"
ENVIRON = {
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/key",
    "SENDGRID_API_KEY": "SG.key",
    "SENDGRID_FROM": "shop@example.com",
    "SENDGRID_TEMPLATE": "d-123",
    "HUBSPOT_TOKEN": "pat-key",
    "MAILCHIMP_SERVER": "us21",
    "MAILCHIMP_LIST": "abc1",
    "MAILCHIMP_API_KEY": "mc-key",
    "MARKETO_HOST": "123-ABC-456.mktorest.com",
    "MARKETO_CLIENT_ID": "cid",
    "MARKETO_CLIENT_SECRET": "csecret",
    "ADOBE_TARGET_CLIENT": "shop",
    "ODP_HOST": "api.zaius.com",
    "ODP_API_KEY": "odp-key",
    "META_AUDIENCE": "23850000",
    "META_TOKEN": "meta-token",
    "GOOGLE_AUDIENCE": "987",
    "GOOGLE_ADS_ACCOUNT": "1234567890",
    "GOOGLE_SERVICE_ACCOUNT": json.dumps(
        {
            "client_email": "shoal@project.example",
            "private_key": "pem",
            "private_key_id": "key-1",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    ),
    "LINKEDIN_SEGMENT": "55",
    "LINKEDIN_CLIENT_ID": "li-client",
    "LINKEDIN_CLIENT_SECRET": "li-secret",
    "LINKEDIN_REFRESH_TOKEN": "li-refresh",
    "BRAZE_URL": "https://rest.iad-01.braze.com",
    "BRAZE_API_KEY": "braze-key",
    "CUSTOMERIO_SITE_ID": "site",
    "CUSTOMERIO_API_KEY": "cio-key",
    "CUSTOMERIO_SEGMENT": "7",
    "ITERABLE_API_KEY": "it-key",
    "KLAVIYO_API_KEY": "pk-key",
    "SALESFORCE_URL": "https://shop.my.salesforce.com",
    "SALESFORCE_CLIENT_ID": "sf-client",
    "SALESFORCE_CLIENT_SECRET": "sf-secret",
    "OWN_WEBHOOK_URL": "https://shop.example/hooks",
    "OWN_WEBHOOK_SECRET": "whsec",
}
HOST = re.compile(r"https://[^/\s\"]+")


async def tell(name: str, there: Receiver, *changes: Change) -> list[Outcome]:
    """Sends changes as the shipped file says, but to this receiver, whatever host the file or a variable names."""
    text = HOST.sub(there.url, (RECIPES / f"{name}.yaml").read_text())
    environ = {variable: HOST.sub(there.url, value) for variable, value in ENVIRON.items()}
    file = DestinationFile(f"{name}.yaml", text, environ=environ, private=True)
    made = file.read()
    assert made is not None, "\n".join(map(str, file.source.problems))
    async with HttpConnection(private=True) as sender:
        outcomes = []
        for one in changes:
            assert is_wanted(made, plain(one))
            outcomes.append(await sender.send(made, prepare(made, plain(one), one.encode())))
        return outcomes


def test_a_login_sends_no_mail_and_keeps_tags_and_fields_right() -> None:
    found = {}
    for path in RECIPES.glob("*.yaml"):
        made = DestinationFile(path.name, path.read_text(), environ=ENVIRON, private=False).read()
        assert made is not None
        found[path.stem] = made.on_merged
    assert {name for name, on_merged in found.items() if on_merged == "skip"} == {"sendgrid"}


def test_every_shipped_destination_is_right_as_it_is() -> None:
    for path in RECIPES.glob("*.yaml"):
        file = DestinationFile(path.name, path.read_text(), environ=ENVIRON, private=False)
        assert file.read() is not None, "\n".join(map(str, file.source.problems))


async def test_slack() -> None:
    def slack(request: web.Request, body: bytes) -> web.Response:
        if request.path != "/services/T0/B0/key":
            return web.Response(status=404, text="no_service")
        if len(there.got) == 2:
            return web.Response(status=429, headers={"Retry-After": "30"}, text="rate_limited")
        try:
            said = json.loads(body)["text"]
        except (ValueError, KeyError):
            return web.Response(status=400, text="invalid_payload")
        return web.Response(text="ok") if said else web.Response(status=400, text="no_text")

    one = change("ann", segment="hot-leads")
    async with receiver(slack) as there:
        first, second = await tell("slack", there, one, one)
    assert first.fate is Fate.DELIVERED
    assert (second.fate, second.retry_after_s) == (Fate.AGAIN, 30.0)
    assert json.loads(there.got[0][1])["text"].startswith("*ann* is now in *hot-leads* (the 1. time")


async def test_sendgrid() -> None:
    def sendgrid(request: web.Request, body: bytes) -> web.Response:
        if request.headers.get("Authorization") != "Bearer SG.key":
            return web.json_response({"errors": [{"message": "authorization required"}]}, status=401)
        mail = json.loads(body)
        good = (
            (request.method, request.path) == ("POST", "/v3/mail/send")
            and "@" in mail["from"]["email"]
            and mail["template_id"].startswith("d-")
            and all("@" in to["email"] for each in mail["personalizations"] for to in each["to"])
            and all(
                isinstance(value, str) for each in mail["personalizations"] for value in each["custom_args"].values()
            )
        )
        if not good:
            return web.json_response({"errors": [{"message": "Bad Request", "field": None, "help": None}]}, status=400)
        return web.Response(status=202, headers={"X-Message-Id": "14c5d75ce93"})

    one = change("ann", segment="cart-abandoned", email="ann@x.example", value=61.5, products=["A1", "B7"])
    async with receiver(sendgrid) as there:
        (outcome,) = await tell("sendgrid", there, one)
    assert outcome.fate is Fate.DELIVERED
    mail = json.loads(there.got[0][1])["personalizations"][0]
    assert mail["dynamic_template_data"] == {"value": 61.5, "products": ["A1", "B7"]}
    assert mail["custom_args"] == {"shoal_change": one.id}


async def test_hubspot() -> None:
    def hubspot(request: web.Request, body: bytes) -> web.Response:
        if request.headers.get("Authorization") != "Bearer pat-key":
            return web.json_response({"status": "error", "category": "INVALID_AUTHENTICATION"}, status=401)
        if (request.method, request.path) != ("POST", "/crm/v3/objects/contacts/batch/upsert"):
            return web.json_response({"status": "error", "category": "OBJECT_NOT_FOUND"}, status=404)
        if len(there.got) == 3:
            limit = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "SECONDLY"}
            return web.json_response(limit, status=429)
        results = []
        for each in json.loads(body)["inputs"]:
            if each["idProperty"] != "email" or each["properties"]["email"] != each["id"]:
                return web.json_response({"status": "error", "category": "VALIDATION_ERROR"}, status=400)
            contacts[each["id"]] = each["properties"]["shoal_high_value"]
            results.append({"id": "1", "properties": each["properties"], "new": True})
        return web.json_response({"status": "COMPLETE", "results": results})

    contacts: dict[str, str] = {}
    entered = change("ann", 1, "entered", "high-value", email="ann@x.example")
    exited = change("ann", 2, "exited", "high-value", email="ann@x.example")
    async with receiver(hubspot) as there:
        first, second, third = await tell("hubspot", there, entered, exited, entered)
    assert first.fate is second.fate is Fate.DELIVERED
    assert contacts == {"ann@x.example": "no"}
    assert (third.fate, third.status) == (Fate.AGAIN, "429")


async def test_mailchimp() -> None:
    def mailchimp(request: web.Request, body: bytes) -> web.Response:
        wanted = "Basic " + base64.b64encode(b"shoal:mc-key").decode()
        if request.headers.get("Authorization") != wanted:
            return web.json_response({"title": "API Key Invalid", "status": 401}, status=401)
        known = hashlib.md5(b"ann@x.example").hexdigest()
        if (request.method, request.path) != ("POST", f"/3.0/lists/abc1/members/{known}/tags"):
            return web.json_response({"title": "Resource Not Found", "status": 404}, status=404)
        for tag in json.loads(body)["tags"]:
            assert tag["status"] in ("active", "inactive")
            tags[tag["name"]] = tag["status"]
        return web.Response(status=204)

    tags: dict[str, str] = {}
    entered = change("ann", 1, "entered", "churn-risk", email="Ann@X.example")
    exited = change("ann", 2, "exited", "churn-risk", email="Ann@X.example")
    stranger = change("ben", 1, "entered", "churn-risk", email="ben@x.example")
    async with receiver(mailchimp) as there:
        first, second, third = await tell("mailchimp", there, entered, exited, stranger)
    assert first.fate is second.fate is Fate.DELIVERED
    assert tags == {"churn-risk": "inactive"}
    assert (third.fate, third.status) == (Fate.REFUSED, "404")


async def test_marketo() -> None:
    def marketo(request: web.Request, body: bytes) -> web.Response:
        if request.path == "/identity/oauth/token":
            if dict(request.query) != {
                "grant_type": "client_credentials",
                "client_id": "cid",
                "client_secret": "csecret",
            }:
                return web.json_response({"error": "unauthorized"}, status=401)
            tokens.append(f"token-{len(tokens)}")
            said = {"access_token": tokens[-1], "token_type": "bearer", "expires_in": 3599, "scope": "api@x.example"}
            return web.json_response(said)
        calls.append(request.headers["Authorization"])
        if calls[-1] == "Bearer token-0":
            return web.json_response(failure("602", "Access token expired"))
        if len(calls) == 3:
            return web.json_response(failure("606", "Max rate limit '100' exceeded with in '20' secs"))
        said = json.loads(body)
        if said["lookupField"] != "email" or said["action"] != "createOrUpdate":
            return web.json_response(failure("1003", "Invalid action"))
        leads.update({each["email"]: each["shoalHighEngagement"] for each in said["input"]})
        return web.json_response({"requestId": "e42b", "success": True, "result": [{"id": 318, "status": "updated"}]})

    tokens: list[str] = []
    calls: list[str] = []
    leads: dict[str, Any] = {}
    one = change("ann", 1, "entered", "high-engagement", email="ann@x.example")
    async with receiver(marketo) as there:
        expired, delivered, busy, again = await tell("marketo", there, one, one, one, one)
    assert (expired.fate, expired.status) == (Fate.AGAIN, "602")
    assert delivered.fate is again.fate is Fate.DELIVERED
    assert (busy.fate, busy.status) == (Fate.AGAIN, "606")
    assert tokens == ["token-0", "token-1"]
    assert leads == {"ann@x.example": True}


async def test_adobe_target() -> None:
    """Its documentation: GET or POST, parameters in the address, in UTF-8, `profile.` before the name of each."""

    def target(request: web.Request, body: bytes) -> web.Response:
        assert (request.method, request.path, body) == ("GET", "/m2/shop/profile/update", b"")
        assert not [name for name in request.headers if name.lower().startswith("ce-")]
        parameters = dict(request.query)
        user = parameters.pop("mbox3rdPartyId")
        profiles[user] = {name.removeprefix("profile."): value for name, value in parameters.items()}
        text = "<response><success>true</success><message>Request successfully submitted</message></response>"
        return web.Response(text=text, content_type="text/xml")

    profiles: dict[str, dict[str, str]] = {}
    entered = [change(user, 1, "entered", "hot-leads") for user in ("ann", "b&n=1 ü")]
    exited = change("ann", 2, "exited", "hot-leads")
    async with receiver(target) as there:
        outcomes = await tell("adobe-target", there, *entered, exited)
    assert {each.fate for each in outcomes} == {Fate.DELIVERED}
    assert profiles == {"ann": {"shoal-hot-leads": "false"}, "b&n=1 ü": {"shoal-hot-leads": "true"}}


async def test_optimizely() -> None:
    def odp(request: web.Request, body: bytes) -> web.Response:
        if request.headers.get("x-api-key") != "odp-key":
            return web.json_response({"title": "Forbidden", "status": 403}, status=403)
        assert (request.method, request.path) == ("POST", "/v3/profiles")
        attributes = json.loads(body)["attributes"]
        customers[attributes.pop("customer_id")] = attributes
        return web.json_response({"title": "Accepted", "status": 202}, status=202)

    customers: dict[str, dict[str, Any]] = {}
    changes = [change("ann", 1, "entered", "hot-leads"), change("ben", 1, "entered", "hot-leads")]
    async with receiver(odp) as there:
        outcomes = await tell("optimizely", there, *changes, change("ann", 2, "exited", "hot-leads"))
    assert {each.fate for each in outcomes} == {Fate.DELIVERED}
    assert customers == {"ann": {"shoal_hot_leads": False}, "ben": {"shoal_hot_leads": True}}


def failure(code: str, message: str) -> dict[str, Any]:
    return {"requestId": "e42b", "success": False, "errors": [{"code": code, "message": message}]}
