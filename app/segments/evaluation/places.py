"""Distances on earth, which counts as a sphere."""

from math import asin, cos, radians, sin, sqrt
from typing import Any, Final

from app.segments.evaluation.operators import number

EARTH_KM: Final = 6_371.0088
LATITUDE_MAX, LONGITUDE_MAX = 90, 180


class Area:
    """All places that are at most `km` from a point."""

    def __init__(self, latitude: int | float, longitude: int | float, km: int | float) -> None:
        self._latitude, self._longitude, self._km = radians(latitude), radians(longitude), km
        self._cosine = cos(self._latitude)

    def has(self, latitude: Any, lat: Any, longitude: Any, lng: Any) -> bool:
        """True if a place is in the area; `lat` and `lng` count where the long names have no number."""
        north, east = _degrees(latitude, lat, LATITUDE_MAX), _degrees(longitude, lng, LONGITUDE_MAX)
        return north is not None and east is not None and self._distance_km(radians(north), radians(east)) <= self._km

    def _distance_km(self, north: float, east: float) -> float:
        """The great circle, by the haversine formula."""
        across = sin((north - self._latitude) / 2) ** 2
        along = sin((east - self._longitude) / 2) ** 2
        return 2 * EARTH_KM * asin(min(1.0, sqrt(across + self._cosine * cos(north) * along)))


def _degrees(said: Any, short: Any, most: int) -> int | float | None:
    """A coordinate; None if neither is a number, or it is none of earth."""
    value = number(said)
    if value is None:
        value = number(short)
    return value if value is not None and -most <= value <= most else None
