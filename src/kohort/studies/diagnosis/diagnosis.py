"""A diagnosis: measurements of a training, findings, and whether a remedy helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from kohort.deferred import pd
from kohort.errors import ParameterError, explain
from kohort.studies.comparison.comparison import Comparison
from kohort.studies.diagnosis.diagnosis_picture import drawn
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.findings.rules import found
from kohort.studies.diagnosis.measurements import Measurements
from kohort.studies.shown import ShownMixin

Verifier = Callable[[Finding, int], Comparison]

_MOST_TOLD = 3


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(ShownMixin):
    """The causes that keep a network from learning, as `kohort.diagnose` finds them.

    `str(diagnosis)` names them in one to three sentences.

    Parameters
    ----------
    findings : tuple of Finding
        The findings, the most severe first; a cause comes before its symptoms. Empty if the
        network learns as it should.
    measurements : Measurements
        Signals, gradients and losses of the training, in which the findings were found.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = kohort.DenseRegressor(width=8, epochs=10, learning_rate=1e-6, random_state=0)
    >>> diagnosis = kohort.diagnose(model, X, y)
    >>> [finding.code for finding in diagnosis.findings]
    ['rate_too_low']
    >>> diagnosis.table.columns[:3].tolist()
    ['step', 'epoch', 'layer']
    """

    findings: tuple[Finding, ...]
    measurements: Measurements
    _verifier: Verifier | None = field(default=None, repr=False)

    @property
    def table(self) -> pd.DataFrame:
        """A row per probe and layer.

        Columns: `step`, `epoch`, `layer`; `mean` and `deviation` of the activations, `signal`,
        their mean square, and `backward`, that of the gradients of a row's loss in what the
        activation is given (in an untrained network the variances of signals forwards and back);
        `saturated`, the share of activations with less than 5 % of the steepest slope, and `dead`,
        the share of units where that holds for every row of the batch; `mean_drift` and
        `variance_drift`, how far the moving averages of batch normalisation are from the batch's
        statistics, in deviations and as a distance of logarithms; norms of the kernel (`weight`)
        and of its `gradient`; `update_ratio`, the norm of the kernel's change in the step over
        its norm. NaN where a layer has no such number.
        """
        return self.measurements.table()

    @property
    def training(self) -> pd.DataFrame:
        """A table of the measured steps, a row for each.

        Columns are `step`, the batch's `loss`, the norm of the whole `gradient`, and `kept`, the
        share of that norm that clipping leaves (NaN without clipping).
        """
        return self.measurements.training()

    def __str__(self) -> str:
        probes, steps = len(self.measurements.steps), len(self.measurements.losses)
        if not self.findings:
            return f"No finding: {probes} probes in {steps} steps saw nothing that is wrong."
        first, *others = self.findings
        text = f"{first.code.replace('_', ' ').capitalize()}: {first.explanation} {first.remedy}"
        if others:
            codes = ", ".join(finding.code for finding in others[:_MOST_TOLD])
            more = len(others) - _MOST_TOLD
            text += f" Also found: {codes}{f' and {more} more' if more > 0 else ''}."
        return text

    def plot(self) -> Any:
        """Draw signals and gradients layer by layer, update ratios and losses over the training.

        Returns
        -------
        matplotlib.figure.Figure
            A panel for each kind of measurement.

        Raises
        ------
        KohortError
            If matplotlib is not installed.
        """
        return drawn(self.measurements, self.findings)

    def verify(self, k: int = 10, finding: Finding | None = None) -> Comparison:
        """Train the estimator and its changed copy side by side, in one cohort over `k` seeds.

        Further arguments of the diagnosed `fit`, such as sample weights, are left out.

        Parameters
        ----------
        k : int, default=10
            Number of splits and seeds, >= 2.
        finding : Finding or None, default=None
            The finding whose remedy is tried; None for the first.

        Returns
        -------
        Comparison
            Its `helped` is True if the remedy made the score better. The score is R² in
            regression and the negative log loss in classification, unless the finding names
            another.

        Raises
        ------
        ParameterError
            If there is no finding, or `finding` is none, or its remedy is no change of parameters,
            or the diagnosis is not one of `kohort.diagnose`, which knows the data.

        Examples
        --------
        >>> import kohort
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = kohort.DenseRegressor(width=16, epochs=30, learning_rate=1e-6, random_state=0)
        >>> kohort.diagnose(model, X, y).verify(k=4).helped
        True
        """
        chosen = self.findings[0] if finding is None and self.findings else finding
        if not isinstance(chosen, Finding):
            has = f"has {len(self.findings)} of them" if self.findings else "has none to verify"
            raise ParameterError(explain("finding", f"a finding; this diagnosis {has}", finding))
        if self._verifier is None:
            requirement = "one of kohort.diagnose(estimator, X, y), which knows the data"
            raise ParameterError(explain("diagnosis", requirement, "one of a fit"))
        return self._verifier(chosen, k)

    def with_verifier(self, verifier: Verifier) -> Diagnosis:
        """Give the same diagnosis with a function that tries a remedy.

        Parameters
        ----------
        verifier : callable
            Compares the estimator with a changed copy over several seeds.

        Returns
        -------
        Diagnosis
            A copy whose method `verify` calls the function.
        """
        return replace(self, _verifier=verifier)

    def __getstate__(self) -> dict[str, Any]:
        return {"findings": self.findings, "measurements": self.measurements, "_verifier": None}


def diagnosed(measurements: Measurements) -> Diagnosis:
    """The diagnosis of measurements."""
    return Diagnosis(found(measurements), measurements)
