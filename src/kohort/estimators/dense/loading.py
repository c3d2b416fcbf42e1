"""`kohort.load`: read an estimator from the file that its `save` wrote."""

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
    """Read an estimator that `save` wrote.

    The file is data alone: whatever it holds, nothing in it is run. What it says about its sizes is
    compared with its own size before memory is asked for, and what it holds with the network that
    it describes, so that files from others may be loaded.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    DenseRegressor or DenseClassifier
        Fitted; predicts exactly what the saved one does.

    Raises
    ------
    ParameterError
        If `path` is no path.
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
