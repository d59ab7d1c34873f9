"""Faust's table manager without its pause of a second at the start. Shoal has no Faust tables; its recovery is what
tells the consumer that a rebalance is complete."""

from faust.tables.manager import TableManager as FaustTableManager


class TableManager(FaustTableManager):
    """Faust's table manager without its pause of a second at the start."""

    async def on_start(self) -> None:
        """Everything of the original but `sleep(1.0)`."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()
