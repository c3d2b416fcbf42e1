"""All rules, and which finding explains which: causes come before their symptoms."""

from __future__ import annotations

from dataclasses import replace

from kohort.studies.diagnosis.findings import (
    clipping,
    data,
    fitting,
    initialisation,
    normalisation,
    output,
    rate,
    relation,
    units,
)
from kohort.studies.diagnosis.findings.evidence import Rule, whole_numbers
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Measurements

RULES: tuple[Rule, ...] = tuple(
    rule
    for family in (
        output,
        data,
        initialisation,
        normalisation,
        units,
        rate,
        clipping,
        fitting,
        relation,
    )
    for rule in family.RULES
)

_TROUBLE = (
    "vanishing_gradients exploding_gradients dying_units saturated_units rate_too_high "
    "rate_too_low warmup_missing plateau underfitting clipping_always unrelated_targets"
).split()
EXPLAINS: dict[str, frozenset[str]] = {
    "constant_output": frozenset(
        (*_TROUBLE, "unscaled_inputs", "unscaled_target", "label_imbalance", "overfitting")
    ),
    "unscaled_inputs": frozenset((*_TROUBLE, "unscaled_target", "overfitting")),
    "unscaled_target": frozenset(_TROUBLE),
    "wrong_initialisation": frozenset(_TROUBLE),
    "small_batch_norm_batches": frozenset(
        ("rate_too_high", "warmup_missing", "plateau", "underfitting", "exploding_gradients")
    ),
    "clipping_always": frozenset(("rate_too_low", "underfitting")),
    "exploding_gradients": frozenset(("rate_too_high", "warmup_missing", "dying_units", "plateau")),
    "rate_too_high": frozenset(
        ("dying_units", "saturated_units", "warmup_missing", "plateau", "underfitting")
    ),
    "warmup_missing": frozenset(("dying_units", "saturated_units", "plateau", "underfitting")),
    "dying_units": frozenset(("vanishing_gradients", "rate_too_low", "plateau", "underfitting")),
    "saturated_units": frozenset(
        ("vanishing_gradients", "rate_too_low", "plateau", "underfitting")
    ),
    "vanishing_gradients": frozenset(("rate_too_low", "underfitting", "plateau")),
    "rate_too_low": frozenset(("underfitting",)),
    "unrelated_targets": frozenset(("overfitting", "plateau", "label_imbalance")),
}
"""Finding -> those that it is a cause of."""

_BEHIND = 0.95


def found(measurements: Measurements) -> tuple[Finding, ...]:
    """Every finding of a training, the most severe first.

    A symptom is never more severe than its cause.
    """
    if not len(measurements.steps):
        return ()
    known = whole_numbers(measurements)
    findings = [finding for rule in RULES if (finding := rule(known)) is not None]
    for cause in sorted(findings, key=lambda f: _order(f.code)):
        now = next(f for f in findings if f.code == cause.code)
        most = _BEHIND * now.severity
        findings = [
            replace(f, severity=min(f.severity, most)) if f.code in _effects(cause.code) else f
            for f in findings
        ]
    return tuple(sorted(findings, key=lambda finding: (-finding.severity, _order(finding.code))))


def _effects(code: str) -> frozenset[str]:
    return EXPLAINS.get(code, frozenset())


def _order(code: str) -> int:
    return list(EXPLAINS).index(code) if code in EXPLAINS else len(EXPLAINS)
