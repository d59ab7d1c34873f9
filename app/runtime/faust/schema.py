"""A schema that hands keys and values through: the value of a message *is* a micro-batch."""

from typing import Any

import faust


class BatchSchema(faust.Schema[Any, Any]):
    """Schema that hands keys and values through unchanged."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """The key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """The value as it is."""
        return message.value
