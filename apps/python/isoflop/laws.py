"""Loss laws: published constants, or a fit to runs, evaluated at whole arrays."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

from . import _native
from .arrays import flat, shaped
from .results import Band, Losses, Plans


class Law:
    """A loss law with numbers in it, made by `law()` or `fit()`. Immutable; may be used by several threads."""

    def __init__(self, native: Any) -> None:
        self._native = native

    def __repr__(self) -> str:
        return f"<isoflop.Law {self.label}>"

    @property
    def id(self) -> str:
        """Id of the law ("chinchilla"), whatever constants it has."""
        return self._native.id

    @property
    def label(self) -> str:
        """The law and where its constants come from, for people."""
        return self._native.label

    @property
    def parameters(self) -> Dict[str, float]:
        """Constants by name ("E", "A", "alpha"), in the units that `isoflop laws show` prints."""
        return self._native.parameters()

    @property
    def draws(self) -> Dict[str, np.ndarray]:
        """Parameters of the resampled laws, by name; empty where there are none."""
        return self._native.parameter_draws()

    @property
    def warnings(self) -> List[str]:
        """What to know before relying on it, as the command line prints it."""
        distrust = self._native.distrust
        return ([f"not trustworthy: {distrust}"] if distrust else []) + self._native.warnings

    @property
    def interval_basis(self) -> str:
        """What was resampled for the intervals, or why there are none."""
        return self._native.interval_basis or "no interval: " + self._native.no_interval

    def loss(self, params: Any, tokens: Any) -> Any:
        """Loss in nats/token at `params` and `tokens` (counts, arrays of any shape), broadcast against each other."""
        (n, d), shape = flat(params, tokens)
        return shaped(self._native.loss(n, d), shape)

    def loss_interval(self, params: Any, tokens: Any, level: float = 0.9) -> Losses:
        """Loss at `params` and `tokens` with the percentile interval of the resampled laws at `level` (0 to 1).

        Run-to-run noise is not in it. Bounds are NaN where fewer than 20 resamples exist.
        """
        (n, d), shape = flat(params, tokens)
        central = self._native.loss(n, d)
        if self._native.draws >= 20:
            low, high = np.quantile(self._native.loss_draws(n, d), [(1 - level) / 2, (1 + level) / 2], axis=0)
        else:
            low = high = np.full_like(central, np.nan)
        band = Band(shaped(low, shape), shaped(central, shape), shaped(high, shape))
        return Losses(band, self.interval_basis)

    def plan(self, compute: Any, *, inference_tokens: float = 0, serving_price: float = 1, intervals: bool = True) -> Plans:
        """Size and tokens of least loss for each training budget in FLOP, as `isoflop plan --compute`.

        `compute` may be an array. With `inference_tokens` the budget pays for serving them too (2 N FLOP a token, each
        at `serving_price` times the price of a training FLOP). `intervals` take one search per resampled law and
        budget; without served tokens the Chinchilla form needs no search. Raises UsageError for a law that splits no
        budget.
        """
        (c,), shape = flat(compute)
        found = self._native.plan(c, float(inference_tokens), float(serving_price), bool(intervals))

        def band(name: str) -> Band:
            central, low, high = found[name]
            return Band(shaped(low, shape), shaped(central, shape), shaped(high, shape))

        return Plans(shaped(c, shape), band("params"), band("tokens"), band("tokens_per_param"), band("loss"), band("training_flop"),
                     shaped(found["interior"], shape), self.interval_basis if intervals else "no interval: not asked for",
                     self.label, tuple(self.warnings))


def law(name: str = "fit:chinchilla", *, replicates: int = 200, seed: int = 42, threads: int = 0, **given: float) -> Law:
    """Published constants by id ("hoffmann", "besiroglu", see `law_names()`), or "fit:RUNS" for a fit to a runs file with
    `replicates` resamples.

    `given` are further inputs of the law by name: law("data-constrained", unique_tokens=5e10). `seed` and `threads`
    concern the resampling; results do not depend on `threads` (0 = all). Raises UsageError for an unknown `name` or a law
    whose constants may not be used, BadInputError (file:line:column) for a runs file.
    """
    return Law(_native.Law.named(name, {key: float(value) for key, value in given.items()}, replicates, seed, threads))


def fit(params: Any, tokens: Any, loss: Any, *, replicates: int = 200, scheme: str = "pairs", exclude_highest: int = 0,
        seed: int = 42, threads: int = 0) -> Law:
    """The Chinchilla law fitted to runs given as arrays: `params`, `tokens` (counts), final `loss` in nats/token.

    `exclude_highest` losses are left out; `replicates` resamples by `scheme` ("pairs", "cluster-size" ...; see
    `isoflop fit --help`) give intervals, repeatable by `seed` whatever `threads`. A fit that cannot be relied on is
    returned and says so in `warnings`. Raises UsageError for values that are not positive and finite, arrays
    of different sizes or an unknown scheme.
    """
    (n, d, l), _ = flat(params, tokens, loss)
    return Law(_native.Law.fitted(n, d, l, replicates, scheme, exclude_highest, seed, threads))


def law_names() -> List[str]:
    """Ids of all published constants."""
    return _native.law_names()
