"""What every certificate keeps."""

from __future__ import annotations

from typing import cast

import pytest

from shiftproof.certificates import AlphaCrown, Auto, Certificate, Cohen, Crown, IntervalBounds, Linear, Lipschitz, Smoothing, certificates
from shiftproof.conformance import check_part
from shiftproof.conformance.instances import instances

EVERY: list[Certificate] = [
    *(Auto(), Linear(), Lipschitz(), IntervalBounds(), Crown(), AlphaCrown(steps=5)),
    *(Smoothing(sigma=0.25, draws=400), Cohen(sigma=0.25, draws=300)),
    *(
        cast("Certificate", instances(certificates.get(name))[0])
        for name in ("word_changes", "hamming", "any_words", "word_deletion", "word_substitution")
    ),
]
every_certificate = pytest.mark.parametrize("certificate", EVERY, ids=lambda c: c.name)


@every_certificate
def test_it_is_registered_and_its_spec_builds_it(certificate: Certificate) -> None:
    assert certificates.build(certificate.spec()) == certificate
    assert certificate.references
    assert 0 < certificate.confidence <= 1


def test_all_of_ours_are_here() -> None:
    assert [certificate.name for certificate in EVERY] == certificates.names()


@pytest.mark.parametrize("certificate", [each for each in EVERY if each not in instances(type(each))], ids=lambda c: c.name)
def test_it_passes_the_contract_suite(certificate: Certificate) -> None:
    """Under other options than every registered part is checked with in `test_conformance_registered`."""
    report = check_part(certificate)
    assert report.passed, report
