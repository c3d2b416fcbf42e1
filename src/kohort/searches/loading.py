"""`kohort.load`: read an estimator or an ensemble from the file that its `save` wrote."""

from __future__ import annotations

from kohort.arrays import Estimator, PathLike
from kohort.estimators.dense.loading import load as load_network
from kohort.recipe.constraints import check, path_like
from kohort.searches.ensembles.ensemble import EnsembleClassifier, EnsembleRegressor
from kohort.searches.ensembles.persistence import is_ensemble, read_ensemble

_KINDS = {kind.__name__: kind for kind in (EnsembleClassifier, EnsembleRegressor)}


def load(path: PathLike, *, trusted: bool = False) -> Estimator:
    """Read an estimator that `save` wrote.

    The file of a network is data alone: whatever it holds, nothing in it is run. What it says about
    its sizes is compared with its own size before memory is asked for, and what it holds with the
    network that it describes, so that files from others may be loaded. So is the file of an
    ensemble of such networks; one of pipelines holds their transformers as pickles.

    Parameters
    ----------
    path : str or path
    trusted : bool, default=False
        Whether you know who wrote it: needed for a file with pickles, which may run any program.

    Returns
    -------
    DenseRegressor, DenseClassifier, EnsembleRegressor or EnsembleClassifier
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
    if not is_ensemble(path):
        return load_network(path)
    kind, parts, learned = read_ensemble(path, trusted)
    return _KINDS[kind].of(parts, learned)
