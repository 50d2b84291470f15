"""What the functions of this package return: frozen dataclasses of numbers and NumPy arrays, each with `to_dict()`."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Dict, List, Optional, Tuple

import numpy as np


def plain(value: Any) -> Any:
    """The `value` as JSON can hold it: arrays as lists, NaN and infinities as None."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Record:
    """A dataclass that can be written as JSON."""

    def to_dict(self) -> Dict[str, Any]:
        """What JSON can hold: arrays as lists, NaN as None."""
        return plain(self)


@dataclasses.dataclass(frozen=True, eq=False)
class Band(Record):
    """Values with their 90 % interval; NaN bounds where none can be given. All of one shape."""

    low: np.ndarray
    central: np.ndarray
    high: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Losses(Record):
    """Loss in nats/token. `interval_basis` says what was resampled, or why there is no interval."""

    loss: Band
    interval_basis: str


@dataclasses.dataclass(frozen=True, eq=False)
class Plans(Record):
    """Compute-optimal size and tokens, one per budget (training FLOP, serving included where tokens are served)."""

    compute_flop: np.ndarray
    params: Band
    tokens: Band
    tokens_per_param: Band
    loss: Band
    training_flop: Band
    interior: np.ndarray  #: False where the search ended on its edge: the law has no optimum there
    interval_basis: str
    law: str
    warnings: Tuple[str, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Scores(Record):
    """Expected benchmark scores; the interval is that of a further model, at `level`."""

    score: Band
    level: float
    extrapolated: np.ndarray  #: True where the compute lies outside the fitted models


@dataclasses.dataclass(frozen=True, eq=False)
class Serving(Record):
    """Serving in closed form, one entry per batch; bands add up the error of single kernels end to end."""

    batch: np.ndarray
    prompt: np.ndarray
    generate: np.ndarray
    ttft_s: Band
    tpot_s: Band
    decode_tokens_per_s: Band
    output_tokens_per_s: Band
    prefill_tokens_per_s: Band
    mbu: Band
    mfu_prefill: Band
    joules_per_token: Band
    cost_usd_per_million_tokens: Band
    memory_bytes: np.ndarray
    weight_bytes: np.ndarray
    kv_cache_bytes: np.ndarray
    max_batch: np.ndarray
    fits_in_memory: np.ndarray


@dataclasses.dataclass(frozen=True)
class Result(Record):
    """What any command found: the JSON envelope of the command line (docs/json.md)."""

    schema: str
    exit_code: int
    result: Dict[str, Any]
    seed: int
    warnings: Tuple[str, ...]
    assumptions: List[Dict[str, Any]]
    inputs: List[Dict[str, Any]]
    tool: Dict[str, str]
    command: List[str]

    @property
    def trustworthy(self) -> bool:
        """False where the result was computed but should not be relied on; `warnings` says why."""
        return self.exit_code == 0


@dataclasses.dataclass(frozen=True)
class Training(Record):
    """A training run by `isoflop train`; `details` holds everything the command found."""

    params_total: int
    params_active: int
    flops_total: float
    step_time_s: float
    tokens_per_s: float
    mfu: float
    hfu: float
    device_hours: float
    days: float
    fits_in_memory: bool
    cost_usd: Optional[float]
    energy_kwh: Optional[float]
    co2e_kg: Optional[float]
    details: Result
