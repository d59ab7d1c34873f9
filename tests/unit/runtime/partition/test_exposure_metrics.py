"""Counting exposures to experiments, and the shares of their groups."""

from msgspec import UNSET

from app.runtime.partition.worker_metrics import Metrics, exposures
from app.segments.definitions.experiment import Experiment
from app.segments.evaluation.change import Cause, Change, ChangeKind, Exposed

NOW, BEFORE = "2026-01-05T00:00:00.000Z", "2026-01-04T00:00:00.000Z"


def change(user: str, *exposed: Exposed, kind: ChangeKind = "entered") -> Change:
    return Change(
        id="i",
        user=user,
        segment="s",
        version="v",
        change=kind,
        times=1,
        at=NOW,
        sequence=1,
        cause=Cause("time"),
        evidence=[],
        attach={},
        valid_until=None,
        experiments=list(exposed) or UNSET,
    )


def test_a_user_counts_once_at_their_first_entry() -> None:
    mail, before = Exposed("e", "mail", NOW), Exposed("e", "mail", BEFORE)
    found = exposures(
        [
            change("ann", mail, Exposed("all", "reached", BEFORE)),
            change("ann", mail),
            change("ben", Exposed("e", "holdout", NOW), Exposed("all", "reached", NOW)),
            change("cat", before),
            change("dan", mail),
            change("dan", mail, kind="exited"),
            change("eve"),
        ]
    )
    assert found == {("e", "mail"): 2, ("e", "holdout"): 1, ("all", "reached"): 1}


def test_shares_are_those_of_the_present_experiments_and_exposures_begin_at_zero() -> None:
    metrics = Metrics()
    metrics.shares([Experiment(name="e", groups=(("holdout", 1_000), ("mail", 3_333)), salt="e")])
    assert metrics.value("shoal_experiment_share", experiment="e", group="mail") == 0.3333
    assert metrics.registry.get_sample_value("shoal_exposures_total", {"experiment": "e", "group": "holdout"}) == 0
    metrics.shares([Experiment(name="f", groups=(("a", 10_000),), salt="f")])
    assert metrics.value("shoal_experiment_share", experiment="f", group="a") == 1
    assert metrics.registry.get_sample_value("shoal_experiment_share", {"experiment": "e", "group": "mail"}) is None
