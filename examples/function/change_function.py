"""A function that `shoal destinations` calls for each change, as a CloudEvent over HTTP, without any library.

`app` is a WSGI application, for Cloud Run, Knative or any container: `gunicorn change_function:app`.
`change_http` is for Google's Functions Framework and Cloud Run functions: `functions-framework --target change_http`.
It is an HTTP function: the kind for CloudEvents is not given the headers with the signature.
`lambda_handler` is for AWS Lambda behind a function URL of the auth type NONE, or an HTTP API of API Gateway (payload
format 2.0).
Destination: `deploy/destinations/webhook.yaml`, whose secret is WEBHOOK_SECRET here.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

TOO_OLD_S = 300
BODY_BYTES_MAX = 1 << 20
done: set[str] = set()
"""Ids of changes that were handled. Your own function keeps them in a table, as each instance has only its own set."""


def react(change: Mapping[str, Any]) -> None:
    """Put here what is to be done. An exception makes the sender try again later."""
    print(f"{change['user']} {change['change']} {change['segment']}", flush=True)  # noqa: T201  # this is its purpose


def answer(headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    """The status and text for a request; names of headers in small letters."""
    if not is_signed(headers, body):
        return 401, "not signed by shoal destinations, or too old"
    if headers.get("ce-specversion") != "1.0" or not headers.get("ce-type", "").startswith("shoal.segment."):
        return 400, "not a change of a segment as a CloudEvent"
    if headers["ce-id"] not in done:  # after a crash of the sender it comes again
        react(json.loads(body))
        done.add(headers["ce-id"])  # afterwards: a function that dies in between is called again
    return 200, ""  # some senders of CloudEvents take a text in an answer for a failure


def is_signed(headers: Mapping[str, str], body: bytes) -> bool:
    """True if whoever sent the body knows the secret, and did so just now."""
    secret, timestamp = os.environ.get("WEBHOOK_SECRET", ""), headers.get("shoal-timestamp", "")
    if not secret or not timestamp.isdecimal():
        return False
    wanted = "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    given = headers.get("shoal-signature", "")
    return hmac.compare_digest(wanted.encode(), given.encode()) and abs(time.time() - int(timestamp)) < TOO_OLD_S


def app(environ: Mapping[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """The function as a WSGI application."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > BODY_BYTES_MAX:
        status, text = 413, "too large"
    else:
        status, text = answer(headers, environ["wsgi.input"].read(length))
    start_response(f"{status} {HTTPStatus(status).phrase}", [("Content-Type", "text/plain")])
    return [text.encode()]


def change_http(request: Any) -> tuple[str, int]:
    """The function for the Functions Framework. `request`: a request of Flask."""
    if (request.content_length or 0) > BODY_BYTES_MAX:
        return "too large", 413
    status, text = answer({name.lower(): value for name, value in request.headers.items()}, request.get_data())
    return text, status


def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The function for AWS Lambda."""
    given = event.get("body") or ""
    body = base64.b64decode(given) if event.get("isBase64Encoded") else given.encode()
    status, text = answer({name.lower(): value for name, value in event["headers"].items()}, body)
    return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": text}
