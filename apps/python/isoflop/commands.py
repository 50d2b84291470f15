"""Any command of the program, and the cost of serving and training as typed results."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

import numpy as np

from . import _native
from .arrays import flat, shaped
from .results import Band, Result, Serving, Training, plain

_ERRORS = {1: _native.CannotRunError, 2: _native.UsageError, 3: _native.BadInputError}


def _option(value: Any) -> Any:
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_option(item) for item in value]
    return plain(value)


def run(command: str, *arguments: Any, **options: Any) -> Result:
    """`isoflop COMMAND ARGUMENTS --OPTION VALUE` with the same JSON as the C function: run("models show", "phi-3-mini").

    `command` may be nested ("models show"); `arguments` are the positional ones; `options` the long ones with
    underscores, a list for one that repeats. A result that was computed but should not be relied on is returned, with
    `trustworthy` False; everything else that goes wrong raises: UsageError, BadInputError (file:line:column) or
    CannotRunError.
    """
    request: Dict[str, Any] = {"command": command, "arguments": [str(argument) for argument in arguments],
                               "options": {name: _option(value) for name, value in options.items()}}
    code, text = _native.run_json(json.dumps(request, allow_nan=False))
    try:
        answer = json.loads(text)
    except ValueError as problem:
        raise _native.UsageError(f"{command} prints no JSON result; run it on the command line") from problem
    if code not in (0, 4):
        raise _ERRORS.get(code, _native.IsoflopError)(answer["error"]["message"])
    return Result(answer["schema"], code, answer["result"], answer["seed"], tuple(answer["warnings"]), answer["assumptions"],
                  answer["inputs"], answer["tool"], answer["command"])


def serve(model: str, *, on: str, batch: Any = 1, prompt: Any = 2048, generate: Any = 256, weights: str = "bf16", kv: str = "bf16",
          compute: str = "bf16", tp: int = 1, pp: int = 1, ep: int = 1, attention: str = "tp", group: int = 128,
          price: Optional[float] = None) -> Serving:
    """`isoflop serve` in closed form at every `batch`, `prompt` and `generate` (sequences; tokens of each), broadcast.

    `model` is an id, an alias or a JSON file, `on` an accelerator. `weights` and `kv` are storage formats (bf16, fp16,
    fp8, int8, int4; kv: bf16, fp8, int8), `compute` the format of matrix products, `group` the weights that share a
    scale in int4. `tp` devices share every layer, `pp` stages hold consecutive layers, `ep` groups of devices hold a
    mixture's experts, with `attention` split over the tp devices ("tp") or repeated on the ep groups ("dp"). `price` is
    USD per device-hour instead of the catalogue's; prices and joules are of all devices together.
    A load that does not fit in memory is priced all the same, with `fits_in_memory` False. Raises UsageError for a name
    or format that does not exist.
    """
    (b, p, g), shape = flat(batch, prompt, generate)
    found = _native.serve(model, on, b, p, g, weights, kv, compute, tp, pp, ep, attention, group,
                          price or 0.0)

    def band(name: str) -> Band:
        return Band(*(shaped(found[name + end], shape) for end in ("_low", "", "_high")))

    return Serving(shaped(b, shape), shaped(p, shape), shaped(g, shape),
                   *(band(name) for name in ("ttft_s", "tpot_s", "decode_tokens_per_s", "output_tokens_per_s", "prefill_tokens_per_s",
                                             "mbu", "mfu_prefill", "joules_per_token", "cost_usd_per_million_tokens")),
                   *(shaped(found[name], shape) for name in ("memory_bytes", "weight_bytes", "kv_cache_bytes", "max_batch", "fits_in_memory")))


def train(model: str, *, on: str, count: int = 8, tokens: Optional[float] = None, **options: Any) -> Training:
    """`isoflop train`: the fastest layout that fits, with time, price, energy and carbon.

    `model` is an id, an alias or a JSON file, `on` an accelerator, `count` the devices, `tokens` the training tokens
    (default: those that the catalogue states). `options` are the long options of the command with underscores, such as
    tp=8, precision="fp8" or grid="FRA". Raises UsageError, BadInputError or CannotRunError.
    """
    found = run("train", model, on=on, count=count, tokens=tokens, **options)
    result = found.result
    names = ("params_total", "params_active", "flops_total", "step_time_s", "tokens_per_s", "mfu", "hfu", "device_hours", "days",
             "fits_in_memory", "cost_usd", "energy_kwh", "co2e_kg")
    return Training(*(result.get(name) for name in names), found)
