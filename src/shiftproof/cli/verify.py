"""`shiftproof verify`."""

from __future__ import annotations

import gc
import json
import time
from typing import TYPE_CHECKING, Any

import click

from shiftproof._errors import must
from shiftproof.cli._say import say

if TYPE_CHECKING:
    from shiftproof.certificates.bounds.verify import VerificationResult

EXIT_CODES = {"holds": 0, "violated": 1, "unknown": 3}
_SHOWN = 8


@click.command("verify")
@click.argument("network")
@click.argument("property_", metavar="PROPERTY")
@click.option(
    "--timeout",
    type=float,
    default=60.0,
    show_default=True,
    help="Seconds of wall time since the command began, until it answers 'unknown'.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the search for counterexamples.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON, with the full counterexample.")
@click.pass_obj
def command(began: float | None, network: str, property_: str, timeout: float, seed: int, as_json: bool) -> int:
    """Prove that NETWORK (an ONNX file) has the property in PROPERTY (a VNN-LIB file), or find a counterexample.

    The VNN-LIB file describes what must not happen. Exit codes: 0 the property holds, 1 it is violated (the counterexample is printed,
    checked in float64 and in ONNX Runtime), 2 could not run, 3 unknown when the time ended.

    The time is that of a clock on the wall, so a busy machine decides less in it. Loading libraries counts, one to two seconds on an idle
    core; starting Python itself, some hundredths of a second, does not. The step under way is finished.

    The two files are given as the solvers of VNN-COMP take them. There is no --model, --weights, --box or --device: weights and shapes
    are in the ONNX file, the box of the inputs is in the VNN-LIB file, and proofs run on the CPU.

    \b
    shiftproof verify net.onnx prop.vnnlib --timeout 120
    """  # noqa: D301  # \b is click's mark for lines to keep
    if not timeout > 0:
        raise must("--timeout", "verify", "be in (0, inf)", timeout, "It is in seconds.")
    own = began is not None
    began = time.monotonic() if began is None else began
    from shiftproof.certificates.bounds.verify import VerificationResult, verify

    if own:
        gc.freeze()  # or the end of this process would search the libraries for garbage, which takes as long as a third of their loading
    started = time.monotonic() - began
    if started < timeout:
        verdict = verify(network, property_, timeout=timeout - started, seed=seed)
    else:
        verdict = VerificationResult("unknown", "the time ended while libraries were loaded", None, None, None, None, 0, 0.0)
    say(json.dumps(_record(verdict, started), indent=2) if as_json else _text(verdict, started))
    return EXIT_CODES[verdict.answer]


def _record(verdict: VerificationResult, started: float) -> dict[str, Any]:
    found = verdict.counterexample
    excess = verdict.excess or (None, None)
    return {
        "answer": verdict.answer,
        "reason": verdict.reason,
        "counterexample": None if found is None else found.flatten().tolist(),
        "scores": None if verdict.scores is None else verdict.scores.tolist(),
        "runtime_scores": None if verdict.runtime_scores is None else verdict.runtime_scores.tolist(),
        "excess": excess[0],
        "runtime_excess": excess[1],
        "explored": verdict.explored,
        "seconds": verdict.seconds,
        "start_seconds": started,
    }


def _text(verdict: VerificationResult, started: float) -> str:
    lines = [f"{verdict.answer}: {verdict.reason} ({verdict.seconds:.1f} s, after {started:.1f} s of loading libraries)"]
    if verdict.counterexample is not None and verdict.scores is not None and verdict.excess is not None:
        values = verdict.counterexample.flatten().tolist()
        more = f", ... ({len(values)} in all; --json prints them)" if len(values) > _SHOWN else ""
        lines.append(f"Input:   {', '.join(f'{v:.9g}' for v in values[:_SHOWN])}{more}")
        lines.append(
            f"Scores:  {', '.join(f'{v:.7g}' for v in verdict.scores.tolist())} in float64 (past the limit by {-verdict.excess[0]:.3g})"
        )
        if verdict.runtime_scores is not None and verdict.excess[1] is not None:
            theirs = ", ".join(f"{v:.7g}" for v in verdict.runtime_scores.tolist())
            lines.append(f"         {theirs} in ONNX Runtime (past the limit by {-verdict.excess[1]:.3g})")
        else:
            lines.append("         not checked in ONNX Runtime, which is not installed")
    return "\n".join(lines)
