"""The dashboard of what stands around the workers."""

from typing import Any

from tools.dashboards.expressions import RATE, quantiles
from tools.dashboards.panels import Panel, Row, dashboard


def connections() -> dict[str, Any]:
    """For those who run what stands around the workers: HTTP, Redis, destinations, sources, censuses."""
    return dashboard(
        "shoal-connections",
        "Shoal: HTTP, Redis, destinations",
        [_http(), _readers(), _redis(), _destinations(), _sources(), _census(), _warehouse()],
    )


def _http() -> Row:
    return Row(
        "HTTP",
        [
            Panel(
                title="Requests",
                meaning="By status.",
                queries=[(f"sum by (status) (rate(shoal_http_requests_total{RATE}))", "{{status}}")],
                unit="reqps",
                stacked=True,
                width=8,
            ),
            Panel(
                title="Time to answer",
                meaning="95 of 100 requests, by route. explain reads a changelog: seconds are normal.",
                queries=[quantiles("shoal_http_seconds", by="route")[1]],
                unit="s",
                width=8,
                log_scale=True,
            ),
            Panel(
                title="Events collected",
                meaning="By key and what became of them. unavailable: Kafka did not acknowledge in time.",
                queries=[(f"sum by (key, outcome) (rate(shoal_collected_events_total{RATE}))", "{{key}} {{outcome}}")],
                unit="eps",
                width=8,
            ),
            Panel(
                title="Events refused, repaired or cut",
                meaning="By key. Repaired: without a part that cannot be read. Cut: without one that nobody reads.",
                queries=[
                    (f"sum by (key, reason) (rate(shoal_collected_refused_total{RATE}))", "{{key}} {{reason}}"),
                    (f"sum by (key, part) (rate(shoal_collected_repairs_total{RATE}))", "{{key}} without {{part}}"),
                    (f"sum by (key, part) (rate(shoal_collected_minimised_total{RATE}))", "{{key}} {{part}} cut"),
                    (f"sum by (key) (rate(shoal_collected_denied_total{RATE}))", "{{key}} consent denied"),
                    (f"sum by (key) (rate(shoal_collected_against_plan_total{RATE}))", "{{key}} against the plan"),
                ],
                unit="eps",
                width=8,
            ),
            Panel(
                title="Connections",
                meaning="Open now, by process. Cut off a second: there are more than connections_max.",
                queries=[
                    ("sum by (instance) (shoal_open_connections)", "{{instance}}"),
                    (f"sum(rate(shoal_cut_off_connections_total{RATE}))", "cut off a second"),
                ],
                width=8,
            ),
            Panel(
                title="Live streams",
                meaning="Open now, by process.",
                queries=[("sum by (instance) (shoal_streams)", "{{instance}}")],
                width=8,
                stacked=True,
            ),
            Panel(
                title="Changes streamed",
                meaning="Sent to pages and programs that listen.",
                queries=[(f"sum(rate(shoal_streamed_changes_total{RATE}))", "changes a second")],
                width=8,
            ),
            Panel(
                title="Streams ended by the service",
                meaning="By reason: they were too slow, a token ended, the process is about to end.",
                queries=[(f"sum by (reason) (rate(shoal_streams_ended_total{RATE}))", "{{reason}}")],
                width=8,
            ),
        ],
    )


def _readers() -> Row:
    return Row(
        "Readers of changes",
        [
            Panel(
                title="How far behind",
                meaning="Age of the record that each reader did last; 0 at the end.",
                queries=[("max by (reader) (shoal_reader_lag_seconds)", "{{reader}}")],
                unit="s",
                width=8,
            ),
            Panel(
                title="Records still to do",
                meaning="By reader.",
                queries=[("sum by (reader) (shoal_reader_lag_records)", "{{reader}}")],
                width=8,
            ),
            Panel(
                title="Rebalances",
                meaning="Processes that read came or went.",
                queries=[("sum by (job) (increase(shoal_reader_rebalances_total[5m]))", "{{job}}")],
                width=8,
            ),
        ],
    )


def _redis() -> Row:
    return Row(
        "Memberships in Redis",
        [
            Panel(
                title="Changes applied",
                meaning="repeated ones changed nothing; a gap or an unreadable one should never be.",
                queries=[(f"sum by (outcome) (rate(shoal_membership_changes_total{RATE}))", "{{outcome}}")],
            ),
            Panel(
                title="Partitions taken up",
                meaning="resumed where they were; topic and profiles: made anew.",
                queries=[("sum by (how) (increase(shoal_membership_begins_total[5m]))", "{{how}}")],
            ),
        ],
    )


def _destinations() -> Row:
    return Row(
        "Destinations",
        [
            Panel(
                title="Away",
                meaning="1 while a destination is taken for dead.",
                queries=[("max by (destination) (shoal_destination_away)", "{{destination}}")],
                bad_from=1,
                width=8,
            ),
            Panel(
                title="Paused",
                meaning="1 while a destination is paused, as it refused too many changes in a row.",
                queries=[("max by (destination) (shoal_destination_paused)", "{{destination}}")],
                bad_from=1,
                width=8,
            ),
            Panel(
                title="Changes done with",
                meaning="delivered; dead: refused or given up; expired: too old to be told.",
                queries=[
                    (
                        f"sum by (destination, outcome) (rate(shoal_destination_changes_total{RATE}))",
                        "{{destination}} {{outcome}}",
                    )
                ],
                width=8,
            ),
            Panel(
                title="Changes waiting",
                meaning="Not delivered yet; and users held until the segment has enough members.",
                queries=[
                    ("sum by (destination) (shoal_destination_waiting)", "{{destination}}"),
                    ("sum by (destination) (shoal_destination_waiting_for_members)", "{{destination}}: users"),
                ],
                width=8,
            ),
            Panel(
                title="Answers",
                meaning="By status, or by what kept a destination from answering.",
                queries=[
                    (
                        f"sum by (destination, status) (rate(shoal_destination_requests_total{RATE}))",
                        "{{destination}} {{status}}",
                    )
                ],
                unit="reqps",
            ),
            Panel(
                title="Time to answer",
                meaning="95 of 100 requests are answered within.",
                queries=[quantiles("shoal_destination_seconds", by="destination")[1]],
                unit="s",
            ),
        ],
    )


def _sources() -> Row:
    return Row(
        "Sources",
        [
            Panel(
                title="Records of other topics",
                meaning="taken, or the reason why not.",
                queries=[
                    (f"sum by (source, outcome) (rate(shoal_intake_records_total{RATE}))", "{{source}} {{outcome}}"),
                ],
                unit="eps",
                width=8,
            ),
            Panel(
                title="Events repaired",
                meaning="Events of sources that were taken without a part that cannot be read.",
                queries=[
                    (f"sum by (source, part) (rate(shoal_intake_repairs_total{RATE}))", "{{source}} without {{part}}"),
                    (
                        f"sum by (enricher, outcome) (rate(shoal_intake_enrichments_total{RATE}))",
                        "{{enricher}} {{outcome}}",
                    ),
                ],
                unit="eps",
                width=8,
            ),
            Panel(
                title="Failures of streams",
                meaning="The service of a stream did not do what was asked, by cause.",
                queries=[
                    (f"sum by (source, cause) (rate(shoal_intake_failures_total{RATE}))", "{{source}} {{cause}}"),
                ],
                unit="eps",
                width=8,
            ),
        ],
    )


def _census() -> Row:
    return Row(
        "Censuses",
        [
            Panel(
                title="Age of the numbers",
                meaning="Time since the census began whose numbers segments compare with; 0 before the first.",
                queries=[("max(shoal_census_age_seconds)", "age")],
                unit="s",
                width=8,
            ),
            Panel(
                title="Open census",
                meaning="Time since a census began that has no result yet; 0 while none is open.",
                queries=[("max(shoal_census_open_seconds)", "open")],
                unit="s",
                bad_from=3600,
                width=8,
            ),
            Panel(
                title="Partitions to come",
                meaning="Partitions that have not counted their users yet; and results published, in the last day.",
                queries=[
                    ("max(shoal_census_missing_partitions)", "partitions"),
                    ("sum(increase(shoal_censuses_total[1d]))", "results"),
                ],
                width=8,
            ),
        ],
    )


def _warehouse() -> Row:
    return Row(
        "Warehouse",
        [
            Panel(
                title="Records exported",
                meaning="written; repeated: in a file already; lost: removed by retention before. By table.",
                queries=[
                    (f"sum by (table, outcome) (rate(shoal_warehouse_rows_total{RATE}))", "{{table}} {{outcome}}"),
                ],
                unit="eps",
                width=8,
            ),
            Panel(
                title="Bytes and files written",
                meaning="A file is written again with each of its additions, until it is large enough.",
                queries=[
                    (f"sum by (table) (rate(shoal_warehouse_bytes_total{RATE}))", "{{table}} bytes"),
                    (f"sum by (table) (rate(shoal_warehouse_files_total{RATE}))", "{{table}} files"),
                ],
                width=8,
            ),
            Panel(
                title="Failures",
                meaning="The export of a partition failed and began again. Its log says why.",
                queries=[(f"sum by (table) (rate(shoal_warehouse_failures_total{RATE}))", "{{table}}")],
                width=8,
            ),
        ],
    )
