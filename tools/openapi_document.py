"""Writes the OpenAPI documents of `shoal serve` and `shoal console` anew: `python -m tools.openapi_document`."""

import json
from pathlib import Path

from litestar import Litestar

from app.service.http.openapi import numbers_once
from app.service.service import create_service
from app.settings import load_settings
from app.web.console import create_console

DOCUMENT = Path(__file__).parents[1] / "deploy" / "schemas" / "openapi.json"
CONSOLE_DOCUMENT = DOCUMENT.with_name("console-openapi.json")


def document() -> str:
    """The document, in an order that does not change."""
    return _text(create_service(load_settings({})).app)


def console_document() -> str:
    """That of the console."""
    return _text(create_console(load_settings({})).app)


def _text(app: Litestar) -> str:
    schema = numbers_once(app.openapi_schema.to_schema())
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    CONSOLE_DOCUMENT.write_text(console_document(), encoding="utf-8")
