"""The kind `http`: a request for each change."""

from collections.abc import Sequence

from app.destinations.destination_values import DestinationValues
from app.destinations.http.http_connection import HttpConnection
from app.destinations.http.http_file import KEYS, HttpFile
from app.destinations.http.http_target import HttpTarget
from app.destinations.kind import register
from app.segments.definitions.yaml_fields import Fields
from app.segments.evaluation.change import ChangeKind


@register
class Http:
    """The contract: `app.destinations.kind.DestinationKind`."""

    name = "http"
    keys = KEYS
    batch_max = 1
    batch_wait_ms = 0

    def read(self, fields: Fields, values: DestinationValues, changes: Sequence[ChangeKind] | None) -> HttpTarget:
        return HttpFile(fields, values).read(changes)

    def connect(self, *, private: bool) -> HttpConnection:
        return HttpConnection(private=private)
