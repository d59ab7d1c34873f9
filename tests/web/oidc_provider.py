"""An OpenID provider for tests: it signs with a real key, and lies where a test wants it to."""

import asyncio
import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from app.service.server import listening_socket
from tests.support.waiting import wait_until

CLIENT = "shoal console"
SECRET = "a secret: of tests"  # of a client that only tests have
KEY_ID = "key-1"


def new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=2_048)


class OidcProvider:
    """`claims`: more of the next tokens; `sign`: makes the next tokens in place of `signed`."""

    def __init__(self) -> None:
        self.issuer = ""
        self.document: dict[str, Any] = {}
        self.key = new_key()
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] | None = None
        self.asked: list[dict[str, str]] = []
        """The requests for a login, as they came."""
        self._codes: dict[str, dict[str, str]] = {}

    def signed(self, claims: dict[str, Any], algorithm: str = "RS256") -> str:
        return jwt.encode(claims, self.key, algorithm=algorithm, headers={"kid": KEY_ID})

    def code_for(self, asked: dict[str, str]) -> str:
        """The code of somebody who has logged in at the provider."""
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        return code

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        query = dict(parse_qsl(scope["query_string"].decode()))
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, said, location = self._answer(scope["path"], query, dict(parse_qsl(body.decode())), headers)
        given = [(b"content-type", b"application/json"), *([(b"location", location.encode())] if location else [])]
        await send({"type": "http.response.start", "status": status, "headers": given})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})

    def _answer(
        self, path: str, query: dict[str, str], form: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, Any, str]:
        if path == "/.well-known/openid-configuration":
            return 200, self._document(), ""
        if path == "/keys":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return 200, {"keys": [public | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]}, ""
        if path == "/authorize":
            self.asked.append(query)
            assert (query["client_id"], query["response_type"]) == (CLIENT, "code")
            back = {"code": self.code_for(query), "state": query["state"], "iss": self.issuer}
            return 302, {}, f"{query['redirect_uri']}?{urlencode(back)}"
        if path == "/token":
            return self._token(form, headers)
        return (200, {"left": query}, "") if path == "/logout" else (404, {}, "")

    def _document(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        found = {name: f"{self.issuer}/{place}" for name, place in places.items()}
        return found | {"issuer": self.issuer, "end_session_endpoint": f"{self.issuer}/logout"} | self.document

    def _token(self, form: dict[str, str], headers: dict[str, str]) -> tuple[int, Any, str]:
        pair = b64decode(headers["authorization"].removeprefix("Basic ")).decode().split(":")
        asked = self._codes.pop(form["code"], None)
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if (
            asked is None
            or [unquote_plus(each) for each in pair] != [CLIENT, SECRET]
            or (asked["code_challenge"], asked["code_challenge_method"]) != (challenge, "S256")
            or (form["grant_type"], form["redirect_uri"]) != ("authorization_code", asked["redirect_uri"])
        ):
            return 400, {"error": "invalid_grant"}, ""
        now_s = int(time.time())
        claims = {"iss": self.issuer, "sub": "1", "aud": CLIENT, "iat": now_s, "exp": now_s + 300}
        claims |= {"nonce": asked["nonce"], "email": "ann@shop.example", "email_verified": True, "groups": ["growth"]}
        claims |= self.claims
        return 200, {"token_type": "Bearer", "access_token": "x", "id_token": (self.sign or self.signed)(claims)}, ""


@contextmanager
def provider_served() -> Iterator[OidcProvider]:
    """A provider in a thread of its own."""
    made = OidcProvider()
    config = uvicorn.Config(made, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with listening_socket("127.0.0.1", 0, hint="") as listening:
        made.issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=lambda: asyncio.run(server._serve(sockets=[listening])), name="provider")
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive(), what="the provider starts")
            yield made
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive()
