"""A plan shown before it is paid: its parts, what each will cost, and what a budget leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shiftproof.evaluation.audit.audit import mirror_of, working_folder
from shiftproof.evaluation.audit.chosen import BUDGET, chosen_plan
from shiftproof.evaluation.audit.cost import PlanCost, plan_cost
from shiftproof.evaluation.audit.plan import make_plan
from shiftproof.evaluation.config import make_config
from shiftproof.models.query_count import counting_queries
from shiftproof.records.audit import LeftOut
from shiftproof.runs.store import Store

if TYPE_CHECKING:
    import pandas as pd

_TITLES = ("part", "examples", "rows", "time")


@dataclass(frozen=True)
class Estimate:
    """What an audit would run and cost.

    Args:
        cost: of its parts, and of all of them together.
        left_out: what would not be run, and why.
        spent: rows that the model was sent for this estimate.
        stored: the plan.json that now holds the choice of a budget; None where nothing was stored.
    """

    cost: PlanCost
    left_out: tuple[LeftOut, ...]
    spent: int
    stored: Path | str | None = None

    def to_frame(self) -> pd.DataFrame:
        """A row for each part: part, shift, search, data, examples, rows (at most), seconds (about), measured."""
        import pandas as pd

        return pd.DataFrame([asdict(part) for part in self.cost.parts])

    def text(self, price: tuple[float, float] | None = None) -> str:
        """The plan as lines; `price` is that of a million tokens sent and answered."""
        cost = self.cost
        rows = [(part.part, f"{part.examples:,}", f"{part.rows:,}", duration(part.seconds)) for part in cost.parts]
        before = cost.rows - sum(part.rows for part in cost.parts)
        rows.append(("looks at the model, before", "", f"{before:,}", ""))
        rows.append((f"{len(cost.parts)} parts", "", f"{cost.rows:,}", duration(cost.seconds)))
        widths = [max(len(row[column]) for row in (_TITLES, *rows)) for column in range(4)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))])
            for row in (_TITLES, *rows)
        ]
        lines += ["", "Rows: forwards and backwards of one input, at most (a search stops early on what it breaks). Time: about,"]
        lines += [f"measured on a few examples of your data; {self.spent:,} rows were sent to the model for it."]
        if cost.requests is not None:
            lines.append(f"Requests: about {cost.requests:,} at most.")
        if cost.tokens is not None:
            sent, answered = cost.rows * cost.tokens.sent, cost.rows * cost.tokens.answered
            lines.append(f"Tokens: at most {sent:,.0f} sent and {answered:,.0f} answered, where one has 4 letters, as in English.")
            if price is not None:
                lines.append(f"Price: at most {_money(cost.tokens.money(cost.rows, price))}, in the currency of --price.")
        lines += [f"Left out: {out.shift} under {out.search}: {out.reason}." for out in self.left_out]
        lines += [f"Stored: {self.stored}. Run it with --plan {self.stored}, or with the same --out."] if self.stored else []
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()


def _money(amount: float) -> str:
    """Two decimals, and of less than one two digits that say something.

    >>> _money(1234.5), _money(0.00086), _money(0.0)
    ('1,234.50', '0.00086', '0')
    """
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.2g}"


def plan(model: object, data: object, **options: Any) -> Estimate:
    """What `audit` of the same arguments would run and cost, measured for some seconds on the model itself. Nothing is run.

    Where a `budget` and `out` are given, the choice is stored in the folder, and `audit` with the same `out` runs it.

    Raises:
        UsageError: as `audit`.

    Example:
        >>> import shiftproof as sp
        >>> print(sp.plan(model, "digits:", suite="standard", budget="10m"))  # doctest: +SKIP
    """
    return estimate({"model": model, "data": data, **options})


def estimate(options: Mapping[str, Any]) -> Estimate:
    """`plan` of the options of a config."""
    config = make_config(dict(options))
    mirror = mirror_of(config)
    local = working_folder(config, mirror)
    out = local.absolute() if local else None
    with counting_queries() as count:
        chosen = chosen_plan(config, make_plan(config), out)
        cost = plan_cost(chosen, config)
    stored = None
    if out is not None and BUDGET in chosen.chosen:
        store = Store(out, {name: source.ids for name, source in chosen.sources.items()}, mirror)
        store.open(chosen.identity(config), [*chosen.cells, *chosen.curves])
        stored = f"{config.out}/plan.json" if mirror else Path(str(config.out)) / "plan.json"
    return Estimate(cost, chosen.left_out, count.sent, stored)


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(0.2), duration(75), duration(4000)
    ('0.2 s', '1 min 15 s', '1 h 7 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{minutes // 60} h {minutes % 60} min"
