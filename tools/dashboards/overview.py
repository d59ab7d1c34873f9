"""The dashboard for those who write segments."""

from typing import Any

from tools.dashboards.expressions import a_minute, quantiles, total
from tools.dashboards.panels import Panel, Row, dashboard

SEGMENT = '{segment=~"$segment"}'
GROUP_SIZES = (
    "(sum by (experiment, group) (increase(shoal_exposures_total[7d]))"
    " / on (experiment) group_left () sum by (experiment) (increase(shoal_exposures_total[7d])))"
    " / on (experiment, group) (max by (experiment, group) (shoal_experiment_share)"
    " / on (experiment) group_left () sum by (experiment) (max by (experiment, group) (shoal_experiment_share)))"
)


def overview() -> dict[str, Any]:
    """For those who write segments: who is in what, and how quickly it is known."""
    return dashboard(
        "shoal-overview",
        "Shoal: segments",
        [_now(), _segments(), _experiments(), _speed(), _reached()],
        variables=[("segment", "shoal_segment_members")],
    )


def _now() -> Row:
    return Row(
        "Now",
        [
            Panel(
                title="Memberships",
                meaning="Users in segments; who is in two counts twice.",
                queries=[(total(f"shoal_segment_members{SEGMENT}"), "")],
                kind="stat",
                width=5,
                height=4,
            ),
            Panel(
                title="Entered, last hour",
                meaning="How often users entered a segment.",
                queries=[(total('increase(shoal_changes_total{segment=~"$segment", change="entered"}[1h])'), "")],
                kind="stat",
                width=5,
                height=4,
            ),
            Panel(
                title="Exited, last hour",
                meaning="How often users left a segment.",
                queries=[(total('increase(shoal_changes_total{segment=~"$segment", change="exited"}[1h])'), "")],
                kind="stat",
                width=5,
                height=4,
            ),
            Panel(
                title="Events a second",
                meaning="What comes in, over the last five minutes.",
                queries=[(total("rate(shoal_events_total[5m])"), "")],
                kind="stat",
                unit="eps",
                width=5,
                height=4,
            ),
            Panel(
                title="Event to change",
                meaning="Half of all changes come sooner than this after the event that caused them.",
                queries=[("histogram_quantile(0.5, sum by (le) (rate(shoal_event_to_change_seconds_bucket[5m])))", "")],
                kind="stat",
                unit="s",
                width=4,
                height=4,
                bad_from=10,
            ),
        ],
    )


def _segments() -> Row:
    return Row(
        "Segments",
        [
            Panel(
                title="Members",
                meaning="Users in each segment now.",
                queries=[(f"sort_desc(sum by (segment) (shoal_segment_members{SEGMENT}))", "{{segment}}")],
                kind="bargauge",
                width=8,
                height=16,
            ),
            Panel(
                title="Members over time",
                meaning="Users in each segment. Gaps and dips are partitions that move from worker to worker.",
                queries=[(f"sum by (segment) (shoal_segment_members{SEGMENT})", "{{segment}}")],
                width=16,
            ),
            Panel(
                title="Entered a minute",
                meaning="How often users entered, by segment.",
                queries=[
                    (
                        a_minute("shoal_changes_total", by="segment", where='{segment=~"$segment", change="entered"}'),
                        "{{segment}}",
                    )
                ],
                width=8,
                stacked=True,
            ),
            Panel(
                title="Exited a minute",
                meaning="How often users left, by segment.",
                queries=[
                    (
                        a_minute("shoal_changes_total", by="segment", where='{segment=~"$segment", change="exited"}'),
                        "{{segment}}",
                    )
                ],
                width=8,
                stacked=True,
            ),
        ],
    )


def _experiments() -> Row:
    return Row(
        "Experiments",
        [
            Panel(
                title="Users exposed, a minute",
                meaning="Users who entered a segment of an experiment for the first time, by group.",
                queries=[
                    (
                        a_minute("shoal_exposures_total", by="experiment, group", where=""),
                        "{{experiment}}: {{group}}",
                    )
                ],
                stacked=True,
            ),
            Panel(
                title="Size of the groups against their shares, 7 days",
                meaning="1: a group was given as many of the users as its share says. Few users deviate by chance; the "
                "alert ShoalGroupSizes says when it is none. After other shares it takes 7 days.",
                queries=[(GROUP_SIZES, "{{experiment}}: {{group}}")],
            ),
        ],
    )


def _speed() -> Row:
    return Row(
        "How quickly it is known",
        [
            Panel(
                title="From the event to the change",
                meaning="From an event's own instant to its change being readable. Off-line phones send late.",
                queries=quantiles("shoal_event_to_change_seconds"),
                unit="s",
                log_scale=True,
            ),
            Panel(
                title="Changes by time alone: how late",
                meaning="From the instant at which it was due (half an hour is over) to its change being readable.",
                queries=quantiles("shoal_due_to_fired_seconds"),
                unit="s",
                log_scale=True,
            ),
        ],
    )


def _reached() -> Row:
    return Row(
        "Who is told",
        [
            Panel(
                title="Changes delivered to destinations, a minute",
                meaning="Changes that mail tools, CRMs and others took.",
                queries=[
                    (
                        a_minute("shoal_destination_changes_total", by="destination", where='{outcome="delivered"}'),
                        "{{destination}}",
                    )
                ],
            ),
            Panel(
                title="Pages that follow their visitor",
                meaning="Live streams that are open.",
                queries=[(total("shoal_streams"), "streams")],
            ),
        ],
    )
