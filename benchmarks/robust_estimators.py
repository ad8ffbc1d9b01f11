"""Robust regression to a certified 1e-6, against the conic programs of `dro`, a plain L-BFGS and the reference Prospect optimiser.

`dro` (0.4.3, with cvxpy and Clarabel) is run by the Python that the variable DRO_PYTHON names, Prospect from the checkout of
ronakdm/prospect that PROSPECT names (it needs numba, so PROSPECT_PYTHON may name another Python with it). What is not there is listed as
not measured, and so is a conic program that has no result after LIMIT seconds of CPU time. Objectives are compared by one evaluator that
is neither's: sorted losses (CVaR) and a scalar minimisation (chi-square). DRO_SIZES, all by default, says at which n the conic programs
are run. `python -m benchmarks.robust_estimators N [chunks]` runs n = N, d = 100, CVaR alone, shows its progress, and prints time and peak
memory.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar

from benchmarks.timing import Figure, cpu, not_measured
from shiftproof.sklearn import Chunks, RobustLogisticRegression, RobustRegressor

Floats = npt.NDArray[np.float64]
D = 20
SIZES = (1_000, 10_000, 100_000)
LARGE, WIDTH, LIMIT = 1_000_000, 100, 300
RISKS = {"cvar": "cvar(alpha=0.5)", "chi_square": "chi_square(radius=0.25)", "wasserstein": "wasserstein(radius=0.05, order=2)"}
"""dro's chi-square radius 0.5 is ours at 0.25: it leaves out the 1/2 of the divergence."""
DRO = """
import json, sys, time, types, resource, warnings
warnings.filterwarnings("ignore")
for name in ("torchvision", "torchvision.models", "torchvision.transforms"):  # for its neural models only
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["torchvision"].models = sys.modules["torchvision.models"]
import numpy as np
from dro.linear_model.chi2_dro import Chi2DRO
from dro.linear_model.cvar_dro import CVaRDRO
from dro.linear_model.wasserstein_dro import WassersteinDRO
kind, path, limit = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 9))
data = np.load(path)
X, y = data["X"], data["y"]
make, config = {"cvar": (CVaRDRO, {"alpha": 0.5}), "chi_square": (Chi2DRO, {"eps": 0.5}),
                "wasserstein": (WassersteinDRO, {"eps": 0.05, "p": 2, "kappa": "inf"})}[kind]
model = make(input_dim=X.shape[1], model_type="logistic", solver="CLARABEL")
model.update(config)
began = time.process_time()
model.fit(X, y)
spent = time.process_time() - began
theta = [*map(float, np.ravel(model.theta)), float(np.ravel(model.b)[0])]
print(json.dumps({"theta": theta, "seconds": spent, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
PROSPECT = """
import json, sys, time
import numpy as np, torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from src.optim.objectives import Objective, get_superquantile_weights
from src.optim.prospect import Prospect
data = np.load(sys.argv[2])
X, y = torch.from_numpy(data["X"]), torch.from_numpy(data["y"])
goal, best = float(sys.argv[3]), float(sys.argv[4])
n = len(X)
objective = Objective(X, y, lambda m: get_superquantile_weights(m, 0.5), loss="squared_error", l2_reg=1.0, shift_cost=1.0, penalty="l2",
                      autodiff=False)
found = None
for rate in (1e-2, 3e-3, 3e-2):
    opt = Prospect(objective, lrp=rate, shift_cost=1.0, penalty="l2")
    for _ in range(50):
        opt.step()
    began, spent, trace = time.process_time(), 0.0, []
    while spent < float(sys.argv[5]):
        for _ in range(n):
            opt.step()
        spent = time.process_time() - began
        gap = float(objective.get_batch_loss(opt.weights)) - best
        trace.append(gap)
        if not gap < 1e6 or gap <= goal:
            break
    if gap <= goal and (found is None or spent < found[0]):
        found = spent, rate
    last = gap
print(json.dumps({"seconds": found and found[0], "rate": found and found[1], "gap": last}))
"""


def sample(n: int, d: int = D, seed: int = 0) -> tuple[Floats, Floats]:
    """A logistic model with a strong signal: CVaR at a half has an optimum away from 0. Labels are -1 and 1."""
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(n, d)), rng.normal(size=d) * (10 / math.sqrt(d))
    return x, np.where(x @ w + 0.3 + rng.logistic(size=n) > 0, 1.0, -1.0)


def evaluated(kind: str, theta: Floats, x: Floats, y: Floats) -> float:
    """The objective at theta (the intercept last), by another way than any solver's."""
    losses = np.logaddexp(0, -y * (x @ theta[:-1] + theta[-1]))
    if kind == "wasserstein":
        return float(losses.mean() + 0.05 * np.linalg.norm(theta[:-1]))
    if kind == "cvar":
        return float(np.sort(losses)[len(losses) // 2 :].mean())

    def dual(eta: float) -> float:
        return math.sqrt(1.5 * float((np.maximum(losses - eta, 0) ** 2).mean())) + eta

    return float(
        minimize_scalar(dual, bounds=(losses.min() - 10 * np.ptp(losses), losses.max()), method="bounded", options={"xatol": 1e-12}).fun
    )


def ours(kind: str, x: Floats, y: Floats) -> RobustLogisticRegression:
    return RobustLogisticRegression(RISKS[kind], penalty=None, tol=1e-6).fit(x, y)


def lbfgs(kind: str, x: Floats, y: Floats) -> Floats:
    """A plain torch L-BFGS on the same objective, by its minimisation form with the threshold a variable; no certificate."""
    features, labels = torch.from_numpy(x), torch.from_numpy(y)
    theta = torch.zeros(x.shape[1] + 2, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [theta], max_iter=500, tolerance_grad=1e-9, tolerance_change=1e-13, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        solver.zero_grad()
        losses = torch.nn.functional.softplus(-labels * (features @ theta[:-2] + theta[-2]))
        if kind == "wasserstein":
            value = losses.mean() + 0.05 * torch.sqrt((theta[:-2] ** 2).sum() + 1e-16)
        elif kind == "cvar":
            value = theta[-1] + 2 * torch.relu(losses - theta[-1]).mean()
        else:
            value = theta[-1] + math.sqrt(1.5) * torch.sqrt((torch.relu(losses - theta[-1]) ** 2).mean() + 1e-16)
        torch.autograd.backward(value)
        return value

    solver.step(closure)  # type: ignore[no-untyped-call]  # torch has no types here
    return np.array(theta.detach().numpy()[:-1], dtype=np.float64)


def measure(repeats: int) -> list[Figure]:
    figures: list[Figure] = []
    sizes = [int(n) for n in os.environ.get("DRO_SIZES", ",".join(map(str, SIZES))).split(",")]
    for n in SIZES:
        x, y = sample(n)
        for kind in RISKS:
            figures += one(kind, n, x, y, repeats, conic=n in sizes)
    return [*figures, *prospect(repeats), *large()]


def one(kind: str, n: int, x: Floats, y: Floats, repeats: int, *, conic: bool) -> list[Figure]:
    model = ours(kind, x, y)
    best = evaluated(kind, np.append(model.coef_[0], model.intercept_[0]), x, y)
    plain = evaluated(kind, lbfgs(kind, x, y), x, y)
    spent = [cpu(lambda: ours(kind, x, y)) for _ in range(repeats)]
    theirs = [cpu(lambda: lbfgs(kind, x, y)) for _ in range(repeats)]
    certified = f"certified to {model.certified_gap_ / model.objective_:.0e}"
    against = f"torch L-BFGS, whose objective is {(plain - best) / best:+.0e} of ours"
    figures = [paired(f"{kind}, n = {n}, d = {D}, {certified}", against, spent, theirs)]
    python = os.environ.get("DRO_PYTHON")
    if not python or not conic:
        return [*figures, not_measured(f"{kind}, n = {n}", "dro 0.4.3, Clarabel")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.npz"
        np.savez(path, X=x, y=y)
        run = subprocess.run([python, "-c", DRO, kind, str(path), str(LIMIT)], capture_output=True, text=True, check=False)
    if run.returncode == -signal.SIGXCPU:
        return [*figures, not_measured(f"{kind}, n = {n}", f"dro 0.4.3, Clarabel: no result after {LIMIT} s of CPU time")]
    if run.returncode:
        return [*figures, not_measured(f"{kind}, n = {n}", f"dro 0.4.3, Clarabel: {run.stderr.strip()[-80:]}")]
    peer = json.loads(run.stdout.strip().splitlines()[-1])
    apart = (evaluated(kind, np.array(peer["theta"]), x, y) - best) / best
    against = f"dro 0.4.3, Clarabel: {peer['seconds']:.1f} s, {peer['megabytes']:.0f} MB, objective {apart:+.0e} of ours"
    return [*figures, paired(f"{kind}, n = {n}, d = {D}, {certified}", against, spent, [peer["seconds"]] * repeats)]


def paired(what: str, against: str, spent: list[float], theirs: list[float]) -> Figure:
    ratios = sorted(a / b for a, b in zip(spent, theirs, strict=True))
    return Figure(what, against, statistics.median(ratios), ratios[0], ratios[-1], statistics.median(spent), len(spent))


def prospect(repeats: int) -> list[Figure]:
    """Superquantile 0.5, squared loss, d = 20, n = 1000: CPU time to 1e-6 of the optimum; ours, by both solvers, with the proof of it.

    Their objective is smoothed (shift cost 1, half squared error, ridge 1 / n): its optimum is taken from a long L-BFGS run on it. Ours is
    the unsmoothed superquantile with the same ridge.
    """
    x, targets = regression()
    spent, titles = [], []
    for solver in ("newton", "stochastic"):
        model = superquantile(x, targets, solver)
        spent.append([cpu(lambda solver=solver: superquantile(x, targets, solver)) for _ in range(repeats)])  # type: ignore[misc]
        titles.append(f"superquantile 0.5, squared loss, n = 1000, {solver}, certified gap {model.certified_gap_:.0e}")
    folder, python = os.environ.get("PROSPECT"), os.environ.get("PROSPECT_PYTHON", sys.executable)
    if not folder:
        return [not_measured(what, "Prospect's reference optimiser") for what in titles]
    seconds = os.environ.get("PROSPECT_SECONDS", "30")
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "sample.npz"
        np.savez(path, X=x, y=targets)
        command = [python, "-c", PROSPECT, folder, str(path), "1e-6", repr(smoothed_best(x, targets)), seconds]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        return [not_measured(what, f"Prospect: {run.stderr.strip()[-100:]}") for what in titles]
    peer = json.loads(run.stdout.strip().splitlines()[-1])
    if peer["seconds"] is None:
        return [not_measured(what, f"Prospect's reference optimiser: 1e-6 not reached, gap {peer['gap']:.0e}") for what in titles]
    against = f"Prospect's reference optimiser: {peer['seconds']:.1f} s to 1e-6, no proof"
    return [paired(what, against, times, [peer["seconds"]] * repeats) for what, times in zip(titles, spent, strict=True)]


def regression() -> tuple[Floats, Floats]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1000, D))
    return x, x @ rng.normal(size=D) / math.sqrt(D) + rng.standard_t(5, size=1000) / 2


def superquantile(x: Floats, targets: Floats, solver: str) -> RobustRegressor:
    """Ours, of the whole squared error: twice theirs, so twice their ridge."""
    risk, ridge = "superquantile(level=0.5)", 2 / len(x)
    return RobustRegressor(risk, penalty="l2", strength=ridge, fit_intercept=False, tol=1e-6, solver=solver).fit(x, targets)


def smoothed_best(x: Floats, targets: Floats) -> float:
    """The least of Prospect's smoothed objective: max over q of q . l - n |q - 1/n|^2 / 2, with ridge 1 / n."""
    from scipy.optimize import minimize

    from shiftproof.sklearn import _smoothed_risks

    base = np.full(len(x), 1 / len(x))

    def value(w: Floats) -> tuple[float, Floats]:
        rest = x @ w - targets
        worst = _smoothed_risks.cvar(rest**2 / 2, base, 0.5, 1.0)
        return worst.value + float(w @ w) / (2 * len(x)), np.asarray(x.T @ (worst.weights * rest) + w / len(x))

    return float(
        minimize(value, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}).fun
    )


def large() -> list[Figure]:
    """n = 1e6, d = 100, each in a process of its own, for its peak memory; from chunks against all in memory."""
    found = []
    for mode in ("memory", "chunks"):
        command = [sys.executable, "-m", "benchmarks.robust_estimators", str(LARGE), mode]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        print(run.stdout, end="")
        found.append(json.loads(run.stdout.strip().splitlines()[-1]))
    whole, chunked = found
    what = f"cvar, n = {LARGE}, d = {WIDTH}, certified to {{gap:.0e}}, peak {{gigabytes:.2f}} GB"
    plain = f"torch L-BFGS, whose objective is {whole['apart']:+.0e} of ours, peak {whole['plain_gigabytes']:.2f} GB"
    against = "all in memory, of the same numbers"
    return [
        paired(what.format(**whole), plain, [whole["seconds"]], [whole["plain_seconds"]]),
        paired(f"{what.format(**chunked)}, from a memory map of float32", against, [chunked["seconds"]], [whole["seconds"]]),
    ]


def one_large(n: int, mode: str) -> None:
    """CVaR logistic regression at n x 100 to a relative gap of 1e-4, in memory or from chunks: progress, and what it took as JSON."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=WIDTH) * (10 / math.sqrt(WIDTH))
    with tempfile.TemporaryDirectory() as folder:
        x = np.empty((n, WIDTH)) if mode == "memory" else np.memmap(Path(folder) / "x", np.float32, "w+", shape=(n, WIDTH))
        y = np.empty(n)
        for begin in range(0, n, 10_000):
            drawn = rng.normal(size=(min(10_000, n - begin), WIDTH)).astype(np.float32)
            x[begin : begin + 10_000] = drawn
            y[begin : begin + 10_000] = np.where(drawn @ w + rng.logistic(size=len(drawn)) > 0, 1.0, -1.0)
        model = RobustLogisticRegression("cvar(alpha=0.5)", penalty=None, tol=1e-4, verbose=1)
        began = time.process_time()
        model.fit(x, y) if mode == "memory" else model.fit_chunks(Chunks(x, y))
        took = {"seconds": time.process_time() - began, "gigabytes": peak(), "gap": model.certified_gap_ / model.objective_}
        if mode == "memory":
            began = time.process_time()
            whole = np.asarray(x, dtype=np.float64)
            plain = evaluated("cvar", lbfgs("cvar", whole, y), whole, y)
            took |= {"plain_seconds": time.process_time() - began, "plain_gigabytes": peak()}
            took["apart"] = (plain - model.objective_) / model.objective_
    print(json.dumps(took))


def peak() -> float:
    """The most memory that this process has held, in GB; the pages of a mapped file count."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    torch.set_num_threads(1)
    one_large(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "memory")
