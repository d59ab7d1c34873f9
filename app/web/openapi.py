"""Parts of the console's OpenAPI document that the handlers' types do not say."""

from typing import Final

from litestar.openapi.spec import OpenAPIType, Schema

LOGIN: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["name", "password"],
    properties={"name": Schema(type=OpenAPIType.STRING), "password": Schema(type=OpenAPIType.STRING)},
)
