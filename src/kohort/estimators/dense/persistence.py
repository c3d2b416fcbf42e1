"""Fitted estimators as one file without pickle: a zip of JSON and NumPy arrays."""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from kohort._version import VERSION
from kohort.engine.member import Outcome
from kohort.errors import DataError
from kohort.networks.own.network import OwnNetwork
from kohort.recipe.recipe import Recipe
from kohort.scratch import replacing
from kohort.studies.diagnosis.diagnosis import diagnosed
from kohort.studies.diagnosis.measurements import packed, unpacked

_FORMAT = 2
_SCALARS = ("n_features_in_", "n_outputs_", "_flat", "_multilabel", "_seed")
_NETWORK = ("status", "best_epoch", "cause")
_DIAGNOSIS = "diagnosis/"
_NAMED_ARRAYS = ("classes_", "feature_names_in_")


def save(estimator: Any, path: Any) -> None:
    """See `DenseEstimator.save`."""
    document = {
        "format": _FORMAT,
        "kohort": VERSION,
        "class": type(estimator).__name__,
        "parameters": {f.name: _plain(getattr(estimator, f.name)) for f in fields(estimator)},
        "recipe": {f.name: _plain(getattr(estimator.recipe_, f.name)) for f in fields(Recipe)},
        "fitted": {k: getattr(estimator, k) for k in _SCALARS if hasattr(estimator, k)},
        "networks": [
            {name: getattr(network, name) for name in _NETWORK} for network in estimator.networks_
        ],
        "labels": {
            name: {"dtype": str(values.dtype), "values": values.tolist()}
            for name in _NAMED_ARRAYS
            if (values := getattr(estimator, name, None)) is not None
        },
        "outputs": estimator._outputs,
    }
    arrays: dict[str, Any] = {}
    for number, network in enumerate(estimator.networks_):
        key = f"network_{number}"
        arrays |= {f"{key}/weight_{i}": weight for i, weight in enumerate(network.weights)}
        arrays |= {f"{key}/history_{k}": np.asarray(v) for k, v in network.history.items()}
    if hasattr(estimator, "diagnosis_"):
        measured = packed(estimator.diagnosis_.measurements)
        arrays |= {f"{_DIAGNOSIS}{name}": values for name, values in measured.items()}
    for name, scaling in (("features", estimator._scaling), ("target", estimator._target)):
        arrays |= {f"{name}_mean": scaling.mean, f"{name}_scale": scaling.scale}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    path = Path(path)
    try:
        with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr("estimator.json", json.dumps(document, indent=1))
            archive.writestr("arrays.npz", content.getvalue())
    except OSError as error:
        raise DataError(
            f"The model cannot be written to {str(path)!r}: {error.strerror}. "
            "Choose a path in a folder that exists and can be written."
        ) from error


def _plain(value: Any) -> Any:
    """A parameter as JSON; a dict becomes a list of pairs, so that its keys keep their type."""
    if isinstance(value, np.random.RandomState):
        return None
    if isinstance(value, dict):
        return {"pairs": [[_plain(key), _plain(item)] for key, item in value.items()]}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and math.isinf(value):
        return "inf"  # JSON has no infinity; only limits have one.
    return value


def _restored(value: Any) -> Any:
    return dict(value["pairs"]) if isinstance(value, dict) else value


def load(path: Any) -> Any:
    """Read an estimator that `save` wrote.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    DenseRegressor or DenseClassifier
        Fitted; predicts exactly what the saved one does.

    Raises
    ------
    DataError
        If there is no such file, or it is not an estimator that this version can read.

    Examples
    --------
    >>> import pathlib, tempfile, numpy as np, kohort
    >>> X = np.random.default_rng(0).normal(size=(64, 3))
    >>> model = kohort.DenseRegressor(width=8, epochs=2, random_state=0).fit(X, X[:, 0])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.kohort"
    >>> model.save(path)
    >>> bool((kohort.load(path).predict(X) == model.predict(X)).all())
    True
    """
    try:
        with zipfile.ZipFile(path) as archive:
            document = json.loads(archive.read("estimator.json"))
            with np.load(io.BytesIO(archive.read("arrays.npz")), allow_pickle=False) as content:
                arrays = dict(content)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise DataError(
            f"{str(path)!r} is not a readable kohort model: {error}. "
            "Give the path of a file that an estimator's save wrote."
        ) from error
    if document["format"] != _FORMAT:
        raise DataError(
            f"{str(path)!r} was written by kohort {document['kohort']}, in a format that "
            f"kohort {VERSION} does not read. Install that version."
        )
    return _rebuilt(document, arrays)


def _rebuilt(document: dict[str, Any], arrays: dict[str, Any]) -> Any:
    from kohort.estimators.dense import dense
    from kohort.estimators.scaling import Scaling

    kind = getattr(dense, document["class"])
    estimator = kind(**{k: _restored(v) for k, v in document["parameters"].items()})
    for name, value in document["fitted"].items():
        setattr(estimator, name, value)
    for name, label in document["labels"].items():
        setattr(estimator, name, np.asarray(label["values"], dtype=label["dtype"]))
    estimator.recipe_ = _recipe(document["recipe"])
    estimator._network = OwnNetwork.of(
        estimator.n_features_in_, document["outputs"], estimator.recipe_
    )
    estimator._scaling = Scaling(arrays["features_mean"], arrays["features_scale"])
    estimator._target = Scaling(arrays["target_mean"], arrays["target_scale"])
    estimator._take(
        [_outcome(entry, number, arrays) for number, entry in enumerate(document["networks"])]
    )
    measured = {
        name.removeprefix(_DIAGNOSIS): values
        for name, values in arrays.items()
        if name.startswith(_DIAGNOSIS)
    }
    if measured:
        estimator.diagnosis_ = diagnosed(unpacked(measured))
    return estimator


def _recipe(plain: dict[str, Any]) -> Recipe:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else math.inf if value == "inf" else value
        for name, value in plain.items()
    }
    return Recipe(**values)


def _outcome(entry: dict[str, Any], number: int, arrays: dict[str, Any]) -> Outcome:
    mine = f"network_{number}/"
    known = {k.removeprefix(mine): v for k, v in arrays.items() if k.startswith(mine)}
    count = sum(name.startswith("weight_") for name in known)
    history = {
        name.removeprefix("history_"): values.tolist()
        for name, values in known.items()
        if name.startswith("history_")
    }
    return Outcome([known[f"weight_{i}"] for i in range(count)], history, **entry)
