"""Which measures of stored answers a run will have: those asked for, and those that conditions are about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shiftproof._errors import UsageError
from shiftproof.data.source import Source
from shiftproof.evaluation.config import AuditConfig
from shiftproof.gate import parse
from shiftproof.gate.measured import is_part, part_of
from shiftproof.judges.abstract import Judge
from shiftproof.measures import Measure, measures
from shiftproof.measures.abstract import ClassMeasure, SampleFacts

EACH = "each"
"""In place of a class: one measure for every class."""


def planned_measures(config: AuditConfig, judge: Judge, facts: SampleFacts) -> tuple[Measure, ...]:
    """The measures of a run, each once.

    Raises:
        UsageError: one cannot be measured on this sample, or the judge knows no classes.
    """
    asked: list[Measure] = [spec if isinstance(spec, Measure) else measures.build(spec) for spec in config.measures]
    in_gate = [word for condition in config.fail_on if is_part(word := parse(condition).measure)]
    wanted = [*asked, *(part_of(word) for word in in_gate if word != judge.measure or judge.said == "classes")]
    if wanted and judge.said != "classes":
        raise UsageError(f"The measure {wanted[0].spec()} is about classes, and the judge {judge.name} knows none. Leave it out.")
    found = dict.fromkeys(each for measure in wanted for each in _each(measure, facts.class_names))
    for measure in found:
        measure.check_sample(facts)
    return tuple(found)


def _each(measure: Measure, class_names: Sequence[str]) -> Iterator[Measure]:
    if isinstance(measure, ClassMeasure) and measure.class_ == EACH and EACH not in class_names:
        yield from (replace(measure, class_=name) for name in class_names)
    else:
        yield measure


def facts_of(data: Source, natural: Sequence[Source], *, scores: bool, calibrated: bool) -> SampleFacts:
    """What is known of the samples before any work."""
    groups = {column: frozenset(values.tolist()) for column, values in data.groups.items()}
    return SampleFacts(known_classes((data, *natural)), groups, scores, calibrated)


def known_classes(sources: Sequence[Source]) -> tuple[str, ...]:
    """The classes in label order, by number where they have no name."""
    names = sources[0].class_names
    most = max((int(source.y.max()) + 1 for source in sources if source.labelled and len(source)), default=0)
    return (*names, *(str(label) for label in range(len(names), most)))
