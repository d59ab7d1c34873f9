"""Names that deployments may use: metrics with their labels, settings with their variables."""

from dataclasses import fields

from app.configuration.setting import variable_of
from app.metrics import CENSUS_METRICS, METRICS, READER_METRICS, SERVICE_METRICS
from app.settings import Settings

ADDED_BY_PROMETHEUS = frozenset({"instance", "job", "le"})
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}

SERIES = {
    metric.name + suffix: frozenset(metric.labels)
    for metric in (*METRICS, *SERVICE_METRICS, *READER_METRICS, *CENSUS_METRICS)
    for suffix in SUFFIXES[metric.kind]
}
"""The names of all series, as Prometheus shows them, with their own labels."""

VARIABLES = frozenset(variable_of(each) for each in fields(Settings))
SECRET_VARIABLES = frozenset(variable_of(each) for each in fields(Settings) if each.metadata["secret"])
