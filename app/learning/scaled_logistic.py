"""A logistic regression of scaled numbers, whose weights a model file can say."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from app.learning.points import Numbers
from app.segments.definitions.model_forecast import MISSING


class ScaledLogistic:
    """A logistic regression of scaled numbers; counts and amounts are taken as logarithms."""

    logarithm: Any

    def fit(self, numbers: Numbers, label: Any) -> "ScaledLogistic":
        """Finds scale and weights."""
        self.logarithm = (numbers >= MISSING).all(axis=0) & (numbers > 1).any(axis=0)
        raw = self._transformed(numbers)
        self.mean, self.deviation = raw.mean(axis=0), raw.std(axis=0)
        self.deviation[self.deviation == 0] = 1.0
        self.inner = LogisticRegression(C=1.0, max_iter=1_000).fit((raw - self.mean) / self.deviation, label)
        return self

    def _transformed(self, numbers: Numbers) -> Numbers:
        made: Numbers = np.maximum(numbers, 0.0) * self.logarithm + numbers * ~self.logarithm
        made[:, self.logarithm] = np.log1p(made[:, self.logarithm])
        return made

    def predict_proba(self, numbers: Numbers) -> Numbers:
        """Both probabilities of each row."""
        found: Numbers = self.inner.predict_proba((self._transformed(numbers) - self.mean) / self.deviation)
        return found
