"""A network or an ensemble from the file that its `save` wrote."""

from __future__ import annotations

from kohort.arrays import Estimator, PathLike
from kohort.estimators.dense.loading import load as load_network
from kohort.searches.ensembles.ensemble import EnsembleClassifier, EnsembleRegressor
from kohort.searches.ensembles.persistence import is_ensemble, read_ensemble

_KINDS = {kind.__name__: kind for kind in (EnsembleClassifier, EnsembleRegressor)}


def load_file(path: PathLike, trusted: bool = False) -> Estimator:
    """Read a file; parameters and errors are those of `kohort.load`."""
    if not is_ensemble(path):
        return load_network(path)
    kind, parts, learned = read_ensemble(path, trusted)
    return _KINDS[kind].of(parts, learned)
