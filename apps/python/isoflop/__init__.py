"""Scaling-law analysis and simulation of language models.

    import isoflop, numpy as np

    law = isoflop.law("fit:chinchilla", replicates=200)
    plans = law.plan(np.geomspace(1e20, 1e26, 50))      # params, tokens, loss with 90 % intervals
    isoflop.law("besiroglu").loss(7e9, 1.4e12)          # 2.0739 nats/token
    isoflop.model("phi-3-mini").params_total            # 3821079552
    isoflop.scores("mmlu").predict(3.8e9, 3.3e12)
    isoflop.serve("llama-3-8b", on="h100-sxm-80gb", batch=[1, 8, 64]).tpot_s
    isoflop.run("plan", compute=5.76e23).result         # any command, as `isoflop plan --json`

Every result is a dataclass with `to_dict()`. Numbers are SI, the unit stands in the name. Long calls release the
interpreter lock. Errors: UsageError, BadInputError (file:line:column), CannotRunError, all IsoflopError.
"""

from ._native import BadInputError, CannotRunError, IsoflopError, UsageError, __version__
from .laws import Law, fit, law, law_names
from .models import Model, model, model_ids
from .results import Band, Losses, Plans, Result, Scores, Serving, Training
from .scoring import ScoreModel, scores
from .commands import run, serve, train

__all__ = [
    "BadInputError", "Band", "CannotRunError", "IsoflopError", "Law", "Losses", "Model", "Plans", "Result", "ScoreModel",
    "Scores", "Serving", "Training", "UsageError", "__version__", "fit", "law", "law_names", "model", "model_ids", "run",
    "scores", "serve", "train",
]
