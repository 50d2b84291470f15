"""A planning script that uses an installed isoflop: sweeps 10,000 budgets and checks what comes back.

Witnesses: closed forms written out here, and the command line's own JSON for the same question.
"""

import json
import threading
import time

import numpy as np

import isoflop


def close(actual, expected, relative):
    assert np.all(np.abs(np.asarray(actual) / np.asarray(expected) - 1) <= relative), (actual, expected)


def sweep():
    law = isoflop.law("fit:chinchilla", replicates=200)
    budgets = np.geomspace(1e19, 1e26, 10_000)
    start = time.perf_counter()
    plans = law.plan(budgets, intervals=False)
    without = time.perf_counter() - start
    start = time.perf_counter()
    with_intervals = law.plan(budgets)
    seconds = time.perf_counter() - start
    print(f"10,000 plans: {without:.3f} s, with 90 % intervals of 200 resampled laws {seconds:.3f} s")

    p = law.parameters
    ratio = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    close(plans.params.central, ratio * (budgets / 6) ** (p["beta"] / (p["alpha"] + p["beta"])), 1e-9)
    close(6 * plans.params.central * plans.tokens.central, budgets, 1e-9)
    close(plans.loss.central, p["E"] + p["A"] / plans.params.central ** p["alpha"] + p["B"] / plans.tokens.central ** p["beta"], 1e-12)
    assert np.all(np.isnan(plans.params.low)) and np.all(plans.interior)
    assert np.all(with_intervals.params.low < with_intervals.params.central) and np.all(with_intervals.params.central < with_intervals.params.high)
    assert np.all(np.diff(plans.loss.central) < 0)

    one = isoflop.run("plan", compute=float(budgets[5000]), replicates=200).result
    for key in ("params", "tokens", "loss"):
        band = getattr(with_intervals, key)
        close([band.central[5000], band.low[5000], band.high[5000]], [one[key]["estimate"], one[key]["low"], one[key]["high"]], 1e-9)

    served = law.plan(budgets[::1000], inference_tokens=1e9, intervals=False)
    assert np.all(served.params.central < plans.params.central[::1000])
    json.dumps(served.to_dict(), allow_nan=False)


def losses_and_fits():
    law = isoflop.law("besiroglu")
    sizes, tokens = np.array([[1e9], [7e9]]), np.array([2e10, 1.4e12, 1e13])
    losses = law.loss(sizes, tokens)
    p = law.parameters
    assert losses.shape == (2, 3)
    close(losses, p["E"] + p["A"] * sizes ** -p["alpha"] + p["B"] * tokens ** -p["beta"], 1e-12)
    assert isinstance(float(law.loss(7e9, 1.4e12)), float)
    assert np.isnan(law.loss_interval(7e9, 1.4e12).loss.low) and law.interval_basis.startswith("no interval")

    n, d = (grid.ravel() for grid in np.meshgrid(np.geomspace(5e7, 1e10, 12), np.geomspace(1e9, 3e11, 12)))
    fitted = isoflop.fit(n, d, law.loss(n, d), replicates=0)
    for name, value in p.items():
        close(fitted.parameters[name], value, 1e-5)
    noisy = law.loss(n, d) * np.exp(np.random.default_rng(1).normal(0, 1e-3, n.size))
    bands = isoflop.fit(n, d, noisy, replicates=100).loss_interval(7e9, 1.4e12)
    assert bands.loss.low < bands.loss.central < bands.loss.high


def models_and_scores():
    model = isoflop.model("llama-3-8b")
    assert model.params_total == 8_030_261_248
    close(model.kv_bytes(np.array([1, 8192])), [model.kv_bytes_per_token, 8192 * model.kv_bytes_per_token], 1e-12)
    assert model.kv_bytes_per_token == 2 * 2 * 32 * 8 * 128
    close(model.training_flops_per_token([512, 8192], "6nd"), 6.0 * model.params_active, 1e-9)
    assert np.all(np.diff(model.forward_flops_per_token([512, 4096, 8192])) > 0)
    shown = isoflop.run("models show", "llama-3-8b").result
    assert shown["params_total"] == model.params_total and shown["params_active"] == model.params_active
    assert "llama-3-8b" in isoflop.model_ids() and "hoffmann" in isoflop.law_names()

    regression = isoflop.scores("mmlu")
    found = regression.predict([1e9, 3.8e9, 70e9], 3.3e12)
    assert found.score.central.shape == (3,) and np.all(np.diff(found.score.central) > 0)
    assert np.all(found.score.low < found.score.central) and np.all(found.score.central < found.score.high)
    asked = isoflop.run("predict", benchmark="mmlu", active_params=3.8e9, tokens=3.3e12, bootstrap=0).result["score"]
    close([found.score.low[1], found.score.central[1], found.score.high[1]], [asked["low"], asked["estimate"], asked["high"]], 1e-9)


def costs():
    served = isoflop.serve("llama-3-8b", on="h100-sxm-80gb", batch=[1, 8, 64])
    assert np.all(np.diff(served.output_tokens_per_s.central) > 0) and np.all(served.fits_in_memory)
    asked = isoflop.run("serve", "llama-3-8b", on="h100-sxm-80gb", batch=8).result
    close([served.tpot_s.central[1], served.ttft_s.low[1], served.memory_bytes[1]],
          [asked["tpot_s"], asked["ttft_s_interval"]["low"], asked["memory_bytes"]["total"]], 1e-12)
    for layout in (dict(model="llama-3.1-405b", tp=8, pp=2), dict(model="deepseek-v3", ep=16, attention="dp"), dict(model="deepseek-v3", tp=16, ep=16)):
        name = layout.pop("model")
        spread = isoflop.serve(name, on="h200", batch=[64, 128], weights="fp8", compute="fp8", **layout)
        asked = isoflop.run("serve", name, on="h200", batch=128, weights="fp8", compute="fp8", **layout).result
        close([spread.tpot_s.central[1], spread.memory_bytes[1], spread.joules_per_token.high[1], spread.cost_usd_per_million_tokens.central[1]],
              [asked["tpot_s"], asked["memory_bytes"]["total"], asked["joules_per_token_interval"]["high"], asked["cost_usd_per_million_tokens"]], 1e-12)
    run = isoflop.train("llama-3-8b", on="h100-sxm-80gb", count=64, tokens=1e12)
    assert 0 < run.mfu < 1 and run.days > 0 and run.details.trustworthy
    json.dumps(run.to_dict(), allow_nan=False)


def errors():
    def raises(kind, part, call):
        try:
            call()
        except kind as problem:
            assert part in str(problem), str(problem)
            assert isinstance(problem, isoflop.IsoflopError)
        else:
            raise AssertionError(f"{kind.__name__} was not raised")

    raises(isoflop.UsageError, "did you mean", lambda: isoflop.law("hofmann"))
    raises(isoflop.UsageError, "index 1", lambda: isoflop.law("besiroglu").loss([1e9, -1], 1e10))
    raises(isoflop.UsageError, "did you mean", lambda: isoflop.model("lama-3-8b"))
    raises(isoflop.UsageError, "expert", lambda: isoflop.serve("llama-3-8b", on="h100", ep=2))
    raises(isoflop.UsageError, "h100", lambda: isoflop.serve("llama-3-8b", on="h1000-sxm"))
    raises(ValueError, "did you mean", lambda: isoflop.run("pln", compute=1))
    raises(isoflop.CannotRunError, "/nonexistent.csv", lambda: isoflop.run("check", "/nonexistent.csv"))
    with open("broken.csv", "w") as file:
        file.write("params,tokens,loss\n1e9,2e10,abc\n")
    raises(isoflop.BadInputError, "broken.csv:2:", lambda: isoflop.law("fit:broken.csv"))


def other_threads_run_meanwhile():
    ticks, done = 0, threading.Event()

    def count():
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    isoflop.law("fit:chinchilla", replicates=200, threads=1)
    done.set()
    counter.join()
    assert ticks > 5, f"the interpreter lock was held: {ticks} ticks"


for test in (sweep, losses_and_fits, models_and_scores, costs, errors, other_threads_run_meanwhile):
    test()
print("isoflop", isoflop.__version__, "from Python: all good")
