"""What a run comes to, in one line: what its conditions say, else its weakest point."""

from __future__ import annotations

from shiftproof.records.audit import Audit, JudgeCard
from shiftproof.reports.audit import digest
from shiftproof.reports.number_format import known, percent, plural, span
from shiftproof.reports.shift_words import in_shift_words


def verdict_line(audit: Audit) -> str:
    """The line; empty where nothing was measured.

    With conditions it says how many hold and which fail. Without, and where all hold, it names the shift or group at which accuracy is
    surely lowest, by chance before under attack, as chance is what a deployment meets anyway.
    """
    weakest = _weakest(audit)
    if not audit.gates:
        return weakest
    decided = gate_line(audit)
    return f"{decided} {weakest}".strip() if all(not gate.failed and gate.value is not None for gate in audit.gates) else decided


def _weakest(audit: Audit) -> str:
    """Where the model does worst."""
    chance, attacked = digest.worst_by_chance(audit), digest.worst_attacked(audit)
    weakest = chance if chance and digest.lowered(audit, chance) == "beyond chance" else attacked or chance
    if weakest is None or known(audit.clean.accuracy) is None:
        return ""
    if digest.lowered(audit, weakest) == "no":
        return f"No weak point was found: {audit.judge.word} is nowhere measurably below the {percent(audit.clean.accuracy)} as collected."
    if weakest is attacked or attacked is None or attacked.value >= weakest.value:
        return f"Weakest point: {_said(weakest, attacked, audit.judge)}."
    return (
        f"Weakest point without an attack: {_said(weakest, attacked, audit.judge)}; under attack: {_said(attacked, attacked, audit.judge)}."
    )


def _said(number: digest.NamedNumber, attacked: digest.NamedNumber | None, judge: JudgeCard) -> str:
    most = "at most " if number is attacked else ""
    share = f"{most}{percent(number.value)}"
    return f"{named(number)}, {f'{judge.word} {share}' if judge.graded else f'{share} right'} ({span(number.interval)})"


def named(number: digest.NamedNumber) -> str:
    """What a number is of, in words."""
    return in_shift_words(number.name) if number.result and number.result.group is None else number.name


def conditions_held(audit: Audit) -> str:
    """How many conditions of --fail-on hold."""
    held = sum(not gate.failed and gate.value is not None for gate in audit.gates)
    return f"Holds {held} of {plural(len(audit.gates), 'condition')}"


def gate_line(audit: Audit) -> str:
    """How many conditions hold, which fail and which are not judged."""
    failed = [gate.condition for gate in audit.gates if gate.failed and gate.value is not None]
    unjudged = [gate.condition for gate in audit.gates if gate.value is None]
    said = conditions_held(audit)
    if failed:
        said += f"; fails: {', '.join(failed)}"
    if unjudged:
        said += f"; not judged: {', '.join(unjudged)}"
    return f"{said}."
