"""The dashboard for those who run workers."""

from typing import Any

from tools.dashboards.expressions import RATE, quantiles, total
from tools.dashboards.panels import Panel, Row, dashboard


def operations() -> dict[str, Any]:
    """For those who run workers."""
    return dashboard("shoal-operations", "Shoal: workers", [_health(), _stream(), _batches(), _identity(), _moves()])


def _health() -> Row:
    return Row(
        "Health",
        [
            Panel(
                title="Workers",
                meaning="Workers that answer.",
                queries=[('count(up{job="shoal-worker"} == 1) or vector(0)', "")],
                kind="stat",
                width=4,
                height=4,
            ),
            Panel(
                title="Partitions at work",
                meaning="Partitions that are read back and run.",
                queries=[('count(count by (partition) (shoal_partition_state{state="running"})) or vector(0)', "")],
                kind="stat",
                width=4,
                height=4,
            ),
            Panel(
                title="Partitions that are not",
                meaning="Assigned, but being read back, or failed.",
                queries=[(total('shoal_partition_state{state!="running"}'), "")],
                kind="stat",
                width=4,
                height=4,
                bad_from=1,
            ),
            Panel(
                title="Records waiting",
                meaning="The lag of all partitions.",
                queries=[(total("shoal_lag_records"), "")],
                kind="stat",
                width=4,
                height=4,
                bad_from=10_000,
            ),
            Panel(
                title="Dead letters, last hour",
                meaning="Events that could not be used.",
                queries=[(total("increase(shoal_dead_letters_total[1h])"), "")],
                kind="stat",
                width=4,
                height=4,
                bad_from=1,
            ),
            Panel(
                title="Records lost",
                meaning="Records that were gone before they were read. Should be 0 for ever.",
                queries=[(total("shoal_lost_records_total"), "")],
                kind="stat",
                width=4,
                height=4,
                bad_from=1,
            ),
        ],
    )


def _stream() -> Row:
    return Row(
        "The stream",
        [
            Panel(
                title="Events by what became of them",
                meaning="accepted, duplicate, late, dead, or passed over (seen before, or only for the clock).",
                queries=[(f"sum by (outcome) (rate(shoal_events_total{RATE}))", "{{outcome}}")],
                unit="eps",
                stacked=True,
            ),
            Panel(
                title="Lag",
                meaning="Records that are still to be read, by partition.",
                queries=[("max by (partition) (shoal_lag_records)", "{{partition}}")],
            ),
            Panel(
                title="How far clocks are behind",
                meaning="By partition. SHOAL_DISORDER (5 s) is normal; more means that timers fire late.",
                queries=[("max by (partition) (shoal_clock_lag_seconds)", "{{partition}}")],
                unit="s",
                bad_from=120,
            ),
            Panel(
                title="Dead letters, late events, misplaced keys",
                meaning="By reason. Misplaced: sampled keys that belong to another partition. See docs/operations.md.",
                queries=[
                    (f"sum by (reason) (rate(shoal_dead_letters_total{RATE}))", "{{reason}}"),
                    (f"sum(rate(shoal_late_events_total{RATE}))", "late"),
                    (f"sum(rate(shoal_misplaced_keys_total{RATE}))", "misplaced"),
                ],
                unit="eps",
            ),
            Panel(
                title="Accepted events by type",
                meaning="track, page, identify and so on: a type that falls silent is a page or an app that broke.",
                queries=[(f"sum by (type) (rate(shoal_accepted_events_total{RATE}))", "{{type}}")],
                unit="eps",
                stacked=True,
            ),
            Panel(
                title="Share of the fast path",
                meaning="Of the accepted events. Low: times without milliseconds or a Z, late or doubled events, or no "
                "C compiler at the installation (a worker's log says so).",
                queries=[
                    (
                        f"sum(rate(shoal_fast_path_events_total{RATE})) / sum(rate(shoal_accepted_events_total{RATE}))",
                        "share",
                    )
                ],
                unit="percentunit",
            ),
        ],
    )


def _batches() -> Row:
    return Row(
        "Batches",
        [
            Panel(
                title="Records of a batch",
                meaning="Large batches are cheap and mean that there is much to do.",
                queries=quantiles("shoal_batch_records"),
                width=8,
            ),
            Panel(
                title="Processing a batch",
                meaning="Time in the engine.",
                queries=quantiles("shoal_process_seconds"),
                unit="s",
                width=8,
            ),
            Panel(
                title="Writing a batch",
                meaning="Changes, profiles and position, in one transaction.",
                queries=quantiles("shoal_commit_seconds"),
                unit="s",
                width=8,
            ),
            Panel(
                title="Transactions aborted",
                meaning="Batches whose writing failed or is in doubt: they are done again.",
                queries=[(f"sum by (partition) (rate(shoal_transactions_aborted_total{RATE}))", "{{partition}}")],
                width=8,
            ),
            Panel(
                title="Limits reached, odd values",
                meaning="What the engine counts while it works; docs/limits.md.",
                queries=[(f"sum by (what) (rate(shoal_occurrences_total{RATE}))", "{{what}}")],
                width=8,
            ),
            Panel(
                title="Values cleaned",
                meaning="Values that rules of cleaning.yaml have changed before they were read, by event and property.",
                queries=[(f"sum by (rule) (rate(shoal_cleaned_values_total{RATE}))", "{{rule}}")],
                width=8,
            ),
            Panel(
                title="Changes written",
                meaning="By kind.",
                queries=[(f"sum by (change) (rate(shoal_changes_total{RATE}))", "{{change}}")],
                width=8,
            ),
        ],
    )


def _identity() -> Row:
    return Row(
        "Identity",
        [
            Panel(
                title="Claims by result",
                meaning="Results of logins. given: what the anonymous id remembered has moved to the user. Many "
                "refused:shared or lost: devices of several people, or ids that name nobody; docs/identity.md.",
                queries=[(f"sum by (result) (rate(shoal_links_total{RATE}))", "{{result}}")],
                unit="eps",
            ),
            Panel(
                title="From the login to the merge",
                meaning="Seconds from the event of a login to the commit of the merge. Until then the user's cart, "
                "visit and sequences lack what the guest did. Long where a partition lags, or a sender is late.",
                queries=quantiles("shoal_claim_to_merge_seconds"),
                unit="s",
            ),
            Panel(
                title="Held back by an open transaction",
                meaning="Seconds for which a partition could not be read on, since a worker that is gone has left a "
                "transaction open. More than a minute: see docs/deploying.md, ShoalHeldBack.",
                queries=[
                    ("max by (partition) (shoal_held_back_seconds)", "{{partition}}"),
                    ("max by (reader) (shoal_reader_held_back_seconds)", "{{reader}}"),
                ],
                unit="s",
            ),
            Panel(
                title="Ids that have moved",
                meaning="Anonymous ids that belong to a user now. Each is forgotten 37 days after its last claim or "
                "event.",
                queries=[("sum by (instance) (shoal_moved_keys)", "{{instance}}")],
            ),
        ],
    )


def _moves() -> Row:
    return Row(
        "Partitions that move",
        [
            Panel(
                title="Partitions by state",
                meaning="Restoring is normal while partitions move; failed is not.",
                queries=[("sum by (state) (shoal_partition_state)", "{{state}}")],
                width=8,
                stacked=True,
            ),
            Panel(
                title="Read back",
                meaning="How much of its changelog a partition that moves has read.",
                queries=[("min by (partition) (shoal_restore_progress) < 1", "{{partition}}")],
                unit="percentunit",
                width=8,
            ),
            Panel(
                title="Time to read a partition back",
                meaning="That long its users wait when it moves.",
                queries=[
                    *quantiles("shoal_restore_seconds"),
                    (f"sum(rate(shoal_restored_records_total{RATE}))", "records a second"),
                ],
                width=8,
                log_scale=True,
            ),
            Panel(
                title="Rebalances and reopened partitions",
                meaning="Rebalances: workers came or went. Reopened: thrown away after an error.",
                queries=[
                    ("sum(increase(shoal_rebalances_total[5m]))", "rebalances in 5 min"),
                    ("sum by (partition) (increase(shoal_reopened_total[5m])) > 0", "reopened {{partition}}"),
                ],
                width=8,
            ),
            Panel(
                title="Profiles",
                meaning="Users that a worker remembers, and those whom time alone may change.",
                queries=[
                    ("sum by (instance) (shoal_profiles)", "{{instance}}"),
                    ("sum(shoal_timers)", "with a timer, all"),
                ],
                width=8,
            ),
            Panel(
                title="Memory of profiles",
                meaning="About what they take, and the limit above which a worker warns.",
                queries=[
                    ("sum by (instance) (shoal_profile_bytes)", "{{instance}}"),
                    ("min(shoal_profile_bytes_limit > 0)", "limit"),
                ],
                unit="bytes",
                width=8,
            ),
        ],
    )
