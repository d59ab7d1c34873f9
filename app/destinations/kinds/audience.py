"""The kind `audience`: a list at an ad service that is kept in step with a segment."""

from collections.abc import Sequence

from app.destinations.audiences.audience_connection import AudienceConnection
from app.destinations.audiences.audience_file import KEYS, read_audience
from app.destinations.audiences.audience_target import AudienceTarget
from app.destinations.destination_values import DestinationValues
from app.destinations.kind import register
from app.segments.definitions.yaml_fields import Fields
from app.segments.evaluation.change import ChangeKind


@register
class Audience:
    """The contracts: `app.destinations.kind.DestinationKind` and `StatefulKind`."""

    name = "audience"
    keys = KEYS
    keys_without = ("segments", "changes", "at_once", "max_age", "on_merged", "on_backfill")
    batch_max = 10_000
    batch_wait_ms = 60_000

    def read(
        self, fields: Fields, values: DestinationValues, changes: Sequence[ChangeKind] | None
    ) -> AudienceTarget | None:
        return read_audience(fields, values)

    def connect(self, *, private: bool) -> AudienceConnection:
        return AudienceConnection(private=private)
