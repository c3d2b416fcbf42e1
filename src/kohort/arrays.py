"""Names of the types of arrays and tables: what a parameter takes, said once, with its axes.

Users give arrays in many forms, which are checked where they arrive. To a type checker these names
are `Any`; to a reader they say which forms are taken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import jax
    import keras
    import pandas as pd
    import scipy.sparse

Floats: TypeAlias = NDArray[np.floating[Any]]
"""An array of float32 or float64 on the host."""

Integers: TypeAlias = NDArray[np.integer[Any]]
"""An array of whole numbers on the host, such as row numbers or labels as positions."""

HostArray: TypeAlias = NDArray[Any]
"""An array of any type on the host."""

Array: TypeAlias = "jax.Array | NDArray[Any]"
"""An array inside a traced function, or one given to it."""

Variables: TypeAlias = "Sequence[jax.Array]"
"""A network's variables inside a traced function, in the order of its layout."""

Table: TypeAlias = "NDArray[Any] | pd.DataFrame | pd.Series | Sequence[Any]"
"""Rows as users give them: (row, feature) or (row,)."""

Sparse: TypeAlias = "scipy.sparse.spmatrix | scipy.sparse.sparray"
"""A table of which only the values that are not 0 are kept: (row, feature)."""

Tree: TypeAlias = Any
"""Arrays inside a traced function, nested in tuples, lists and dicts: a pytree."""

Device: TypeAlias = "jax.Device"
"""A core or an accelerator."""

DTypeLike: TypeAlias = Any
"""A type of numbers or its name, such as `"float32"`."""

PathLike: TypeAlias = "str | os.PathLike[str]"
"""The path of a file or folder."""

TableLike: TypeAlias = Any
"""Rows to learn from, (row, feature): array, DataFrame, sparse table, `ParquetTable`, list of
lists, paths of images, or what a Keras model takes."""

TargetsLike: TypeAlias = Any
"""Targets, (row,) or (row, target): array, Series, DataFrame or list; labels may be text."""

WeightsLike: TypeAlias = Any
"""Weights of rows, (row,), non-negative, or None."""

ValidationLike: TypeAlias = Any
"""(X, y) or (X, y, sample_weight) to monitor in training, or None."""

ClassWeightLike: TypeAlias = Any
"""A weight for each class, `"balanced"` or None."""

RandomStateLike: TypeAlias = "int | np.random.RandomState | None"
"""The type of scikit-learn's random_state."""

ScoringLike: TypeAlias = Any
"""Name of a metric of scikit-learn's, or `scorer(estimator, X, y)`; None for `estimator.score`."""

Estimator: TypeAlias = Any
"""An estimator with scikit-learn's `fit`, `get_params` and `set_params`."""

Search: TypeAlias = Any
"""A fitted search of scikit-learn's: `cv_results_`, `best_index_`."""

LossLike: TypeAlias = Any
"""A Keras loss, its name, a function, or a list or dict of them by output."""

OptimizerLike: TypeAlias = Any
"""A Keras optimizer, its class, name or configuration."""

MetricsLike: TypeAlias = Any
"""Keras metrics, their names or classes, alone or in a list or a dict by output; None for none."""

CallbacksLike: TypeAlias = Any
"""Keras callbacks or their classes, alone or in a list or a dict by name; None for none."""

ModelLike: TypeAlias = "keras.Model | Callable[..., keras.Model] | None"
"""A compiled Keras model, or a function that builds one."""

GridLike: TypeAlias = "Mapping[str, Iterable[Any]] | Sequence[Mapping[str, Iterable[Any]]]"
"""Lists of values by the parameter's name, or several such, as scikit-learn's `ParameterGrid`."""

Splitter: TypeAlias = Any
"""A number of folds, a cross-validator of scikit-learn's, or a list of (train, test)."""

FitOptions: TypeAlias = Any
"""The keyword arguments that `fit` hands on, such as `sample_weight` or `groups`."""

Scorer: TypeAlias = Callable[..., Any]
"""`scorer(estimator, X, y)` gives a number, greater for better."""

SpaceLike: TypeAlias = Any
"""Lists of choices or distributions with `rvs` by the parameter's name, or a list of several such,
as scikit-learn's `ParameterSampler` takes them."""

SamplerLike: TypeAlias = Any
"""`"tpe"`, `"random"`, or a sampler of Optuna's."""

StorageLike: TypeAlias = Any
"""The URL of a storage of Optuna's, the storage, or None for memory."""

CallbackContext: TypeAlias = Any
"""The context through which scikit-learn (1.9 and later) calls callbacks, or None."""

Found: TypeAlias = Any
"""A value of a parameter that is searched."""
