"""The work of `shoal privacy rotate`."""

import asyncio

from aiokafka.errors import KafkaError

from app.console.output import counted, make_console, say
from app.console.running import reporting
from app.errors import UserError
from app.offline.key_rotation import KeyRotation, Rotated
from app.runtime.audit import audited
from app.runtime.kafka.log_reader import OffsetLostError
from app.settings import Settings


def rotate_pseudonyms(settings: Settings, *, write: bool) -> int:
    """Moves all keys to their newest pseudonyms; without `write` it counts them. UserError if it fails."""
    done = Rotated()

    async def work() -> None:
        try:
            async with KeyRotation(settings) as rotation:
                if not write:
                    await rotation.rotate(done, write=False)
                    return
                async with audited(settings, "users.merge", details={"rotation": "yes"}) as deed:
                    await rotation.rotate(done, write=True)
                    deed.details["keys"] = str(done.moving + done.suppressed)
        except (KafkaError, OSError, OffsetLostError) as error:
            detail = f"{type(error).__name__}: {error}"
            raise UserError("the rotation failed", detail=detail, hint="run it again: it goes on") from None

    asyncio.run(reporting(work(), make_console(stderr=True), lambda: f"{done.read:,} keys read"))
    deed = ("moves to a new pseudonym", "move to new pseudonyms") if write else ("would move", "would move")
    say(make_console(), f"{counted(done.moving, 'key')} {deed[done.moving != 1]}; {done.suppressed:,} suppressed")
    return 0
