"""Training for the worst subgroup: what helps, measured.

    python examples/subgroups.py --adult adult.data.gz --compas compas-scores-two-years.csv.gz --mnist DIR --out subgroups

Adult and COMPAS with the groups sex x race (a small network, risks as losses), and digits with a planted colour that gives the label away
in training but for one example in twenty (an over-parameterised network, group DRO with weak and with strong regularisation). Every number
is a mean over seeds, each with another split of the data, with the 95 % interval of that mean (Student's t); "fitted" is the training
accuracy of the group that is fitted least. Writes a table (CSV) and a picture.

How the coloured digits were settled, since it flatters: how loud the colour is and how noisy the digits are was chosen after three other
variants had been looked at, so this is the fourth. In one of them weak group DRO gained 13 points, here 8. The task shows what strong
regularisation can do, and not how often it is needed. What five seeds gave:

- Coloured digits: group DRO gains 25 points on the worst group with strong weight decay and 8 with weak. The network of the weak run fits
  every training example of every group, and a four times wider one does not change the picture (7 points over ERM of that width; 7 also
  on three other seeds that were trained ten times as long). Drawing the groups evenly gains the same 8 under plain ERM: on a network that
  fits everything group DRO's weights bring nothing, as Sagawa et al. say, and the even draws bring something on the way there. Of what
  knows no groups, CVaR gains nothing and chi-square 4 points, and with strong decay they lose. JTT gains 31, and a last layer fitted
  again on held-out data with groups (DFR) 53, more than group DRO.
- Adult and COMPAS: nothing helped. No method raises the worst group over ERM beyond the seeds' spread. On COMPAS, where ERM itself is right
  on two examples of three only, CVaR and chi-square lose 13 and 18 points on the worst group, and 7 and 11 on average.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.stats import t as student
from torch import Tensor, nn

import shiftproof as sp
from shiftproof.risks import ChiSquare, CVaR
from shiftproof.training.pieces import GroupDROLoss, balanced_sampler, dfr_layer, importance_weights, jtt_rows, lisa_mix, risk_loss

ADULT = ["age", "workclass", "fnlwgt", "education", "education_num", "marital", "occupation", "relationship", "race", "sex"]
ADULT += ["gain", "loss", "hours", "country", "income"]
COMPAS = ["age", "priors_count", "juv_fel_count", "juv_misd_count", "juv_other_count", "c_charge_degree", "sex", "race", "two_year_recid"]
LEAST = 50
"""Groups with fewer test examples are left out of the worst group, since their accuracy is mostly chance."""
WEAK, STRONG = 1e-4, 2e-2
"""Weight decay; the strong one was chosen on a seed that is not reported, over several variants of the task."""
Score = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Split:
    """Standardised inputs, labels and group numbers."""

    x: Tensor
    y: Tensor
    group: Tensor

    def rows(self, at: npt.NDArray[np.intp]) -> Split:
        """Some of them."""
        return Split(self.x[at], self.y[at], self.group[at])


@dataclass(frozen=True)
class Task:
    """Training, held-out (for what is fitted with groups) and test data of one seed."""

    train: Split
    held: Split
    test: Split
    hidden: int
    epochs: int
    balanced: bool
    """Whether a test's average is that over groups, since the test mix is not the one that counts."""


@dataclass(frozen=True)
class Method:
    """How to train: the loss, the weight decay, whether groups are drawn evenly, and how many times wider the network is."""

    name: str
    loss: str
    decay: float = WEAK
    even: bool = False
    wider: int = 1


TABULAR = (
    Method("ERM", "mean"),
    Method("importance weights", "weighted"),
    Method("group DRO, weak", "group_dro", even=True),
    Method("group DRO, strong", "group_dro", STRONG, even=True),
    Method("CVaR 0.5", "cvar"),
    Method("chi-square 0.5", "chi_square"),
)
COLOURED = (
    Method("ERM", "mean"),
    Method("ERM, groups drawn evenly", "mean", even=True),
    Method("ERM, strong", "mean", STRONG),
    Method("group DRO, weak", "group_dro", even=True),
    Method("group DRO, strong", "group_dro", STRONG, even=True),
    Method("CVaR 0.5", "cvar"),
    Method("CVaR 0.5, strong", "cvar", STRONG),
    Method("chi-square 0.5", "chi_square"),
    Method("chi-square 0.5, strong", "chi_square", STRONG),
    Method("JTT", "jtt", STRONG),
    Method("LISA", "lisa"),
    Method("DFR", "dfr"),
    Method("ERM, 4 x wider", "mean", wider=4),
    Method("group DRO, weak, 4 x wider", "group_dro", even=True, wider=4),
)


def train(task: Task, method: Method, seed: int) -> Score:
    """A network trained by one method."""
    if method.loss == "jtt":
        first = train(Task(task.train, task.held, task.test, task.hidden, 2, task.balanced), Method("", "mean", method.decay), seed)
        wrong = (first(task.train.x).argmax(1) != task.train.y).numpy()
        again = Task(task.train.rows(jtt_rows(wrong, times=10)), task.held, task.test, task.hidden, task.epochs, task.balanced)
        return train(again, Method("", "mean", method.decay), seed + 1)
    data, classes = task.train, int(task.train.y.max()) + 1
    torch.manual_seed(seed)  # torch's own layers know no other source of randomness
    body = nn.Sequential(nn.Linear(data.x.shape[1], task.hidden * method.wider), nn.ReLU())
    head = nn.Linear(task.hidden * method.wider, classes)
    net = nn.Sequential(body, head)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=method.decay)
    present, place = torch.unique(data.group, return_inverse=True)
    dro = GroupDROLoss([int((place == g).sum()) for g in range(len(present))], step_size=0.05)
    weights = torch.from_numpy(importance_weights(data.group.numpy(), most=20.0).weights).float()
    for step, rows in enumerate(_batches(place, task.epochs, method.even, seed)):
        x, y = data.x[rows], data.y[rows]
        if method.loss == "lisa":
            mixed = lisa_mix(x, y, domains=data.group[rows] % 2, classes=classes, seed=seed * 100_003 + step)
            value = nn.functional.cross_entropy(net(mixed.x), mixed.y)
        else:
            losses = nn.functional.cross_entropy(net(x), y, reduction="none")
            value = _objective(method.loss, losses, place[rows], weights[rows], dro)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    if method.loss == "dfr":
        with torch.no_grad():
            features = body(task.held.x).numpy()
        net = nn.Sequential(body, dfr_layer(features, task.held.y.numpy(), groups=task.held.group.numpy(), seed=seed, penalty=10.0))
    return net.eval()


def _objective(name: str, losses: Tensor, place: Tensor, weights: Tensor, dro: GroupDROLoss) -> Tensor:
    match name:
        case "group_dro":
            value: Tensor = dro(losses, place)
            return value
        case "cvar":
            return risk_loss(CVaR(0.5), losses)
        case "chi_square":
            return risk_loss(ChiSquare(0.5), losses)
        case "weighted":
            return (weights * losses).mean()
        case _:
            return losses.mean()


def _batches(place: Tensor, epochs: int, even: bool, seed: int, size: int = 128) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        if even:
            order = torch.tensor(list(balanced_sampler(place, seed=seed * 1000 + epoch)))
        else:
            order = torch.randperm(len(place), generator=generator)
        yield from torch.split(order, size)


def judge(model: Score, task: Task) -> tuple[float, float, float]:
    """Average and worst-group accuracy on the test data, and the least that a group of the training data is fitted."""
    right, means = _accuracy(model, task.test)
    _, fitted = _accuracy(model, task.train)
    return float(np.mean(means) if task.balanced else right), float(min(means)), float(min(fitted))


def _accuracy(model: Score, data: Split) -> tuple[float, list[float]]:
    """Of all, and of each group with enough examples."""
    with torch.no_grad():
        right = (model(data.x).argmax(1) == data.y).numpy()
    group = data.group.numpy()
    return float(right.mean()), [float(right[group == g].mean()) for g in np.unique(group) if (group == g).sum() >= LEAST]


def adult(path: Path) -> Callable[[int], Task]:
    """Income above 50,000 dollars; groups sex x race."""
    headed = str(pd.read_csv(path, header=None, nrows=1).iloc[0, 0]) == "age"  # some copies of the file have a first row of names
    table = pd.read_csv(path, header=0 if headed else None, names=ADULT, skipinitialspace=True, comment="|").dropna().drop(columns="fnlwgt")
    return _tabular(table, table.pop("income").str.startswith(">50K").to_numpy())


def compas(path: Path) -> Callable[[int], Task]:
    """Rearrest within two years; groups sex x race."""
    table = pd.read_csv(path)[COMPAS].dropna()
    return _tabular(table, table.pop("two_year_recid").to_numpy() == 1)


def _tabular(table: pd.DataFrame, y: npt.NDArray[np.bool_], most: int = 12_000) -> Callable[[int], Task]:
    group = pd.factorize(table["sex"].astype(str) + " " + table["race"].astype(str))[0]
    x = pd.get_dummies(table, dtype=float).to_numpy(np.float64)

    def task(seed: int) -> Task:
        order = np.random.default_rng(seed).permutation(len(x))[:most]
        first, second = int(len(order) * 0.5), int(len(order) * 0.6)
        mean, scale = x[order[:first]].mean(0), x[order[:first]].std(0) + 1e-6
        inputs = torch.from_numpy(np.clip((x - mean) / scale, -5, 5)).float()
        whole = Split(inputs, torch.from_numpy(y.astype(np.int64)), torch.from_numpy(group))
        return Task(whole.rows(order[:first]), whole.rows(order[first:second]), whole.rows(order[second:]), 64, 12, balanced=False)

    return task


def coloured_digits(folder: Path) -> Callable[[int], Task]:
    """MNIST digits up to 4 against 5 and more, with grain, and a loud colour that tells the label in training but for one in twenty."""
    data = sp.load_data(f"idx:{folder}?split=train", limit=20_000).take(slice(None))
    small = nn.functional.avg_pool2d(data.x.reshape(len(data.y), 1, 28, 28), 2).flatten(1)

    def task(seed: int) -> Task:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(data.y))[:6_000]
        y = (data.y.numpy()[order] >= 5).astype(np.int64)
        colour = np.where(rng.random(len(y)) < np.where(np.arange(len(y)) < 4_000, 0.05, 0.5), 1 - y, y)
        grain = torch.from_numpy(rng.normal(size=(len(y), small.shape[1])) * 0.4).float()
        x = torch.cat([small[order] + grain, torch.from_numpy(8.0 * (2 * colour - 1))[:, None].float()], dim=1)
        whole = Split(x, torch.from_numpy(y), torch.from_numpy(2 * y + colour))
        train, held, test = (whole.rows(np.arange(a, b)) for a, b in ((0, 3_000), (3_000, 4_000), (4_000, 6_000)))
        return Task(train, held, test, 512, 30, balanced=True)

    return task


def measure(name: str, task: Callable[[int], Task], methods: Sequence[Method], seeds: int) -> list[dict[str, str | float]]:
    """A row for each method: average and worst-group accuracy, the worst group's gain over ERM with the same seeds, and its fit."""
    rows: list[dict[str, str | float]] = []
    base: npt.NDArray[np.float64] | None = None
    for method in methods:
        found = np.array([judge(train(task(seed), method, seed), task(seed)) for seed in range(seeds)])
        base = found[:, 1] if base is None else base
        parts = {"average": found[:, 0], "worst": found[:, 1], "gain": found[:, 1] - base, "fitted": found[:, 2]}
        row: dict[str, str | float] = {"data": name, "method": method.name, "decay": method.decay, "seeds": seeds}
        for part, values in parts.items():
            half = float(student.ppf(0.975, seeds - 1) * values.std(ddof=1) / np.sqrt(seeds))
            row |= {part: float(values.mean()), f"{part}_half": half}
        shown = "  ".join(f"{part} {100 * float(row[part]):5.1f} +- {100 * float(row[f'{part}_half']):4.1f}" for part in parts)
        print(f"{name:16} {method.name:28} {shown}", flush=True)
        rows.append(row)
    return rows


def draw(rows: Sequence[dict[str, str | float]], out: Path) -> None:
    """Worst-group accuracy of every method with its interval, the average beside it."""
    import altair as alt

    table = pd.DataFrame(rows)
    table["low"], table["high"] = table["worst"] - table["worst_half"], table["worst"] + table["worst_half"]
    y = alt.Y("method:N", sort=None, title=None)
    base = alt.Chart(table).encode(y=y)
    x = alt.X("low:Q", title="accuracy", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1], clamp=True))
    ends = base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q")
    worst = base.mark_point(filled=True, size=70, color="black", opacity=1).encode(x="worst:Q")
    average = base.mark_tick(thickness=3, color="steelblue").encode(x="average:Q")
    chart = alt.layer(ends, worst, average).properties(width=420).facet(row=alt.Row("data:N", title=None)).resolve_scale(y="independent")
    chart.properties(title="Worst group (dot, 95 % interval over seeds) and average (blue)").save(str(out), scale_factor=2)


def main() -> None:
    """Measures what the options name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adult", type=Path, help="adult.data(.gz) of UCI Adult")
    parser.add_argument("--compas", type=Path, help="compas-scores-two-years.csv(.gz) of ProPublica")
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's idx files, to which a colour is added")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("subgroups"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, str | float]] = []
    if options.mnist:
        rows += measure("coloured digits", coloured_digits(options.mnist), COLOURED, options.seeds)
    if options.compas:
        rows += measure("COMPAS", compas(options.compas), TABULAR, options.seeds)
    if options.adult:
        rows += measure("Adult", adult(options.adult), TABULAR, options.seeds)
    if not rows:
        parser.error("name at least one of --mnist, --adult and --compas")
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "subgroups.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, options.out / "subgroups.png")


if __name__ == "__main__":
    main()
