"""Mistakes that an engine could make with erasures, planted one at a time."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

from app.events.link_record import Link
from app.segments.partition.erased_keys import ErasedKeys
from tests.simulation.canaries import CanaryRun
from tests.simulation.identity_bugs import WithPeople
from tests.simulation.planted import planted
from tests.simulation.run import Outcome


@planted("erasure-ends-sooner", "an erasure is told as finished before other partitions have come to it")
class ErasureEndsSooner(WithPeople):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        erase = ErasedKeys._erase

        def ends_at_once(core: Any, profile: Any, step: Any, **given: Any) -> list[str]:
            claimed = erase(core, profile, step, **given)
            core._batch.erasures += [
                replace(each, result="finished") for each in core._batch.erasures if each.result == "requested"
            ]
            return claimed

        def passes_on(core: Any, link: Link) -> None:
            if link.to != link.source:
                take_finish(core, link)

        take_finish = ErasedKeys._take_finish
        with patch.object(ErasedKeys, "_erase", ends_at_once), patch.object(ErasedKeys, "_take_finish", passes_on):
            return super().play()


@planted("erased-values-stay", "the profile of an erased key keeps the values that were sent along")
class ErasedValuesStay(CanaryRun):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        erase = ErasedKeys._erase

        def keeps(core: Any, profile: Any, step: Any, **given: Any) -> list[str]:
            members = profile.members
            claimed = erase(core, profile, step, **given)
            core._touched[step.key].members.update(members)
            return claimed

        with patch.object(ErasedKeys, "_erase", keeps):
            return super().play()


@planted("erased-comes-back", "what was on its way to a user is taken after the erasure")
class ErasedComesBack(CanaryRun):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        with (
            patch.object(ErasedKeys, "_is_sent_before", lambda *_: False),
            patch.object(ErasedKeys, "_take_erase", lambda *_: None),
        ):
            return super().play()
