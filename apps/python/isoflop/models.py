"""Parameters, FLOP and key/value cache of a model, by name or from a config.json."""

from __future__ import annotations

import dataclasses
from typing import Any, List

from . import _native
from .arrays import flat, shaped
from .results import Record


@dataclasses.dataclass(frozen=True)
class Model(Record):
    """Counts are recounted tensor by tensor, not quoted."""

    name: str
    params_total: int
    params_active: int
    params_active_without_input_embedding: int
    params_active_without_embedding: int
    kv_bytes_per_token: int
    layers: int
    width: int
    vocabulary: int
    context_tokens: int
    source: str

    def _native(self) -> Any:
        return self.__dict__["native"]

    def forward_flops_per_token(self, context: Any = 4096) -> Any:
        """Matrix FLOP per token, mean over a causal pass of `context` tokens (an array, if you like)."""
        (lengths,), shape = flat(context)
        return shaped(self._native().forward_flops(lengths), shape)

    def training_flops_per_token(self, context: Any = 4096, convention: str = "exact") -> Any:
        """Training FLOP per token at `context` tokens under a named `convention` (exact, 6nd, palm ...); NaN where its
        formula does not hold for this architecture."""
        (lengths,), shape = flat(context)
        return shaped(self._native().training_flops(lengths, convention), shape)

    def kv_bytes(self, tokens: Any, bytes_per_element: float = 2) -> Any:
        """Bytes of the cache of one sequence of `tokens`, `bytes_per_element` each; windows keep no more than they see."""
        (lengths,), shape = flat(tokens)
        return shaped(self._native().cache_elements(lengths) * bytes_per_element, shape)


def model(name: str) -> Model:
    """A model of the catalogue by id or alias, or a JSON file (config.json, or what `models import` writes).

    Raises UsageError, with the nearest names, for a `name` that is neither, and CannotRunError for a model whose dimensions
    are not disclosed or whose design is not supported.
    """
    native = _native.Model(name)
    made = Model(**native.facts())
    made.__dict__["native"] = native
    return made


def model_ids() -> List[str]:
    """Ids of all models of the catalogue; of some the dimensions are not known."""
    return _native.model_ids()
