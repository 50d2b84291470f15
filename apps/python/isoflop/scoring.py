"""Benchmark scores that size and training lead one to expect."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np

from . import _native
from .arrays import flat, shaped
from .results import Band, Scores


class ScoreModel:
    """The regression behind `isoflop predict --benchmark`, made by `scores()` and asked as often as wanted."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self.facts: Dict[str, Any] = native.facts()

    def __repr__(self) -> str:
        return f"<isoflop.ScoreModel {self.facts['title']}, {self.facts['n']} models, link {self.facts['link']}>"

    def predict(self, active_params: Any, tokens: Any) -> Scores:
        """Scores (percentage points) of typical models of `active_params` and training `tokens`, broadcast."""
        (n, d), shape = flat(active_params, tokens)
        score, low, high = self._native.predict(n, d)
        compute = 6 * n * d
        outside = (compute < self.facts["compute_low_flop"]) | (compute > self.facts["compute_high_flop"])
        return Scores(Band(shaped(low, shape), shaped(score, shape), shaped(high, shape)), self.facts["level"],
                      shaped(np.asarray(outside), shape))


def scores(benchmark: str = "mmlu", *, until: str = "", link: str = "auto", file: str = "", threads: int = 0) -> ScoreModel:
    """Fits the scores of `benchmark` against size and training tokens over the catalogue, or over the score table `file`.

    `until` (ISO date) asks the question as it stood then; `link` is the shape of the curve ("auto" takes that of the
    smallest leave-one-family-out error); results do not depend on `threads` (0 = all). Raises UsageError for an unknown
    benchmark or link, BadInputError (file:line:column) for a table.
    """
    return ScoreModel(_native.Scores(benchmark, until, link, file, threads))
