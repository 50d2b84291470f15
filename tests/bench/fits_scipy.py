"""The same jobs as bench_fits by scipy, with analytic gradients, in one process; prints one JSON line.

usage: fits_scipy.py RUNS.csv COUNTS.bin FIRST LAST GRID_OFFSET GRID_STEP
  RUNS.csv      params,tokens,loss
  COUNTS.bin    int32 resampling counts, one row of len(runs) per replicate
  FIRST..LAST   replicates fitted from Hoffmann's constants (BFGS, default tolerances)
  GRID_*        every GRID_STEP-th start of Hoffmann's 4500, from GRID_OFFSET (L-BFGS-B, default tolerances)
"""
import itertools
import json
import sys
import time

import numpy as np
from scipy.optimize import minimize

DELTA = 1e-3


def objective(theta, ln_n, ln_d, ln_loss, weight):
    """Sum of weighted Huber terms of log residuals, and its gradient."""
    a, b, e, alpha, beta = theta
    terms = np.stack([a - alpha * ln_n, b - beta * ln_d, np.full_like(ln_n, e)])
    top = terms.max(axis=0)
    shares = np.exp(terms - top)
    total = shares.sum(axis=0)
    residual = top + np.log(total) - ln_loss
    shares /= total
    psi = np.clip(residual, -DELTA, DELTA)
    pull = shares * (weight * psi)
    value = (weight * psi * (residual - 0.5 * psi)).sum()
    by_term = pull.sum(axis=1)
    return value, np.array([*by_term, -(pull[0] * ln_n).sum(), -(pull[1] * ln_d).sum()])


def main():
    path, counts_path = sys.argv[1:3]
    first, last, offset, step = map(int, sys.argv[3:7])
    runs = np.loadtxt(path, delimiter=",", skiprows=1)
    data = np.log(runs.T)
    counts = np.fromfile(counts_path, dtype=np.int32).reshape(-1, len(runs))
    result = {"grid_starts": 0, "grid_s": 0.0, "grid_best": None, "grid_hits": 0}

    exponents, floors, amplitudes = [0, 0.5, 1, 1.5, 2], [-1, -0.5, 0, 0.5, 1], [0, 5, 10, 15, 20, 25]
    starts = list(itertools.product(amplitudes, amplitudes, floors, exponents, exponents))[offset::step]
    ones = np.ones(len(runs))
    began, began_cpu = time.perf_counter(), time.process_time()
    values = [minimize(objective, s, args=(*data, ones), jac=True, method="L-BFGS-B").fun for s in starts]
    result.update(grid_s=time.perf_counter() - began, grid_cpu_s=time.process_time() - began_cpu, grid_starts=len(starts), grid_best=min(values), grid_values=values)

    hoffmann = np.array([6.0073404, 6.0179186, 0.5267228, 0.33917084, 0.2849083])
    began, began_cpu = time.perf_counter(), time.process_time()
    fits = [minimize(objective, hoffmann, args=(*data, counts[i].astype(float)), jac=True, method="BFGS") for i in range(first, last)]
    result["bootstrap_s"] = time.perf_counter() - began
    result["bootstrap_cpu_s"] = time.process_time() - began_cpu
    result["bootstrap_objectives"] = [fit.fun for fit in fits]
    print(json.dumps(result))


main()
