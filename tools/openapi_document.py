"""Writes the OpenAPI document of `shoal serve` anew: `python -m tools.openapi_document`."""

import json
from pathlib import Path

from app.service.service import create_service
from app.settings import load_settings

DOCUMENT = Path(__file__).parents[1] / "deploy" / "schemas" / "openapi.json"


def document() -> str:
    """The document, in an order that does not change."""
    schema = create_service(load_settings({})).app.openapi_schema.to_schema()
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
