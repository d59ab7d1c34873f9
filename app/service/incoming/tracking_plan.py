"""The tracking plan at the collector: events that are against it are counted, or refused with the reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from app.errors import UserError, need_packages
from app.events.message import MessageError
from app.offline.heard_message import EventKey
from app.offline.tracking.deviations import UNPLANNED, Deviation, PlanCheck
from app.offline.tracking.plan import TRACK, TrackingPlan, read_plan, shown
from app.settings import Settings

AGAINST_PLAN: Final = "against-plan"
TOLD_MAX: Final = 3
_OTHERS: Final = ""


class Counted(NamedTuple):
    """A kind of deviation. Names are those of the plan alone, so that senders cannot make up new ones; else empty."""

    event: str
    property: str
    problem: str


class PlanAtCollector:
    """Holds the events of requests against a plan."""

    def __init__(self, plan: TrackingPlan, *, refuses_wrong: bool, refuses_unplanned: bool) -> None:
        self._check = PlanCheck(plan)
        self._refuses_wrong = refuses_wrong
        self._refuses_unplanned = refuses_unplanned
        self._properties = {
            shown(key): frozenset(schema.get("properties", {})) | frozenset(schema.get("required", ()))
            for key, schema in plan.schemas.items()
        }

    def checked(self, event: Mapping[str, Any], kind: str | None) -> list[Counted]:
        """The deviations of an event. MessageError for one that is refused; its text has no value of the event."""
        typed = event.get("type") if kind is None else kind
        name = event.get("event")
        key = EventKey(str(typed), name if typed == TRACK and name.__class__ is str else None)
        values = event.get("traits" if typed == "identify" else "properties")
        found = self._check.deviations(key, values if values.__class__ is dict else {})
        told = [self._counted(each) for each in found]
        refused = [one for one, each in zip(told, found, strict=True) if self._refuses(each)]
        if refused:
            said = "; ".join(f"{one.property} {one.problem}".strip() for one in refused[:TOLD_MAX])
            raise MessageError(AGAINST_PLAN, f"{refused[0].event or 'the event'}: {said}")
        return told

    def _refuses(self, deviation: Deviation) -> bool:
        if deviation.problem == UNPLANNED:
            return self._refuses_unplanned
        return deviation.breaks and self._refuses_wrong

    def _counted(self, deviation: Deviation) -> Counted:
        properties = self._properties.get(deviation.event)
        if properties is None:
            return Counted(_OTHERS, _OTHERS, deviation.problem)
        first = deviation.property.partition(".")[0]
        return Counted(deviation.event, first if first in properties else _OTHERS, deviation.problem)


def plan_of(settings: Settings) -> PlanAtCollector | None:
    """The plan of these settings; None: there is none. UserError for one that cannot be used."""
    if not settings.tracking_plan:
        return None
    need_packages("a tracking plan (SHOAL_TRACKING_PLAN)", "tracking", "jsonschema")
    try:
        text = Path(settings.tracking_plan).read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read the tracking plan {settings.tracking_plan}: {error.strerror}",
            hint="SHOAL_TRACKING_PLAN is a file of shoal tracking learn",
        ) from None
    refuses = settings.tracking_plan_refuses
    plan = read_plan(text, file=settings.tracking_plan)
    return PlanAtCollector(plan, refuses_wrong=refuses != "nothing", refuses_unplanned=refuses == "unplanned")
