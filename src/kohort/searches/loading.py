"""`kohort.load`: read an estimator from the file or folder that its `save` wrote."""

from __future__ import annotations

from pathlib import Path

from kohort.arrays import Estimator, PathLike
from kohort.recipe.constraints import check, path_like
from kohort.searches.ensembles.loading import load_file
from kohort.searches.tables.tabular import load_tabular


def load(path: PathLike, *, trusted: bool = False) -> Estimator:
    """Read an estimator that `save` wrote.

    The file of a network, or of an ensemble of networks, is data alone: loading it runs nothing in
    it. The sizes that the file states are compared with the size of the file before memory is
    taken, and its arrays with the network that it describes, so that you may load files from
    others. The file of an ensemble of pipelines, the folder of a tabular model and the folder of a
    run hold transformers as pickles.

    Parameters
    ----------
    path : str or path
        The file or the folder that `save` wrote, or the folder of a run.
    trusted : bool, default=False
        Whether to read pickles, which may run any program as they are read. Give True only for
        files whose author you know.

    Returns
    -------
    DenseRegressor, EnsembleRegressor, TabularRegressor or one of the classifiers
        The fitted estimator; its predictions equal those of the saved one exactly.

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
    except OSError:  # No system takes such a name: reading the file will say so.
        return False
