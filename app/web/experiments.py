"""Experiments of the catalog, as the console shows them."""

import msgspec

from app.service.questions.experiments import ExperimentView, experiments_of, views_of

__all__ = ["ExperimentViews", "experiments_of", "views_of"]


class ExperimentViews(msgspec.Struct, frozen=True):
    """All experiments, by name. `warehouse`: there are outcomes to compare the groups by."""

    experiments: list[ExperimentView]
    warehouse: bool
