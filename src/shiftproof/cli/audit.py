"""`shiftproof audit`."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from shiftproof._errors import UsageError
from shiftproof.cli._notes import echo_notes
from shiftproof.cli._say import say

_REPEATABLE = ("shift_from", "shifts", "searches", "certify", "curves", "measures", "fail_on", "headers")
_UNJUDGED = 2


@click.command("audit")
@click.option("--model", metavar="SPEC", help="FILE.py:NAME, package.module:NAME, FILE.onnx, a TorchScript file or an http(s) URL.")
@click.option("--gradients", is_flag=True, default=None, help="Read the gradients of an ONNX file from its graph.")
@click.option("--request", metavar="JSON", help="What a URL is sent, $batch where the inputs go: '{\"instances\": $batch}'.")
@click.option("--answer", metavar="PATH", help="Where the rows of a URL's answer are: predictions, outputs.0.data.")
@click.option(
    "--header", "headers", multiple=True, metavar="NAME=VARIABLE", help="A header for a URL, its value in an environment variable."
)
@click.option("--weights", metavar="FILE", help="Weights for a torch module: safetensors or a state dict.")
@click.option(
    "--model-version", metavar="TEXT", help="A label for the model's state, if its code and weights do not determine its answers."
)
@click.option("--defence", metavar="SPEC", help="A defence to put before the model, such as 'jpeg(quality=75)'. Both are audited together.")
@click.option(
    "--data", metavar="URI", help="Data: adult.csv?label=y, photos/, digits:, npz:FILE, idx:DIR, ... See 'shiftproof list sources'."
)
@click.option("--box", metavar="LOW,HIGH", help="Smallest and largest legal input value, such as 0,1.")
@click.option("--limit", type=int, help="Use only the first N examples.")
@click.option("--shift-from", multiple=True, metavar="[NAME=]URI", help="Another sample to measure, such as later data. May be repeated.")
@click.option(
    "--suite", metavar="NAME", help="A set of shifts and searches: quick, standard, thorough, or a corruption benchmark such as cifar_10_c."
)
@click.option("--shift", "shifts", multiple=True, metavar="SPEC", help="A shift, such as 'linf(eps=8/255)'. May be repeated.")
@click.option("--search", "searches", multiple=True, metavar="SPEC", help="A search, such as 'best_of_n(n=20)'. May be repeated.")
@click.option("--judge", metavar="SPEC", help="What counts as correct, such as 'within(relative=0.1)' or exact_match. [classify]")
@click.option("--certify", multiple=True, metavar="SPEC", help="A certificate, such as auto or crown. May be repeated.")
@click.option(
    "--curve", "curves", multiple=True, metavar="BALL", help="Draw accuracy against eps for a ball: linf, l2, l1 or l0. May be repeated."
)
@click.option(
    "--measure",
    "measures",
    multiple=True,
    metavar="SPEC",
    help="A measure of the stored answers, such as 'recall(class=fraud)', f1 or auroc. See 'shiftproof list measures'. May be repeated.",
)
@click.option("--calibrate", type=float, metavar="SHARE", help="Calibrate on this share of the data, chosen by id, and test on the rest.")
@click.option("--calibrate-on", metavar="URI", help="Calibrate on another sample, which the model was not trained on.")
@click.option("--diagnose/--no-diagnose", default=None, help="Check for masked gradients. [on in the suites standard and thorough]")
@click.option("--config", metavar="FILE", help="A TOML file with these options; the command line takes precedence.")
@click.option("--out", metavar="DIR", help="Folder of the run. Run again with the same folder to continue.")
@click.option(
    "--fail-on",
    multiple=True,
    metavar="CONDITION",
    help="Exit with code 1 if this is true: 'linf(eps=0.1).robust_accuracy < 0.6'. May be repeated.",
)
@click.option("--junit", metavar="FILE", help="Write the results of --fail-on as JUnit XML.")
@click.option("--seed", type=int, help="Seed of the run. [0]")
@click.option("--confidence", type=float, help="Confidence of the intervals. [0.95]")
@click.option("--batch-size", type=int, help="Inputs per forward pass. [256]")
@click.option("--device", help="Torch device. [cpu]")
@click.option("--backend", metavar="NAME", help="How cells are run: serial or processes. [serial]")
@click.option("--workers", type=int, help="Number of processes, with --backend processes. [2]")
@click.option("--pictures", type=int, help="Failures shown per shift and search. [8]")
@click.option("--quiet", is_flag=True, help="No progress bar and no summary.")
def command(config: str | None, junit: str | None, quiet: bool, **options: Any) -> int:
    """Measure a model's accuracy under shifts: attacks, corruptions, groups, other samples.

    \b
    shiftproof audit --model nets.py:small --weights small.safetensors --data digits: --suite standard --out runs/x
    shiftproof audit --model net.onnx --data npz:FILE.npz --shift "linf(eps=0.1)" --search "best_of_n(n=20)" --out runs/y
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof._memory import keep_freed_memory
    from shiftproof.evaluation.audit.audit import run_audit
    from shiftproof.evaluation.config import make_config, read_config
    from shiftproof.gate import exit_code
    from shiftproof.reports.notes import unjudged
    from shiftproof.reports.number_format import cost

    keep_freed_memory()
    given = _given(options)
    if "out" not in given and config is None:
        raise UsageError("No output folder was given. Name it with --out runs/NAME.")
    merged = {**(read_config(Path(config)) if config else {}), **given}
    if "out" not in merged:
        raise UsageError(f"Neither the command line nor '{config}' names an output folder. Add --out runs/NAME.")
    verdicts = Path(junit).absolute() if junit else None
    if verdicts:
        with suppress(OSError):  # where it cannot be removed, it cannot be written either, and that is said
            verdicts.unlink()  # those of an earlier run are none of this one, however it ends
    report = run_audit(make_config(merged), progress=not quiet and sys.stderr.isatty())
    record = report.record
    if verdicts:
        _write_junit(verdicts, record)
    if not quiet:
        say(str(report))
        echo_notes([*record.model.notes, *record.data.notes, *(note for other in record.natural for note in other.notes)])
        say(f"\nCost:   {cost(record.asked, record.sent)}")
        say(f"Page:   {report.page}\nRecord: {report.folder / 'audit.json'}")
    code = exit_code(record.gates, record.complete)
    if code == _UNJUDGED:
        say(f"shiftproof: {unjudged(record, record.gates)}", err=True)
    return code


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """What was given on the command line, as the config takes it."""
    given: dict[str, Any] = {key: list(value) if key in _REPEATABLE else value for key, value in options.items() if value not in (None, ())}
    if "box" in given:
        given["box"] = box_of(str(given["box"]))
    return given


def box_of(text: str) -> tuple[float, float]:
    """The box in --box."""
    try:
        low, high = (float(end) for end in text.split(","))
    except ValueError as error:
        raise UsageError(f"The '--box' must be two numbers such as 0,1, got {text!r}.") from error
    return low, high


def _write_junit(path: Path, record: Any) -> None:
    from shiftproof._writing import disk_error, write_atomic
    from shiftproof.gate import junit

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, junit(record, record.gates).encode())
    except OSError as error:
        raise disk_error(path.parent, error) from error
