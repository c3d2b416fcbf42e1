"""A dense estimator from the file that its `save` wrote."""

from __future__ import annotations

from pathlib import Path

from kohort.arrays import PathLike
from kohort.errors import DataError, shown
from kohort.estimators.dense.dense import DenseClassifier, DenseRegressor
from kohort.estimators.dense.model_document import rebuilt
from kohort.estimators.dense.model_file import contents
from kohort.recipe.constraints import check, path_like

_KINDS = {kind.__name__: kind for kind in (DenseClassifier, DenseRegressor)}


def load(path: PathLike) -> DenseRegressor | DenseClassifier:
    """Read a network that `save` wrote; see `kohort.load`."""
    check("path", path, path_like())
    try:
        document, arrays = contents(Path(path))
        return rebuilt(document, arrays, _KINDS)
    except Exception as error:  # A damaged file can fail anywhere; it is the file's fault.
        told = getattr(error, "strerror", None) or f"{error}"
        reason = " ".join(told.split()) or type(error).__name__
        if len(reason) > 300:
            reason = f"{reason[:297]}..."
        raise DataError(
            f"{shown(str(path))} is not a readable kohort model: {reason.rstrip('.')}. "
            "Give the path of a file that an estimator's save wrote."
        ) from error
