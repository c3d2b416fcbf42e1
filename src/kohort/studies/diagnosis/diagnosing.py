"""`kohort.diagnose`, and the diagnosis of any fit that asks for one."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier

from kohort.arrays import Estimator, TableLike, TargetsLike
from kohort.engine.member import Floats, Member, Outcome
from kohort.engine.predict import Trained, raw_outputs
from kohort.engine.rows import LazyRows
from kohort.errors import DivergedError, DivergedWarning, ParameterError, explain
from kohort.recipe.clipping import CLIPPINGS
from kohort.recipe.initializers import fans
from kohort.recipe.recipe import Recipe
from kohort.studies.comparison.comparing import compare
from kohort.studies.comparison.comparison import Comparison
from kohort.studies.diagnosis.diagnosis import Diagnosis, Verifier, diagnosed
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.instruments import Instruments
from kohort.studies.diagnosis.measurements import Measurements, Setting
from kohort.studies.diagnosis.thresholds import limit

_MOST_ROWS = 4096


def diagnose(estimator: Estimator, X: TableLike, y: TargetsLike, **fit_params: Any) -> Diagnosis:
    """Fit a copy of an estimator, measure its layers, and name the causes that hinder learning.

    A second program measures the network at chosen steps. The training program stays as it is, so
    that the weights equal those of `fit` to the last bit. Use the estimators' parameter
    `diagnose=True` to diagnose the fits of a search.

    Parameters
    ----------
    estimator : DenseRegressor, DenseClassifier, or an estimator of a Keras model or of images
        The estimator to copy; it is not changed.
    X : array-like, DataFrame, list of paths or ParquetTable, shape (row, feature)
        Features, as the estimator's `fit` takes them.
    y : array-like, shape (row,) or (row, target)
        Targets, as the estimator's `fit` takes them.
    **fit_params : object
        Further arguments of `fit`.

    Returns
    -------
    Diagnosis
        The findings and the measurements. A training that diverges gives one too, although `fit`
        would raise an error.

    Raises
    ------
    ParameterError
        If the estimator is not kohort's, or trains in Keras's own loop.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = kohort.DenseRegressor(width=16, epochs=40, random_state=0)
    >>> print(kohort.diagnose(model.set_params(learning_rate=1e-6), X, y).findings[0].code)
    rate_too_low
    """
    if isinstance(estimator, type) or "diagnose" not in getattr(estimator, "get_params", dict)():
        requirement = "a kohort estimator, which has a parameter diagnose"
        remedy = "Within a pipeline or search, set that to True and read its diagnosis_."
        raise ParameterError(explain("estimator", requirement, estimator, remedy))
    copy = clone(estimator).set_params(diagnose=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergedWarning)  # The diagnosis says it.
        try:
            copy.fit(X, y, **fit_params)
        except DivergedError:
            if not hasattr(copy, "diagnosis_"):
                raise
    if not hasattr(copy, "diagnosis_"):
        requirement = "an estimator whose fits a cohort can take, not one of Keras's own loop"
        raise ParameterError(explain("estimator", requirement, estimator))
    return copy.diagnosis_.with_verifier(_verifier(estimator, X, y))


def _verifier(estimator: Estimator, X: TableLike, y: TargetsLike) -> Verifier:
    """Compares an estimator with the copy that has a finding's remedy in it."""

    def verify(finding: Finding, k: int) -> Comparison:
        scoring = finding.scoring or ("neg_log_loss" if is_classifier(estimator) else None)
        return compare(estimator, finding.apply(estimator), X, y, k=k, scoring=scoring)

    return verify


def with_instruments(member: Member) -> tuple[Member, Instruments]:
    """A watched member, and its instruments."""
    steps = member.steps_per_epoch
    instruments = Instruments(steps, member.first_epoch * steps)
    watched = replace(member, instrument=instruments, on_steps=instruments.on_steps)
    return watched, instruments


def diagnosis_of(
    member: Member, instruments: Instruments, outcome: Outcome, **known: Any
) -> Diagnosis:
    """The diagnosis from the instruments and the outcome of a member.

    Parameters
    ----------
    member : Member
    instruments : Instruments
    outcome : Outcome
    **known
        Fields of a `Setting` that the member does not have, and `boundary`: the output of two
        classes above which the second one is meant.
    """
    y, shares = _targets(member, known.get("classes", 0))
    weights = member.initial_variables()
    setting = _setting(member, outcome, weights, y, known)
    recalls = np.zeros(0)
    if (
        len(shares)
        and shares.min() * len(shares) < limit("rare_class")
        and outcome.weights is not None
    ):
        recalls = _recalls(member, outcome.weights, len(shares), known["boundary"])
    return diagnosed(
        Measurements(
            setting=setting,
            steps=np.asarray(instruments.steps, np.int64),
            layers=instruments.layers,
            whole=instruments.whole,
            losses=instruments.losses,
            history={name: np.asarray(log, float) for name, log in outcome.history.items()},
            inputs=_moments(_inputs(member)),
            targets=np.zeros((2, 0)) if len(shares) else _moments(y),
            shares=shares,
            recalls=recalls,
        )
    )


def _inputs(member: Member) -> NDArray[Any]:
    """The features that `fit` was given; some of the rows where they are still in files."""
    x = member.rows.x
    return x[_spread(len(x))] if isinstance(x, LazyRows) else x


def _spread(rows: int) -> NDArray[np.intp]:
    """Numbers of some rows, spread evenly over all."""
    return np.linspace(0, rows - 1, min(rows, _MOST_ROWS)).astype(np.intp)


def _rows(member: Member, table: NDArray[Any]) -> NDArray[Any]:
    """The rows of a table that are trained on."""
    return table if member.train is None else table[member.train]


def _moments(values: Floats) -> NDArray[np.float64]:
    """Mean and deviation of each column, shape (2, column)."""
    return np.stack([values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)])


def _targets(member: Member, classes: int) -> tuple[Floats, NDArray[np.float64]]:
    """Targets that are trained on, and the share of each class, if there are classes."""
    y = _rows(member, member.rows.y)
    if not classes or y.shape[1] > 1:
        return y, np.zeros(0)
    return y, np.bincount(y[:, 0].astype(np.intp), minlength=classes) / len(y)


def _setting(
    member: Member, outcome: Outcome, weights: list[Floats], y: Floats, known: Mapping[str, Any]
) -> Setting:
    layers = member.network.layers
    shapes = [None if layer.kernel is None else weights[layer.kernel].shape for layer in layers]
    own = {name: value for name, value in known.items() if name != "boundary"}
    held = y[:0] if member.validation is None else member.validation.y
    return Setting(
        layers=tuple(layer.name for layer in layers),
        activations=tuple(layer.activation for layer in layers),
        fans=tuple((math.nan, math.nan) if shape is None else fans(shape) for shape in shapes),
        sizes=tuple(0 if shape is None else math.prod(shape) for shape in shapes),
        rows=member.size,
        batch_size=member.batch_size,
        epochs=member.epochs,
        steps_per_epoch=member.steps_per_epoch,
        baseline=baseline(own["loss"], y, own["classes"]),
        status=outcome.status,
        best_epoch=outcome.best_epoch,
        validation_baseline=baseline(own["loss"], held, own["classes"]) if len(held) else 0.0,
        validation_rows=len(held),
        **own,
    )


def setting_of(recipe: Recipe) -> dict[str, Any]:
    """Return the fields of a `Setting` that a recipe knows, for `diagnosis_of`."""
    return {
        "tabular": True,
        "scales_inputs": False,
        "loss": recipe.loss,
        "optimizer": recipe.optimizer,
        "learning_rate": recipe.learning_rate,
        "schedule": recipe.schedule,
        "warmup": float(recipe.warmup),
        "clipping": tuple(
            (name, limit) for name in CLIPPINGS if np.isfinite(limit := getattr(recipe, name))
        ),
        "batch_norm": recipe.batch_norm is not None,
        "early_stopping": recipe.early_stopping,
        "penalised": recipe.l1 > 0 or recipe.l2 > 0,
        "dropout": max(recipe.dropout, recipe.alpha_dropout),
        "boundary": 0.0,
    }


def baseline(loss: str, y: Floats, classes: int) -> float:
    """Loss of the best constant prediction; NaN for losses without a closed form here.

    Examples
    --------
    >>> baseline("mse", np.array([[1.0], [3.0]]), 0)
    1.0
    """
    if loss == "mse":
        return float(np.mean(np.var(y, axis=0, dtype=np.float64)))
    if loss == "mae":
        return float(np.mean(np.abs(y - np.median(y, axis=0))))
    if loss == "binary_crossentropy":
        return float(np.mean([_entropy(np.array([1 - p, p])) for p in y.mean(axis=0)]))
    if loss == "sparse_categorical_crossentropy":
        return _entropy(np.bincount(y[:, 0].astype(np.intp), minlength=classes) / len(y))
    return math.nan


def _entropy(shares: NDArray[np.floating[Any]]) -> float:
    shares = shares[shares > 0].astype(np.float64)
    return float(-(shares * np.log(shares)).sum())


def _recalls(
    member: Member, weights: list[Floats], classes: int, boundary: float
) -> NDArray[np.float64]:
    """Share of each class that is recognised, on the validation rows, else on training rows."""
    if member.validation is None:
        y = _rows(member, member.rows.y)
        chosen = _spread(len(y))
        x = member.rows.x[chosen if member.train is None else member.train[chosen]]
    else:
        y = member.validation.y
        chosen = _spread(len(y))
        x = member.validation.x[chosen]
    labels = y[:, 0].astype(np.intp)
    network = Trained(member.network.predictor, weights, member.numbers, member.units)
    outputs = raw_outputs(network, x)
    found = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > boundary) * 1
    hits = found == labels[chosen]
    counts = np.bincount(labels[chosen], minlength=classes)
    right = np.bincount(labels[chosen], weights=hits, minlength=classes)
    return np.where(counts > 0, right / np.maximum(counts, 1), np.nan)
