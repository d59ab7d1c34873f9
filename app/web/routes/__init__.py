"""The paths of the API of the console's pages, and what its OpenAPI document says of their bodies."""
