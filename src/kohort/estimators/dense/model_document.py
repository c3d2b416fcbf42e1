"""The document in the file of a saved estimator, and the estimator that it describes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_regressor

from kohort.arrays import Estimator
from kohort.data.bins import NO_BINS, Bins
from kohort.engine.member import (
    DIVERGED,
    FINISHED,
    PAUSED,
    STOPPED_BY_CALLBACK,
    STOPPED_EARLY,
    Outcome,
)
from kohort.errors import DataError
from kohort.estimators.dense.model_file import FORMAT
from kohort.estimators.dense.parameters import DenseParameters, check_own, recipe_fields
from kohort.estimators.scaling import Scaling
from kohort.networks.own.network import OwnNetwork
from kohort.networks.reading import LAYER, WHOLE
from kohort.recipe.constraints import check
from kohort.recipe.recipe import CONSTRAINTS, LIMITS, Recipe
from kohort.studies.diagnosis.diagnosis import diagnosed
from kohort.studies.diagnosis.measurements import Measurements, unpacked

Kind = TypeVar("Kind", bound=DenseParameters)
Arrays = Mapping[str, NDArray[Any]]

EARLIER = {"output_bias": "zeros", "scale_binary": True, "input_clip": None}
"""Settings that files of the earlier format lack, because they had one value then."""

BINS = ("bins_source", "bins_low", "bins_high")
"""The names of the arrays of a model's bins; a file that lacks them has a model without bins."""

DIAGNOSIS = "diagnosis/"
"""The prefix of the names of a diagnosis's arrays."""

NETWORK = ("status", "best_epoch", "cause")
"""The fields of each network beside its arrays."""

LABELS = ("classes_", "feature_names_in_")
"""Attributes that hold names."""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_positive(value: object) -> bool:
    return _is_count(value) and value != 0


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


SCALARS: Mapping[str, Callable[[object], bool]] = {
    "n_features_in_": _is_positive,
    "n_outputs_": _is_positive,
    "_flat": _is_flag,
    "_multilabel": _is_flag,
    "_seed": _is_count,
}
"""Attributes that hold one number, and the values that each may have."""

_STATUSES = (FINISHED, STOPPED_EARLY, STOPPED_BY_CALLBACK, DIVERGED, PAUSED)
_LARGEST_LABELS = 64 * 2**20  # Bytes, of all together.


def rebuilt(
    document: dict[str, Any], arrays: dict[str, NDArray[Any]], kinds: Mapping[str, type[Kind]]
) -> Kind:
    """The fitted estimator that a file describes.

    Parameters
    ----------
    document : dict
    arrays : mapping from str to array
    kinds : mapping from str to class
        The estimators that a file may be of.

    Raises
    ------
    Exception
        Of many kinds, if the file does not describe one.
    """
    kind = kinds.get(str(document["class"]))
    _require(kind is not None, "its class is none of kohort's")
    assert kind is not None
    _complete(document, arrays)
    estimator = kind(**{k: _restored(v) for k, v in document["parameters"].items()})
    _check_parameters(estimator)
    for name, value in document["fitted"].items():
        _require(name in SCALARS and SCALARS[name](value), f"its {name[:50]!r} is {value!r:.50}")
        setattr(estimator, name, value)
    for name, label in document["labels"].items():
        _require(name in LABELS, f"it holds labels named {name[:50]!r}")
        setattr(estimator, name, _labels(label))
    _check_learned(estimator)
    _take(estimator, document, arrays)
    return estimator


def _complete(document: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Add to a file of the format before the entries of this version's."""
    if document["format"] == FORMAT:
        return
    drawn = {
        name: document["recipe"][name] for name in ("kernel_initializer", "output_initializer")
    }
    document["parameters"] |= EARLIER | drawn
    document["recipe"]["output_bias"] = EARLIER["output_bias"]
    arrays["features_limit"] = np.full_like(arrays["features_mean"], np.inf)


def _check_learned(estimator: Estimator) -> None:
    """Refuse an estimator that lacks fitted attributes, or has contradictory ones."""
    if is_classifier(estimator):
        classes = estimator.classes_
        ordered = np.array_equal(classes, np.unique(classes))
        enough = len(classes) >= (1 if estimator._multilabel else 2)
        _require(ordered and enough, "its classes are not in order")
    else:
        single = not estimator._flat or estimator.n_outputs_ == 1
        _require(single, "its target has several columns in one")
    _require(hasattr(estimator, "_seed"), "it has no seed")
    names = getattr(estimator, "feature_names_in_", None)
    fits = names is None or names.shape == (estimator.n_features_in_,)
    _require(
        fits and all(isinstance(n, str) for n in (() if names is None else names)),
        "its features have no names",
    )


def _take(estimator: Estimator, document: dict[str, Any], arrays: Arrays) -> None:
    """Give an estimator its networks, once they fit to it and to each other."""
    features, recipe = estimator.n_features_in_, _recipe(document["recipe"])
    outputs = estimator._outputs
    _require(document["outputs"] == outputs, "its outputs are not those of its target")
    estimator.recipe_ = recipe
    bins = _bins(arrays, features)
    estimator._scaling = replace(_scaling(arrays, "features", features + len(bins)), bins=bins)
    inputs = len(estimator._scaling.mean)
    estimator._network = network = OwnNetwork.of(inputs, outputs, recipe)
    columns = outputs if is_regressor(estimator) or estimator._multilabel else 1
    estimator._target = _scaling(arrays, "target", columns)
    entries = document["networks"]
    _require(1 <= len(entries) <= estimator.n_networks, f"it has {len(entries)} networks")
    shapes = network.shapes(recipe.units)
    outcomes = [_outcome(entry, number, arrays, shapes) for number, entry in enumerate(entries)]
    estimator._take(outcomes)
    _refuse_unknown(arrays, len(entries))
    measured = _within(arrays, DIAGNOSIS)
    if measured:
        estimator.diagnosis_ = diagnosed(_checked(unpacked(measured)))


def _require(condition: bool, fault: str) -> None:
    if not condition:
        raise DataError(fault)


def _restored(value: object) -> Any:
    """A parameter as it was; dictionaries are kept as pairs, so that their keys keep their type."""
    if not isinstance(value, dict):
        return value
    _require(value.keys() == {"pairs"}, "a parameter is no dictionary")
    return {key: _restored(item) for key, item in value["pairs"]}


def _check_parameters(estimator: Estimator) -> None:
    """Refuse parameters that `fit` would refuse."""
    check_own(estimator)
    Recipe.of(**recipe_fields(estimator), loss="mse")
    state = estimator.random_state
    _require(state is None or _is_count(state), "its random_state is no number")
    weight = getattr(estimator, "class_weight", None)
    known = weight is None or weight == "balanced"
    _require(known or isinstance(weight, dict), "its class_weight is of no known kind")


def _recipe(plain: dict[str, Any]) -> Recipe:
    names = {field.name for field in fields(Recipe)}
    _require(plain.keys() == names, "its recipe has other fields")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else math.inf if value == "inf" else value
        for name, value in plain.items()
    }
    units = values["units"]
    _require(isinstance(units, tuple) and all(map(_is_positive, units)), "its widths are none")
    for name, value in values.items():
        is_open = name in LIMITS and value == math.inf
        if name in CONSTRAINTS and not is_open:
            check(name, value, CONSTRAINTS[name])
    for name in ("batch_size", "learning_rate"):
        _require(not isinstance(values[name], str), f"its recipe's {name} is no number")
    return Recipe(**values)


def _labels(label: dict[str, Any]) -> NDArray[Any]:
    """Names of classes or features in the type that they had."""
    dtype, values = np.dtype(str(label["dtype"])[:20]), label["values"]
    scalars = isinstance(values, list) and all(isinstance(v, str | int | float) for v in values)
    _require(scalars and len(values) > 0, "its labels are no names")
    fits = dtype.itemsize * len(values) <= _LARGEST_LABELS
    _require(dtype.kind in "biufUO" and fits, "its labels have no type")
    found = np.asarray(values, object).astype(dtype)
    _require(found.tolist() == values, "its labels are not of their type")
    _require(len(set(values)) == len(values), "a label is there twice")
    return found


def _scaling(arrays: Arrays, name: str, columns: int) -> Scaling:
    mean, scale = arrays[f"{name}_mean"], arrays[f"{name}_scale"]
    limit = arrays["features_limit"] if name == "features" else np.full_like(mean, np.inf)
    for values in (mean, scale, limit):
        fits = values.shape == (columns,) and values.dtype.kind == "f"
        _require(fits and not np.isnan(values).any(), f"its scaling of the {name} is none")
    _require(bool(np.isfinite(mean).all()), f"its means of the {name} are infinite")
    _require(bool((scale > 0).all()), f"its scaling of the {name} divides by 0")
    _require(bool((limit > 0).all()), f"its limits of the {name} are not above 0")
    constant = name == "features" or bool(np.isfinite(scale).all())
    _require(constant, f"its scaling of the {name} is infinite")
    return Scaling(mean, scale, limit)


def _bins(arrays: Arrays, features: int) -> Bins:
    if not any(name in arrays for name in BINS):
        return NO_BINS
    source, low, high = (arrays[name] for name in BINS)
    flat = source.ndim == 1 and source.shape == low.shape == high.shape
    _require(flat and source.dtype.kind == "i", "its bins have no columns")
    _require(bool(((source >= 0) & (source < features)).all()), "its bins are of other columns")
    ends = (low, high)
    known = all(end.dtype.kind == "f" and bool(np.isfinite(end).all()) for end in ends)
    _require(known and bool((low < high).all()), "its bins have no width")
    return Bins(source, low, high)


def _outcome(
    entry: dict[str, Any], number: int, arrays: Arrays, shapes: tuple[tuple[int, ...], ...]
) -> Outcome:
    known = _within(arrays, f"network_{number}/")
    history = _within(known, "history_")
    lengths = {len(values) for values in history.values() if values.ndim == 1}
    flat = all(values.ndim == 1 and values.dtype.kind == "f" for values in history.values())
    _require("loss" in history and flat and len(lengths) == 1, "its history has gaps")
    _require(len(known) == len(history) + len(shapes), f"network {number} has other weights")
    weights = [known[f"weight_{place}"] for place in range(len(shapes))]
    for place, (weight, shape) in enumerate(zip(weights, shapes, strict=True)):
        name = f"weight {place} of network {number}"
        _require(weight.shape == shape, f"{name} has shape {weight.shape}, not {shape}")
        _require(weight.dtype.kind == "f" and weight.dtype.itemsize <= 8, f"{name} is no number")
        _require(bool(np.isfinite(weight).all()), f"{name} holds NaN or infinity")
    _require(entry.keys() == set(NETWORK), f"network {number} is not described")
    best = entry["best_epoch"]
    _require(entry["status"] in _STATUSES, f"network {number} has no status")
    _require(_is_count(best) and best < lengths.pop(), f"network {number} has no best epoch")
    _require(isinstance(entry["cause"], str), f"network {number} has no cause")
    return Outcome(weights, {name: v.tolist() for name, v in history.items()}, **entry)


def _refuse_unknown(arrays: Arrays, networks: int) -> None:
    prefixes = (DIAGNOSIS, *(f"network_{number}/" for number in range(networks)))
    scalings = {f"{n}_{part}" for n in ("features", "target") for part in ("mean", "scale")}
    for name in arrays.keys() - scalings - {"features_limit", *BINS}:
        _require(name.startswith(prefixes), f"it holds an array named {name[:50]!r}")


def _within(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin with a prefix, without it."""
    return {k.removeprefix(prefix): values for k, values in arrays.items() if k.startswith(prefix)}


def _checked(measured: Measurements) -> Measurements:
    """Measurements of a diagnosis, if their shapes agree."""
    probes, layers = len(measured.steps), len(measured.setting.layers)
    _require(measured.layers.shape == (probes, layers, len(LAYER)), "its diagnosis has gaps")
    _require(measured.whole.shape == (probes, len(WHOLE)), "its diagnosis has gaps")
    _require(measured.losses.ndim == 1, "its diagnosis has gaps")
    return measured
