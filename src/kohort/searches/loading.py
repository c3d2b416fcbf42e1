"""`kohort.load`: read an estimator from the file or folder that its `save` wrote."""

from __future__ import annotations

from pathlib import Path

from kohort.arrays import Estimator, PathLike
from kohort.recipe.constraints import check, path_like
from kohort.searches.ensembles.loading import load_file
from kohort.searches.tables.tabular import load_tabular


def load(path: PathLike, *, trusted: bool = False) -> Estimator:
    """Read an estimator that `save` wrote.

    The file of a network is data alone: whatever it holds, nothing in it is run. What it says about
    its sizes is compared with its own size before memory is asked for, and what it holds with the
    network that it describes, so that files from others may be loaded. So is the file of an
    ensemble of such networks; one of pipelines, and the folder of a tabular model or of a run, hold
    transformers as pickles.

    Parameters
    ----------
    path : str or path
    trusted : bool, default=False
        Whether you know who wrote it: needed for a file with pickles, which may run any program.

    Returns
    -------
    DenseRegressor, EnsembleRegressor, TabularRegressor or one of the classifiers
        Fitted; predicts exactly what the saved one does.

    Raises
    ------
    ParameterError
        If `path` is no path.
    DataError
        If there is no such file, it is not an estimator that this version can read, or it holds
        pickles and is not trusted.

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
    if _is_folder(Path(path)):
        return load_tabular(path, trusted)[0]
    return load_file(path, trusted)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # No system takes such a name: who reads the file says so.
        return False
