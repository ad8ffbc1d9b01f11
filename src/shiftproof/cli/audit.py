"""`shiftproof audit`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from shiftproof._errors import UsageError, must
from shiftproof._secrets import without_secrets
from shiftproof._urls import check_file, is_url
from shiftproof.cli._gate import cleared, ended, write_junit
from shiftproof.cli._notes import echo_notes
from shiftproof.cli._options import DATA, OUT, SEARCH, SHIFT, FileOr, PartSpec, box_of, data_option, model_options, suite_names
from shiftproof.cli._say import say, say_lines
from shiftproof.models.copy_precisions import PRECISIONS

_REPEATABLE = ("shift_from", "shifts", "searches", "certify", "curves", "measures", "fail_on", "headers")
_SHOW = "show"
"""What --plan says where no file follows it."""


@click.command("audit")
@model_options()
@click.option("--gradients", is_flag=True, default=None, help="Read the gradients of an ONNX file from its graph.")
@click.option("--request", metavar="JSON", help="What a URL is sent, $batch where the inputs go: '{\"instances\": $batch}'.")
@click.option("--answer", metavar="PATH", help="Where the rows of a URL's answer are: predictions, outputs.0.data.")
@click.option(
    "--header", "headers", multiple=True, metavar="NAME=VARIABLE", help="A header for a URL, its value in an environment variable."
)
@click.option(
    "--model-version", metavar="TEXT", help="A label for the model's state, if its code and weights do not determine its answers."
)
@click.option(
    "--defence",
    metavar="SPEC",
    type=PartSpec("defences"),
    help="A defence to put before the model, such as 'jpeg(quality=75)'. Both are audited together.",
)
@data_option()
@click.option("--limit", type=int, help="Use only the first N examples.")
@click.option(
    "--shift-from", multiple=True, metavar="[NAME=]URI", type=DATA, help="Another sample to measure, such as later data. May be repeated."
)
@click.option(
    "--suite",
    metavar="NAME",
    type=FileOr(source=suite_names),
    help="A set of shifts and searches: quick, standard, thorough, or a corruption benchmark such as cifar_10_c.",
)
@click.option(
    "--shift",
    "shifts",
    multiple=True,
    metavar="SPEC",
    type=SHIFT,
    help="A shift, such as 'linf(eps=8/255)', or FILE.py:CLASS of your own. May be repeated.",
)
@click.option(
    "--search", "searches", multiple=True, metavar="SPEC", type=SEARCH, help="A search, such as 'best_of_n(n=20)'. May be repeated."
)
@click.option(
    "--fast-copy",
    type=click.Choice(PRECISIONS),
    help="Let the cascade search on a faster copy of a torch module; the model itself judges what it finds.",
)
@click.option(
    "--judge",
    metavar="SPEC",
    type=PartSpec("judges"),
    help="What counts as correct, such as 'within(relative=0.1)', exact_match or \"graded_by(model='chat:URL#M', pairs=FILE)\". [classify]",
)
@click.option(
    "--certify",
    multiple=True,
    metavar="SPEC",
    type=PartSpec("certificates"),
    help="A certificate: auto proves what can be proven. May be repeated.",
)
@click.option("--prompt", metavar="FILE", type=FileOr(), help="A TOML file: the prompt into which the texts of the data are written.")
@click.option(
    "--curve", "curves", multiple=True, metavar="BALL", help="Draw accuracy against eps for a ball: linf, l2, l1 or l0. May be repeated."
)
@click.option(
    "--measure",
    "measures",
    multiple=True,
    metavar="SPEC",
    type=PartSpec("measures"),
    help="A measure of the stored answers, such as 'recall(class=fraud)', f1 or auroc. See 'shiftproof list measures'. May be repeated.",
)
@click.option("--calibrate", type=float, metavar="SHARE", help="Calibrate on this share of the data, chosen by id, and test on the rest.")
@click.option("--calibrate-on", metavar="URI", type=DATA, help="Calibrate on another sample, which the model was not trained on.")
@click.option("--diagnose/--no-diagnose", default=None, help="Check for masked gradients. [on in the suites standard and thorough]")
@click.option(
    "--plan",
    is_flag=False,
    flag_value=_SHOW,
    metavar="[FILE]",
    type=FileOr(),
    help="Without FILE: show what would be run and what it costs, and run nothing. With the plan.json of a run: run the same parts.",
)
@click.option("--budget", metavar="AMOUNT", help="Run what fits into 10m, '20000 rows' or '200000 tokens', and store that choice.")
@click.option("--price", metavar="IN/OUT", help="With --plan: the price of a million tokens sent and answered, such as 0.5/1.5.")
@click.option("--config", metavar="FILE", type=FileOr(), help="A TOML file with these options; the command line takes precedence.")
@click.option(
    "--out", metavar="DIR", type=OUT, help="Folder of the run, or a URL (s3://BUCKET/RUN). Run again with the same one to continue."
)
@click.option(
    "--fail-on",
    multiple=True,
    metavar="CONDITION",
    help="Exit with code 1 if this is true: 'linf(eps=0.1).robust_accuracy < 0.6'. May be repeated.",
)
@click.option("--junit", metavar="FILE", help="Write the results of --fail-on as JUnit XML.")
@click.option("--max-requests", type=int, help="Requests to a language model at most; what is left is missing, and asked by the next call.")
@click.option("--max-tokens", type=int, help="Tokens of a language model at most, as it counts them.")
@click.option("--seed", type=int, help="Seed of the run. [0]")
@click.option("--confidence", type=float, help="Confidence of the intervals. [0.95]")
@click.option("--batch-size", type=int, help="Inputs per forward pass. [256]")
@click.option(
    "--backend", metavar="NAME", help="How cells are run: serial, processes, ray, ray:ADDRESS or dask:ADDRESS (clusters). [serial]"
)
@click.option("--workers", type=int, help="Number of workers, with another backend than serial. [2]")
@click.option("--shard-size", type=int, help="Examples of a cell at most: what workers share a run by. [2500]")
@click.option("--pictures", type=int, help="Failures shown per shift and search. [8]")
def command(config: str | None, junit: str | None, quiet: bool, plan: str | None, price: str | None, **options: Any) -> int:
    """Measure a model's accuracy under shifts: attacks, corruptions, groups, other samples.

    \b
    shiftproof audit --model nets.py:small --weights small.safetensors --data digits: --suite standard --out runs/x
    shiftproof audit --model net.onnx --data npz:FILE.npz --shift "linf(eps=0.1)" --search "best_of_n(n=20)" --out runs/y
    shiftproof audit --model nets.py:small --data digits: --suite standard --budget 10m --plan
    """  # noqa: D301  # \b is click's mark for lines to keep
    from shiftproof._memory import keep_freed_memory
    from shiftproof.evaluation.audit.audit import run_audit
    from shiftproof.evaluation.audit.chosen import read_budget
    from shiftproof.evaluation.config import make_config
    from shiftproof.reports.audit.group_gaps import gap_lines
    from shiftproof.reports.number_format import cost

    keep_freed_memory()
    merged = _merged(config, plan, options)
    if plan == _SHOW:
        return _show_plan(merged, price)
    if price is not None:
        raise UsageError("A --price is for showing a plan: add --plan.")
    if merged.get("budget") is not None:
        read_budget(str(merged["budget"]))
    if "out" not in merged:
        where = (
            f"Neither the command line nor '{config}' names an output folder. Add" if config else "No output folder was given. Name it with"
        )
        raise UsageError(f"{where} --out runs/NAME.")
    verdicts = cleared(junit)
    report = run_audit(make_config(merged), progress=not quiet and sys.stderr.isatty())
    record = report.record
    if verdicts:
        write_junit(verdicts, record)
    if not quiet:
        say_lines([*str(report).splitlines(), *gap_lines(record)])
        echo_notes([*record.model.notes, *record.data.notes, *(note for other in record.natural for note in other.notes)])
        say(f"\nCost:   {cost(record.asked, record.sent, record.tokens, record.tokens_left)}")
        place = without_secrets(str(merged["out"])) if is_url(merged["out"]) else str(report.folder)
        say(f"Page:   {os.path.join(place, 'index.html')}\nRecord: {os.path.join(place, 'audit.json')}")
    return ended(record)


def _merged(config: str | None, plan: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """The options of the command line, then those of the config file, then those that a stored plan brings along."""
    from shiftproof.evaluation.audit.chosen import options_of_plan
    from shiftproof.evaluation.config import read_config

    given: dict[str, Any] = {key: list(value) if key in _REPEATABLE else value for key, value in options.items() if value not in (None, ())}
    if "box" in given:
        given["box"] = box_of(str(given["box"]))
    written = read_config(Path(config)) if config else {}
    stored = plan if plan not in (None, _SHOW) else written.get("plan")
    check_file(stored or "", "--plan")
    brought = options_of_plan(str(stored)) if stored else {}
    return {**brought, **written, **given, **({"plan": stored} if stored else {})}


def _show_plan(options: dict[str, Any], price: str | None) -> int:
    """Prints the plan and what it costs; stores it where an output folder was named and a budget chose it."""
    from shiftproof.evaluation.audit.estimate import estimate

    prices = None if price is None else _prices(price)
    found = estimate(options)
    if prices and found.cost.tokens is None:
        raise UsageError("A --price is for endpoints and models of texts, whose tokens are counted. Leave it out.")
    say(found.text(prices))
    return 0


def _prices(text: str) -> tuple[float, float]:
    try:
        sent, answered = (float(part) for part in text.split("/"))
    except ValueError as error:
        raise must("--price", "the plan", "be two numbers, for a million tokens sent and answered, such as 0.5/1.5", text) from error
    return sent, answered
