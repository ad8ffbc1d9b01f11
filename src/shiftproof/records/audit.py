"""What a run writes: `audit.json`, as typed records. Its JSON schema is generated from here, and is part of the docs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from shiftproof._errors import UsageError
from shiftproof._sealed import read_document
from shiftproof.outcomes import MOST_MISSING, NO_ANSWER, Flag, Stage
from shiftproof.records.confusion import Confusion
from shiftproof.records.diagnosis import Diagnosis
from shiftproof.records.document import SENT, Document, Record
from shiftproof.records.set_measure import SetMeasure
from shiftproof.records.smoothed import SmoothedEnd
from shiftproof.records.trust_row import TrustSection
from shiftproof.risks.paired import PairedComparison

SCHEMA_VERSION = "1.2"
UNION = "union"
"""The name of all worst-case searches of a shift together: an example counts as broken if any of them broke it."""

ClaimKind = Literal["at_most", "at_least", "estimate"]
Shown = int | str
"""A class as its code, or another answer as people read it."""


class Result(Record):
    """One number: a measure of one shift under one search or certificate."""

    cell: str = Field(description="Key of the cell, and name of its file under cells/.")
    data: str = Field(description="URI of the sample.")
    shift: str = Field(description="Spec of the shift, such as linf(eps=8/255); 'identity' for the sample as it is.")
    family: str = Field(description="Name of the shift without its options, such as linf.")
    strength: float | None = Field(default=None, description="How far the shift moves (eps, degrees, severity), for curves.")
    strength_name: str | None = Field(default=None, description="What `strength` is called.")
    search: str = Field(description="Spec of the search or certificate.")
    access: str = Field(
        default="", description="What the search sees of the model: labels, scores, gradients or structure; empty in old records."
    )
    risk: str = Field(description="Spec of the risk; 'group' for one group's own number.")
    measure: str = Field(
        description="accuracy, robust_accuracy, certified_accuracy, smoothed_accuracy and smoothed_robust_accuracy (proven "
        "and attacked, of the model smoothed with noise), "
        "error_probability, or drop (clean minus shifted). Under another judge its own measure in place of accuracy: f1, robust_f1, ..., "
        "and f1_loss, 1 - score."
    )
    group: str | None = Field(default=None, description="The group it belongs to, as column=value, joined by ' & ' where columns cross.")
    value: float | None = Field(description="The number; null where nothing was measured.")
    kind: ClaimKind = Field(description="What it claims about the true value: at_most, at_least or estimate.")
    interval: tuple[float, float] | None = Field(description="Where the truth lies at `confidence`, sampling error only.")
    bracket: tuple[float, float] | None = Field(
        default=None,
        description="Where answers did not come: the number with all of them wrong and with all right, the smaller first. `value` is the "
        "end that the kind claims, for an estimate that with all of them wrong; `interval` covers both.",
    )
    confidence: float = Field(description="Confidence of the interval, in (0, 1).")
    n: int = Field(description="Number of examples.")
    forwards_per_example: float = Field(description="Mean forward passes asked of an example's budget, stored answers among them.")
    backwards_per_example: float = Field(description="Mean backward passes asked of an example's budget.")
    sent: int | None = Field(default=None, description=f"{SENT} Null in older records.")
    seconds: float = Field(description="Wall time of the cell.", repr=False)
    flags: list[str] = Field(default_factory=list, description="Names of the flags of the cell.")
    notes: list[str] = Field(default_factory=list, description="Notes for the reader.")


class CellRecord(Record):
    """One cell of the plan: what it was, what became of it, and the card behind its numbers."""

    key: str
    data: str
    shift: str = Field(description="Spec as people write it.")
    shift_full: str = Field(description="Spec with every option.")
    search: str
    search_full: str
    access: str = Field(description="What the search sees: labels, scores or gradients.")
    claim: str = Field(description="What accuracy in this cell claims, in a sentence.")
    kind: ClaimKind
    state: Literal["done", "incomplete", "failed", "missing"] = Field(
        description="incomplete: it has results, and no answer came to some of its examples."
    )
    error: str | None = Field(default=None, description="Traceback of a failed cell.")
    n: int
    outcomes: dict[str, int] = Field(
        default_factory=dict, description="Examples by outcome: skipped, broken, held, certified, abstained, no_answer."
    )
    unreadable: int = Field(default=0, description="Answers that are refusals or cannot be judged; they count as wrong.")
    forwards_per_example: float = 0.0
    backwards_per_example: float = 0.0
    sent: int | None = Field(default=None, description=SENT)
    seconds: float = 0.0
    seed: int
    batch_size: int
    flags: list[Flag] = Field(default_factory=list)
    stages: list[Stage] = Field(default_factory=list, description="The parts of a search that has several.")
    versions: list[dict[str, str]] = Field(
        default_factory=list,
        description="Versions of the libraries that its results were computed with; several where a run went on with others, none in older "
        "records.",
    )
    meaning: dict[str, int] = Field(
        default_factory=dict, description="Failures of texts by what the guard says of their meaning: kept, changed, person."
    )

    @property
    def measured(self) -> bool:
        """Whether it has its numbers, were it as brackets."""
        return self.state in ("done", "incomplete")

    @property
    def unanswered(self) -> int:
        """To how many of its examples no answer came."""
        return self.outcomes.get(NO_ANSWER, 0)

    @property
    def too_many_missing(self) -> bool:
        """Whether that are more than 5 % of them, so that it does not count as measured."""
        return self.unanswered > MOST_MISSING * self.n


class BudgetCurve(Record):
    """Accuracy against the size of the budget, from one run of a search for least moves.

    At eps[i] it is accuracy[i]. Between two sizes it is a step function that keeps the value of the one before; where the sample has more
    steps than the record, it was read at these sizes only, and the truth of the sample lies between two neighbours.
    """

    cell: str = Field(description="Key of its cell, and name of its file under cells/; the file's column radius holds every least move.")
    data: str
    family: str = Field(description="Name of the ball, such as linf.")
    search: str = Field(description="Spec of the search for least moves.")
    search_full: str = Field(description="Spec with every option.")
    kind: ClaimKind = Field(description="What the accuracies claim about the true value.")
    state: Literal["done", "failed", "missing"]
    error: str | None = Field(default=None, description="Traceback of a failed curve.")
    n: int = Field(default=0, description="Number of examples.")
    strength_name: str = Field(default="eps", description="What the size of the budget is called.")
    eps: list[float] = Field(default_factory=list, description="Sizes of the budget, from 0 on, in the units of the inputs.")
    accuracy: list[float] = Field(default_factory=list)
    low: list[float] = Field(default_factory=list, description="Band that holds the whole curve with `confidence`, sampling error only.")
    high: list[float] = Field(default_factory=list)
    confidence: float
    median: float | None = Field(default=None, description="The least eps found at which accuracy is at most one half.")
    unbroken: int = Field(default=0, description="Examples for which no move of any size was found.")
    forwards_per_example: float = 0.0
    backwards_per_example: float = 0.0
    sent: int | None = Field(default=None, description=SENT)
    seconds: float = 0.0
    flags: list[Flag] = Field(default_factory=list)


class ProvenCurve(Record):
    """Certified accuracy against the radius, from the radii that a certificate proved under one shift."""

    cell: str = Field(description="Key of its cell; the file's column radius holds every proven radius.")
    data: str
    family: str = Field(description="Name of the shift, such as l2.")
    strength_name: str = Field(description="What the radius is measured in, such as eps.")
    strength: float = Field(description="The shift's own strength.")
    certificate: str = Field(description="Spec of the certificate.")
    subject: str | None = Field(default=None, description="The model that is certified, where that is not the measured model.")
    n: int = Field(description="Number of examples.")
    radius: list[float] = Field(description="Radii, ascending: those proven of any example, or some 100 of them.")
    accuracy: list[float] = Field(description="The share right and proven up to at least that radius.")
    low: list[float] = Field(description="Where the truth lies at `confidence`, sampling error only, radius by radius.")
    high: list[float] = Field(default_factory=list)
    confidence: float
    average_radius: float = Field(description="Mean over all examples, 0 where nothing is proven or the decision is wrong.")
    abstained: int = Field(description="Uncertified examples (including those where it abstains).")
    wrong: int = Field(description="Examples whose decision is wrong.")
    forwards: dict[str, float] = Field(description="Forwards per example: mean, and the quantiles 0.5, 0.9 and 1.")
    chance: float = Field(description="Probability that the certificate of one example is false; 0 for a deterministic proof.")
    attack: SmoothedEnd | None = Field(
        default=None, description="Accuracy of the same smoothed model under an attack at the strength of the shift."
    )


class LeftOut(Record):
    """A combination that was not run, and why."""

    shift: str
    search: str
    reason: str


class NaturalShift(Record):
    """Accuracy on another sample beside that on the first."""

    source: str = Field(description="Its URI, or the short name that it was given.")
    uri: str | None = Field(default=None, description="Its URI, where it has a short name.")
    n: int
    accuracy: float | None
    interval: tuple[float, float] | None
    bracket: tuple[float, float] | None = Field(default=None, description="Of accuracy, as of a result.")
    difference: float | None = Field(description="Accuracy there minus accuracy on the audit's own data.")
    difference_interval: tuple[float, float] | None
    difference_bracket: tuple[float, float] | None = Field(default=None, description="As of a result.")
    paired: PairedComparison | None = Field(default=None, description="Where the ids pair.")
    notes: list[str] = Field(default_factory=list, description="Decisions made automatically about that sample.")


class JudgeCard(Record):
    """What is called right."""

    spec: str = "classify"
    measure: str = Field(default="accuracy", description="Name of the mean score in results.")
    word: str = Field(default="accuracy", description="The mean score in a sentence.")
    graded: bool = Field(default=False, description="Whether an answer can be right in part.")


class Clean(Record):
    """The judge's mean score on the sample as it is; accuracy, where classes are judged."""

    accuracy: float | None
    interval: tuple[float, float] | None
    bracket: tuple[float, float] | None = Field(default=None, description="As of a result.")
    n: int


class GalleryExample(Record):
    """One example of the gallery; `gallery/<file>` holds its arrays `clean` and `moved`."""

    cell: str
    shift: str
    search: str
    id: str
    file: str
    label: Shown = Field(description="The class, or the accepted answers.")
    clean_prediction: Shown
    clean_confidence: float | None
    prediction: Shown
    confidence: float | None


class ModelCard(Record):
    """The model that was measured."""

    name: str
    spec: str
    fingerprint: str
    access: str = Field(description="What it provides: labels, scores or gradients.")
    notes: list[str] = Field(default_factory=list, description="Decisions made automatically, shown in the report.")
    flags: list[Flag] = Field(default_factory=list)


class DataCard(Record):
    """The data it was measured on."""

    uri: str
    fingerprint: str
    n: int
    kind: str
    units: str
    low: float | None = Field(
        default=None, description="Least legal value of an input; null where columns have their own ranges or none is finite."
    )
    high: float | None = Field(default=None, description="Greatest legal value of an input; null likewise.")
    columns: list[str] = Field(default_factory=list, description="Names of a table's columns, or of fields, in the order of the inputs.")
    classes: int = Field(description="How many; 0 where the truth is no class.")
    class_names: list[str] = Field(default_factory=list)
    groups: dict[str, dict[str, int]] = Field(default_factory=dict, description="Per group column, examples by value.")
    notes: list[str] = Field(default_factory=list)


class Provenance(Record):
    """Where and how it was measured."""

    shiftproof: str
    python: str
    platform: str
    versions: dict[str, str]
    device: str
    commit: str | None = Field(default=None, description="Git commit of the working folder, if it is one.")
    started: str
    finished: str
    seed: int
    confidence: float
    suite: str | None
    command: list[str]


class GateRecord(Record):
    """One condition of --fail-on and what it came to."""

    condition: str
    failed: bool
    value: float | None
    detail: str


class Audit(Document):
    """The whole of one run."""

    schema_version: str = SCHEMA_VERSION
    complete: bool = Field(description="False where any cell is missing or failed: the results are then partial.")
    model: ModelCard
    data: DataCard
    clean: Clean
    asked: int | None = Field(default=None, description="Forwards asked of all budgets, in finished work. Null in older records.")
    sent: int | None = Field(
        default=None,
        description="Rows that reached the model in all processes and calls of this run, killed ones among them. Null in older records.",
    )
    tokens: int | None = Field(
        default=None, description="Tokens of questions and answers, as the endpoint counts them, in all processes and calls; null for none."
    )
    tokens_left: int | None = Field(default=None, description="Of --max-tokens of the last call, in its own process; null without it.")
    results: list[Result]
    natural: list[NaturalShift] = Field(default_factory=list)
    measures: list[SetMeasure] = Field(default_factory=list, description="Measures made of stored answers, asked for or in conditions.")
    confusions: list[Confusion] = Field(
        default_factory=list, description="Which classes were taken for which, one a shift and search; absent in older records."
    )
    trust: TrustSection | None = Field(default=None, description="Whether its confidence can be trusted; null without --calibrate.")
    diagnoses: list[Diagnosis] = Field(default_factory=list, description="Whether verdicts can be trusted, one a family of shifts.")
    curves: list[BudgetCurve] = Field(default_factory=list, description="Accuracy against every size of the budget.")
    proven: list[ProvenCurve] = Field(
        default_factory=list, description="Certified accuracy against the radius, one a certificate and shift."
    )
    cells: list[CellRecord]
    left_out: list[LeftOut] = Field(default_factory=list)
    gallery: list[GalleryExample] = Field(default_factory=list)
    gates: list[GateRecord] = Field(default_factory=list)
    provenance: Provenance
    judge: JudgeCard = Field(default_factory=JudgeCard, description="What is called right; absent in older records: classify.")

    @property
    def too_many_missing(self) -> bool:
        """Whether in some cell no answer came to more than 5 % of the examples."""
        return any(cell.too_many_missing for cell in self.cells)


def read_audit(folder: Path) -> Audit:
    """The records of a run folder; raises `UsageError` where there are none or they cannot be read."""
    source = folder / "audit.json"
    if not source.is_file():
        raise UsageError(
            f"The folder '{folder}' has no audit.json, so there is no run to read. Give the folder that an audit wrote to (--out)."
        )
    try:
        return Audit.model_validate_json(read_document(source, "audit"))
    except ValidationError as error:
        raise UsageError(f"'{source}' is not an audit that this version of shiftproof can read: {error}") from error
