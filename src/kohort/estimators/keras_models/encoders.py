"""Hooks of subclasses, as SciKeras has them: encoders of X and y, and a score."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_array

from kohort.arrays import Estimator, TableLike, TargetsLike, WeightsLike
from kohort.engine.member import Floats
from kohort.errors import DataError, ModelError
from kohort.estimators.keras_models.inputs import Inputs
from kohort.estimators.refused_targets import refuse_axes
from kohort.networks.lifted.columns import Columns


class SubclassHooks:
    """Attributes that are None unless a subclass gives them.

    Attributes
    ----------
    feature_encoder : transformer or None
        A scikit-learn transformer that stands between X and the model: `fit` gets X as an array,
        `transform` gives what the model takes: an array, or a list or dict of arrays.
    target_encoder : transformer or None
        The same for y. `inverse_transform` gets the model's output, an array of shape (row, unit)
        or a list of them, and gives what `predict` gives; with `return_proba=True`, which
        `KerasClassifier.predict_proba` passes, probabilities.
        `get_metadata`, if an encoder has it, gives a dict of attributes of the estimator, which
        the build function gets too.
    scorer : callable or None
        `scorer(y, predicted, sample_weight=...)` gives what `score` gives.
    """

    feature_encoder: Any = None
    target_encoder: Any = None
    scorer: Any = None

    def score(self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None) -> float:
        """Score the predictions: accuracy, R2, or the score of the subclass's own `scorer`.

        The accuracy of several targets is the share of rows of which all are right.

        Parameters
        ----------
        X : array-like, DataFrame, or dict or tuple of arrays
            Features, as in `fit`.
        y : array-like, shape (row,) or (row, target)
            True targets, as in `fit`.
        sample_weight : array-like, shape (row,), default=None
            Weight of each row, as in `fit`.

        Returns
        -------
        float
            The score; higher is better.
        """
        if self.scorer is None and not getattr(self, "_heads", False):
            return float(super().score(X, y, sample_weight))  # type: ignore[misc]
        predicted = self.predict(X)  # type: ignore[attr-defined]
        if self.scorer is None:
            right = (np.asarray(predicted) == np.asarray(y)).all(axis=1)
            return float(np.average(right, weights=sample_weight))
        return float(self.scorer(np.asarray(y), predicted, sample_weight=sample_weight))


def _own(estimator: Estimator, name: str) -> Any:
    """A subclass's encoder, one that no other estimator fits; None if it has none."""
    first, second = getattr(estimator, name), getattr(estimator, name)
    return first if first is not second else copy.deepcopy(first)


def _known(estimator: Estimator, name: str, encoder: Estimator) -> dict[str, Any]:
    """Keep a fitted encoder and its metadata; return them for a build function."""
    about = {f"{name}_": encoder, **getattr(encoder, "get_metadata", dict)()}
    estimator.__dict__.update(about)
    return about


def learn_features(estimator: Estimator, inputs: Inputs) -> tuple[Inputs, dict[str, Any]]:
    """Fit a subclass's encoder of X; return the encoded X, and facts for a build function."""
    estimator.__dict__.pop("feature_encoder_", None)
    encoder = _own(estimator, "feature_encoder")
    if encoder is None:
        return inputs, {}
    encoder = encoder.fit(inputs.structured)
    about = _known(estimator, "feature_encoder", encoder)
    return encoded_inputs(estimator, inputs), about


def encoded_inputs(estimator: Estimator, inputs: Inputs) -> Inputs:
    """X as the fitted encoder of a subclass gives it; as it is if there is none.

    Raises
    ------
    DataError
        If the encoder changes the number of rows.
    """
    encoder = vars(estimator).get("feature_encoder_")
    if encoder is None:
        return inputs
    arrays, names = _parts(encoder.transform(inputs.structured))
    _check_rows("feature_encoder", arrays, inputs.rows)
    return replace(inputs, arrays=arrays, names=names, table=False)


def _parts(encoded: TableLike) -> tuple[list[NDArray[Any]], tuple[str, ...] | None]:
    """Arrays of one row or more axes each, and their keys."""
    names = tuple(encoded) if isinstance(encoded, dict) else None
    if isinstance(encoded, dict):
        parts = list(encoded.values())
    else:
        parts = list(encoded) if isinstance(encoded, list | tuple) else [encoded]
    arrays = [np.asarray(part.toarray() if hasattr(part, "toarray") else part) for part in parts]
    return [array[:, None] if array.ndim == 1 else array for array in arrays], names


def _check_rows(name: str, arrays: Sequence[NDArray[Any]], rows: int) -> None:
    if any(len(array) != rows for array in arrays):
        raise DataError(
            f"`{name}` must keep the number of rows, {rows}; its `transform` gives "
            f"{[len(array) for array in arrays]}. Return one row for each row."
        )


def learn_encoder(estimator: Estimator, y: TargetsLike) -> dict[str, Any]:
    """Fit a subclass's encoder of y; return facts on the targets for a build function.

    Returns
    -------
    dict
        Empty if the subclass has none.
    """
    for name in ("target_encoder_", "_read"):
        estimator.__dict__.pop(name, None)
    encoder = _own(estimator, "target_encoder")
    if encoder is None:
        return {}
    y = _checked(y)
    about = {
        "target_type_": type_of_target(y),
        "y_ndim_": y.ndim,
        "y_dtype_": y.dtype,
        "n_outputs_": 1 if y.ndim == 1 else y.shape[1],
        "n_outputs_expected_": None,
    }
    if is_classifier(estimator) and y.ndim == 1:
        about |= {"classes_": np.unique(y), "n_classes_": len(np.unique(y))}
    estimator.__dict__.update(about)
    return about | _known(estimator, "target_encoder", encoder.fit(y))


def _checked(y: TargetsLike) -> NDArray[Any]:
    refuse_axes(y)
    return np.asarray(
        check_array(y, ensure_2d=False, dtype=None, ensure_all_finite=False, input_name="y")
    )


def encoded_columns(
    estimator: Estimator, y: TargetsLike, names: tuple[str, ...] | None
) -> Columns | None:
    """How flat rows hold the targets that a subclass's encoder gives; None if there is none."""
    if "target_encoder_" not in vars(estimator):
        return None
    arrays, keys = _encoded_parts(estimator, y)
    kinds = ["int32" if array.dtype.kind in "iub" else "float32" for array in arrays]
    return Columns(tuple(a.shape[1:] for a in arrays), tuple(kinds), keys or names)


def encoded_targets(estimator: Estimator, y: TargetsLike) -> Floats | None:
    """Targets as flat rows, by a subclass's fitted encoder; None if there is none."""
    if "target_encoder_" not in vars(estimator):
        return None
    arrays, _ = _encoded_parts(estimator, y)
    return np.concatenate([np.asarray(a, np.float64).reshape(len(a), -1) for a in arrays], axis=1)


def _encoded_parts(
    estimator: Estimator, y: TargetsLike
) -> tuple[list[NDArray[Any]], tuple[str, ...] | None]:  # fmt: skip
    y = _checked(y)
    arrays, keys = _parts(estimator.target_encoder_.transform(y))
    _check_rows("target_encoder", arrays, len(y))
    for array in arrays:
        if array.dtype.kind not in "fiub":
            raise DataError(
                f"`target_encoder` must give numbers to train on; its `transform` gives "
                f"{array.dtype}. Encode these values, or convert them with astype."
            )
    return arrays, keys


def decoded(estimator: Estimator, outputs: Sequence[Floats], return_proba: bool = False) -> Any:
    """The predictions that a subclass's encoder makes of the model's outputs.

    Raises
    ------
    ModelError
        If probabilities are asked for and its `inverse_transform` has no `return_proba`.
    """
    encoder = estimator.target_encoder_
    raw = outputs[0] if len(outputs) == 1 else list(outputs)
    if return_proba:
        takes = inspect.signature(encoder.inverse_transform).parameters
        if "return_proba" not in takes:
            raise ModelError(
                "predict_proba needs an `inverse_transform(y, return_proba=False)` of the "
                f"target_encoder; that of {type(encoder).__name__} takes {', '.join(takes)}. Add "
                "the parameter, or use predict."
            )
        return encoder.inverse_transform(raw, return_proba=True)
    values = np.asarray(encoder.inverse_transform(raw))
    single = values.ndim == 2 and values.shape[1] == 1 and estimator.y_ndim_ == 1
    return values[:, 0] if single else values
