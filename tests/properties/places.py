"""Random comparisons of versions, and conditions on places."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.properties.catalogs import Writer


def version_test(writer: "Writer", path: str) -> str:
    """A comparison of versions."""
    if writer.chance(10):
        return f"version({path}) is {writer.one_of('known', 'missing')}"
    if writer.chance(15):
        return f"version({path}) in ['{writer.one_of('2', '2.10')}', 'v1.0']"
    return f"version({path}) {writer.order()} '{writer.one_of('2', '2.9', '2.10', '10.0', 'v2.0.0', '1')}'"


def near(writer: "Writer", path: str) -> str:
    """A condition on a place."""
    point = writer.one_of("52.52, 13.4", "52.52, 13.4", "-33.87, 151.21", "0, 180", "89.5, 0")
    return f"near({path}, {point}, {writer.one_of('1', '20.5', '500', '12000')}km)"
