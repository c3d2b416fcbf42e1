"""A finding: a fault of a training, its evidence, and a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import clone

from kohort.arrays import Estimator
from kohort.errors import ParameterError, explain

_MARK = "diagnose"
"""The parameter that tells estimators which can be diagnosed."""


@dataclass(frozen=True)
class Finding:
    """One thing that keeps a network from learning.

    Parameters
    ----------
    code : str
        Stable name, such as `"vanishing_gradients"`.
    severity : float
        In [0, 1]: below 0.3 a hint, from 0.7 on the network can hardly learn.
    layer : str or None
        Name of the layer that has the fault; None for the whole network.
    evidence : dict
        The measured values by name, and the thresholds that they passed.
    explanation, remedy : str
        One sentence on what happens, and one on what to do.
    changes : dict
        The remedy as parameters of the estimator; empty if no parameter is the remedy.
    reference : str
        The paper or the book that describes the fault.
    scoring : str or None
        Name in scikit-learn of the score that shows whether the remedy helped; None for R² in
        regression and the log loss in classification.

    Examples
    --------
    >>> import kohort
    >>> finding = kohort.Finding(
    ...     "rate_too_low", 0.9, None, {"update_ratio": 1e-8}, "Steps are tiny.", "Raise it.",
    ...     {"learning_rate": 0.01},
    ... )
    >>> print(finding)
    rate_too_low (severity 0.90): Steps are tiny. Raise it.
    >>> finding.apply(kohort.DenseRegressor(learning_rate=1e-6)).learning_rate
    0.01
    """

    code: str
    severity: float
    layer: str | None
    evidence: Mapping[str, Any]
    explanation: str
    remedy: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    scoring: str | None = None

    def __str__(self) -> str:
        where = f" in {self.layer}" if self.layer else ""
        return (
            f"{self.code}{where} (severity {self.severity:.2f}): {self.explanation} {self.remedy}"
        )

    def apply(self, estimator: Estimator) -> Any:
        """A copy of an estimator with the remedy in it.

        Parameters
        ----------
        estimator : estimator
            That which was diagnosed, or one with the same parameters, or a pipeline or search
            around it; not changed.

        Returns
        -------
        estimator
            Not fitted.

        Raises
        ------
        ParameterError
            If the remedy is no change of parameters, or the estimator has no such parameters.
        """
        if not self.changes:
            requirement = "a finding whose remedy is a change of parameters"
            raise ParameterError(explain("finding", requirement, self.code, self.remedy))
        try:
            prefix = _prefix(estimator)
            changes = {f"{prefix}{name}": value for name, value in self.changes.items()}
            return clone(estimator).set_params(**changes)
        except (AttributeError, TypeError, ValueError) as error:
            wanted = f"an estimator with the parameters {', '.join(self.changes)}"
            raise ParameterError(explain("estimator", wanted, estimator, self.remedy)) from error


def _prefix(estimator: Estimator) -> str:
    """Prefix of the parameters of the one estimator inside that can be diagnosed; else ""."""
    known = not isinstance(estimator, type) and hasattr(estimator, "get_params")
    names = estimator.get_params() if known else ()
    found = [name.removesuffix(_MARK) for name in names if name.split("__")[-1] == _MARK]
    return found[0] if len(found) == 1 else ""
