"""The kinds of reports, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.reports.attribution import report_attribution
from app.reports.cohorts import report_cohorts
from app.reports.flows import report_flows
from app.reports.funnels import report_funnel
from app.reports.history import History
from app.reports.outcomes import Goal, prepare_goals, report_conversion, report_experiments
from app.reports.paths import report_paths
from app.reports.report import Report

Kind = Literal["conversion", "experiments", "flows", "funnel", "paths", "attribution", "cohorts"]
NEEDS_CHANGES: Final = frozenset({"conversion", "experiments", "flows"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The parts of a report that can be chosen."""

    goal: Goal
    windows_ms: tuple[int, ...]
    steps: tuple[str, ...]
    limit: int


def make_reports(history: History, kinds: Sequence[Kind], wish: Wish) -> list[Report]:
    """Reports of these kinds, each once."""
    prepare_goals(history, wish.goal)
    return [_MAKERS[kind](history, wish) for kind in dict.fromkeys(kinds)]


_MAKERS: Final[dict[Kind, Callable[[History, Wish], Report]]] = {
    "conversion": lambda history, wish: report_conversion(history, wish.windows_ms, wish.goal),
    "experiments": lambda history, wish: report_experiments(history, wish.windows_ms, wish.goal),
    "flows": lambda history, wish: report_flows(history, wish.limit),
    "funnel": lambda history, wish: report_funnel(history, wish.steps, wish.windows_ms),
    "paths": lambda history, wish: report_paths(history, wish.limit),
    "attribution": lambda history, wish: report_attribution(history, wish.windows_ms, wish.limit),
    "cohorts": lambda history, wish: report_cohorts(history),
}
