"""Write a fitted estimator into one file without pickle: a zip of JSON and NumPy arrays."""

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
from kohort.arrays import Estimator, PathLike
from kohort.errors import DataError, shown
from kohort.estimators.dense.model_document import BINS, DIAGNOSIS, LABELS, NETWORK, SCALARS
from kohort.estimators.dense.model_file import ARRAYS, DOCUMENT, FORMAT
from kohort.recipe.constraints import check, path_like
from kohort.recipe.recipe import Recipe
from kohort.scratch import replacing
from kohort.studies.diagnosis.measurements import packed


def save(estimator: Estimator, path: PathLike) -> None:
    """See `DenseEstimator.save`."""
    check("path", path, path_like())
    document = {
        "format": FORMAT,
        "kohort": VERSION,
        "class": type(estimator).__name__,
        "parameters": {f.name: _plain(getattr(estimator, f.name)) for f in fields(estimator)},
        "recipe": {f.name: _plain(getattr(estimator.recipe_, f.name)) for f in fields(Recipe)},
        "fitted": {k: getattr(estimator, k) for k in SCALARS if hasattr(estimator, k)},
        "networks": [
            {name: getattr(network, name) for name in NETWORK} for network in estimator.networks_
        ],
        "labels": {
            name: {"dtype": str(values.dtype), "values": values.tolist()}
            for name in LABELS
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
        arrays |= {f"{DIAGNOSIS}{name}": values for name, values in measured.items()}
    for name, scaling in (("features", estimator._scaling), ("target", estimator._target)):
        arrays |= {f"{name}_mean": scaling.mean, f"{name}_scale": scaling.scale}
    arrays["features_limit"] = estimator._scaling.limit
    arrays |= dict(zip(BINS, estimator._scaling.bins.arrays, strict=True))
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    path = Path(path)
    try:
        with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr(DOCUMENT, json.dumps(document, indent=1))
            archive.writestr(ARRAYS, content.getvalue())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"The model cannot be written to {shown(str(path))}: {reason}. "
            "Choose a path in a folder that exists and can be written."
        ) from error


def _plain(value: object) -> Any:
    """A parameter as JSON; a dict becomes a list of pairs, so that its keys keep their type."""
    if isinstance(value, np.random.RandomState):
        return None
    if isinstance(value, dict):
        return {"pairs": [[_plain(key), _plain(item)] for key, item in value.items()]}
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays, pandas's Index and Series.
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and math.isinf(value):
        return "inf"  # JSON has no infinity; only limits have one.
    return value
