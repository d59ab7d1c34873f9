"""The shipped audiences of the platform `http` against receivers that check and answer what each API documents."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from app.destinations.audiences.audience_connection import AudienceConnection
from app.destinations.outcome import Fate
from tests.destinations.lists import Sender, person
from tests.destinations.making import destination
from tests.destinations.receiver import Receiver, receiver
from tests.destinations.test_recipes import ENVIRON, HOST, RECIPES


class Service:
    """People who are in. `refusing`: those who are refused."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.refusing: set[str] = set()

    def take(self, name: str, inside: bool) -> bool:
        if name in self.refusing:
            return False
        self.there = self.there | {name} if inside else self.there - {name}
        return True


class Braze(Service):
    def __call__(self, request: web.Request, body: bytes) -> web.Response:
        assert (request.method, request.path) == ("POST", "/users/track")
        assert request.headers["Authorization"] == "Bearer braze-key"
        rows = json.loads(body)["attributes"]
        assert len(rows) <= 75
        taken = [self.take(row["external_id"], row["shoal_high_value"]) for row in rows]
        errors = [
            {"type": "'external_id' is invalid", "input_array": "attributes", "index": number}
            for number, good in enumerate(taken)
            if not good
        ]
        said = {"message": "success", "attributes_processed": sum(taken)}
        return web.json_response(said | ({"errors": errors} if errors else {}), status=201)


class CustomerIo(Service):
    def __call__(self, request: web.Request, body: bytes) -> web.Response:
        assert request.method == "POST"
        assert request.headers["Authorization"].startswith("Basic ")
        inside = {"/api/v1/segments/7/add_customers": True, "/api/v1/segments/7/remove_customers": False}[request.path]
        ids = json.loads(body)["ids"]
        assert len(ids) <= 1_000
        for each in ids:
            self.take(each, inside)
        return web.json_response({})


class Iterable(Service):
    def __call__(self, request: web.Request, body: bytes) -> web.Response:
        inside = {"/api/lists/subscribe": True, "/api/lists/unsubscribe": False}[request.path]
        assert request.method == "POST"
        assert request.headers["Api-Key"] == "it-key"
        said = json.loads(body)
        assert type(said["listId"]) is int
        assert said.get("updateExistingUsersOnly" if inside else "channelUnsubscribe") is inside
        bad = [each["userId"] for each in said["subscribers"] if not self.take(each["userId"], inside)]
        failed = {"failCount": len(bad), "invalidEmails": [], "invalidUserIds": bad}
        return web.json_response(failed | {"successCount": len(said["subscribers"]) - len(bad)})


class Klaviyo(Service):
    def __call__(self, request: web.Request, body: bytes) -> web.Response:
        assert (request.method, request.path) == ("POST", "/api/profile-bulk-import-jobs")
        assert request.headers["Authorization"] == "Klaviyo-API-Key pk-key"
        assert request.headers["revision"]
        data = json.loads(body)["data"]
        assert data["type"] == "profile-bulk-import-job"
        for each in data["attributes"]["profiles"]["data"]:
            assert each["type"] == "profile"
            self.take(each["attributes"]["email"], each["attributes"]["properties"]["shoal_high_value"])
        return web.json_response({"data": {"type": "profile-bulk-import-job", "id": "job"}}, status=202)


class Salesforce(Service):
    def __call__(self, request: web.Request, body: bytes) -> web.Response:
        if request.path == "/services/oauth2/token":
            return web.json_response({"access_token": "sf-token"})
        path = "/services/data/v62.0/composite/sobjects/Contact/Shoal_User__c"
        assert (request.method, request.path) == ("PATCH", path)
        assert request.headers["Authorization"] == "Bearer sf-token"
        said = json.loads(body)
        assert said["allOrNone"] is False
        assert len(said["records"]) <= 200
        assert all(each["attributes"] == {"type": "Contact"} for each in said["records"])
        results = [
            {"id": "003", "success": self.take(each["Shoal_User__c"], each["Shoal_High_Value__c"]), "errors": []}
            for each in said["records"]
        ]
        return web.json_response(results)


SERVICES: Mapping[str, Callable[[], Any]] = {
    "braze": Braze,
    "customerio": CustomerIo,
    "iterable": Iterable,
    "klaviyo": Klaviyo,
    "salesforce": Salesforce,
}


@asynccontextmanager
async def sending(name: str, there: Receiver) -> AsyncIterator[Sender]:
    """A sender of a shipped file whose addresses are those of the receiver."""
    environ = {variable: HOST.sub(there.url, value) for variable, value in ENVIRON.items()}
    text = HOST.sub(there.url, (RECIPES / f"{name}-audience.yaml").read_text())
    async with AudienceConnection(private=True) as connection:
        yield Sender(destination(text, environ=environ, private=True), connection)


@pytest.mark.parametrize("name", SERVICES)
async def test_who_enters_is_added_and_who_leaves_is_removed(name: str) -> None:
    service = SERVICES[name]()
    people = [f"p{number}@x.example" for number in range(50)]
    async with receiver(service) as there, sending(name, there) as sender:
        entries = await sender.tell(*(person(each, 1, email=each) for each in people))
        assert {each.fate for each in entries} == {Fate.DELIVERED}
        assert service.there == set(people)
        await sender.tell(*(person(each, 2, "exited") for each in people[:20]))
    assert service.there == set(people[20:])
    assert set(sender.durable) == set(people[20:])


@pytest.mark.parametrize("name", ["braze", "iterable", "salesforce"])
async def test_who_is_refused_is_refused_alone(name: str) -> None:
    service = SERVICES[name]()
    service.refusing = {"ben"}
    async with receiver(service) as there, sending(name, there) as sender:
        outcomes = await sender.tell(*(person(each, 1) for each in ("ann", "ben", "cat")))
    assert [each.fate for each in outcomes] == [Fate.DELIVERED, Fate.REFUSED, Fate.DELIVERED]
    assert service.there == {"ann", "cat"}
