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
        """Matrix FLOP per token, mean over a causal pass of `context` tokens."""
        (lengths,), shape = flat(context)
        return shaped(self._native().forward_flops(lengths), shape)

    def training_flops_per_token(self, context: Any = 4096, convention: str = "exact") -> Any:
        """Under a named convention (exact, 6nd, palm ...); NaN where its formula does not hold for this architecture."""
        (lengths,), shape = flat(context)
        return shaped(self._native().training_flops(lengths, convention), shape)

    def kv_bytes(self, tokens: Any, bytes_per_element: float = 2) -> Any:
        """Cache of one sequence of that length; windows keep no more than they see."""
        (lengths,), shape = flat(tokens)
        return shaped(self._native().cache_elements(lengths) * bytes_per_element, shape)


def model(name: str) -> Model:
    """A model of the catalogue by id or alias, or a JSON file (config.json, or what `models import` writes)."""
    native = _native.Model(name)
    made = Model(**native.facts())
    made.__dict__["native"] = native
    return made


def model_ids() -> List[str]:
    return _native.model_ids()
