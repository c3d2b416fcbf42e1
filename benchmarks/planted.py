"""Networks with one planted fault each, and healthy ones, on real tables.

A case names a table, how many of its rows, and what the estimator is; `tuned` is what thresholds
were chosen with, `fresh` was only looked at afterwards: other tables, seeds, depths and optimizers.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_MOST_LEVELS = 12


@dataclass(frozen=True)
class Case:
    """One network on one table.

    Attributes
    ----------
    code : str
        Of the finding that shall come first; "" for a healthy network.
    table : str
    parameters : dict
        Of the estimator.
    rows : int
    change : str
        Name of what is done to the table, in `CHANGES`.
    keras : bool
        Whether it is a Keras model, whose parameters are those of `dense_model`.
    verify : str
        Why the remedy cannot show in the score; "" if it can.
    """

    code: str
    table: str
    parameters: dict[str, Any] = field(default_factory=dict)
    rows: int = 1500
    change: str = ""
    keras: bool = False
    verify: str = ""

    @property
    def words(self) -> str:
        """The case in a line."""
        words = [f"{name}={value}" for name, value in self.parameters.items()]
        kind = ["Keras model"] if self.keras else []
        return ", ".join([*kind, *words, *filter(None, [self.change])]) or "defaults"


def data(case: Case, seed: int = 0) -> tuple[np.ndarray, np.ndarray, str]:
    """Features, target and task of a case: chosen rows, text as indicators, gaps filled."""
    folder = Path(os.environ.get("KOHORT_DATA", "data"))
    entry = json.loads((folder / "manifest.json").read_text())[case.table]
    frame = pd.read_parquet(folder / f"{case.table}.parquet")
    y = frame.pop(entry["target"])
    numbers = frame.select_dtypes("number").astype(float)
    numbers = numbers.fillna(numbers.median())
    texts = frame.select_dtypes(exclude="number")
    texts = texts[[name for name in texts if texts[name].nunique() <= _MOST_LEVELS]]
    dummies = [pd.get_dummies(texts, dtype=float)] if len(texts.columns) else []
    wide = pd.concat([numbers, *dummies], axis=1)
    classifies = entry["task"] != "regression"
    target = pd.factorize(y, sort=True)[0] if classifies else y.to_numpy(float)
    X = wide.to_numpy(float)
    chosen = np.random.default_rng(seed).permutation(len(X))
    X, target = X[chosen], target[chosen]
    if case.change in EARLY:
        X, target = EARLY[case.change](X, target)
    X, target = X[: case.rows], target[: case.rows]
    X = X[:, X.std(axis=0) > 0]
    if case.change in LATE:
        X, target = LATE[case.change](X, target)
    if case.keras:
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        if not classifies:
            target = (target - target.mean()) / target.std()
    return X, target, "classification" if classifies else "regression"


def _rare(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, the rarer of which is one row in fifty."""
    rare = y == np.bincount(y).argmin()
    keep = np.flatnonzero(~rare)
    few = np.flatnonzero(rare)[: len(keep) // 49]
    chosen = np.random.default_rng(0).permutation(np.concatenate([keep, few]))
    return X[chosen], rare[chosen].astype(int)


def _standardised(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def _large_target(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _standardised(X, 1000.0 * y)


def _constants(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([X, np.full((len(X), 3), 7.0)], axis=1), y


def _one_constant(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    X = X.copy()
    X[:, 0] = 0.0
    return X, y


EARLY = {"one class in 50 rows": _rare}
LATE = {
    "scaled inputs": _standardised,
    "scaled inputs, target x 1000": _large_target,
    "3 constant columns": _constants,
    "first column zero": _one_constant,
}


def dense_model(
    n_features_in_: int, meta: dict[str, Any], depth: int = 2, width: int = 64,
    activation: str = "relu", bias: float = 0.0, batch_norm: bool = False,
) -> Any:  # fmt: skip
    """A dense Keras model whose hidden biases start at a given value."""
    import keras

    classes = meta.get("n_classes_") or 0
    layers: list[Any] = [keras.Input((n_features_in_,))]
    start = "he_normal" if activation.endswith("relu") else "glorot_uniform"
    for _ in range(depth):
        layers.append(
            keras.layers.Dense(
                width, None if batch_norm else activation, kernel_initializer=start,
                bias_initializer=keras.initializers.Constant(bias),
            )
        )  # fmt: skip
        if batch_norm:
            layers += [keras.layers.BatchNormalization(), keras.layers.Activation(activation)]
    if classes > 2:
        layers.append(keras.layers.Dense(classes, "softmax"))
    else:
        layers.append(keras.layers.Dense(1, "sigmoid" if classes else None))
    return keras.Sequential(layers)


def estimator(case: Case, task: str, seed: int = 0) -> Any:
    """The estimator of a case, not fitted."""
    import kohort

    given = {"epochs": 30, **case.parameters, "random_state": seed}
    if case.keras:
        kinds: dict[str, Any] = {
            "classification": kohort.KerasClassifier, "regression": kohort.KerasRegressor
        }  # fmt: skip
        return kinds[task](dense_model, optimizer="adam", validation_split=0.1, **given)
    kinds = {"classification": kohort.DenseClassifier, "regression": kohort.DenseRegressor}
    return kinds[task](**{"width": 64, **given})


_DEEP_BN = {"depth": 20, "width": 32, "batch_norm": "before", "optimizer": "sgd"}
_BIG = {"depth": 3, "width": 256, "early_stopping": False, "epochs": 60}
_LONG = {"epochs": 100, "early_stopping": False}

TUNED: list[Case] = [
    Case("vanishing_gradients", "california", {"depth": 12, "activation": "sigmoid"}),
    Case("vanishing_gradients", "letter", {"depth": 10, "activation": "hard_sigmoid"}),
    Case("exploding_gradients", "satellite", {**_DEEP_BN, "learning_rate": 0.1}),
    Case("exploding_gradients", "california", {**_DEEP_BN, "depth": 22, "learning_rate": 0.03}),
    Case("dying_units", "satellite", {"depth": 3, "bias": -10.0}, keras=True),
    Case("dying_units", "california", {"depth": 2, "bias": -8.0}, keras=True),
    Case("saturated_units", "spam", {"activation": "tanh", "bias": 15.0}, keras=True),
    Case("saturated_units", "diamonds", {"activation": "sigmoid", "bias": 12.0}, keras=True),
    Case("wrong_initialisation", "spam", {"depth": 20, "activation": "sigmoid",
         "kernel_initializer": "random_normal", "kernel_scale": 1.0}),
    Case("wrong_initialisation", "california", {"depth": 30, "activation": "relu",
         "kernel_initializer": "glorot_uniform"}),
    Case("rate_too_high", "satellite", {"depth": 3, "learning_rate": 0.1}),
    Case("rate_too_high", "california", {"optimizer": "sgd", "learning_rate": 3.0}),
    Case("rate_too_low", "california", {"learning_rate": 1e-6}),
    Case("rate_too_low", "letter", {"optimizer": "sgd", "learning_rate": 1e-4}),
    Case("warmup_missing", "california", {"depth": 6, "learning_rate": 0.02, "batch_size": 128}),
    Case("warmup_missing", "bikeshare", {"depth": 6, "learning_rate": 0.02, "batch_size": 128}),
    Case("clipping_always", "california", {"optimizer": "sgd", "learning_rate": 0.05,
         "clipnorm": 1e-4}),
    Case("clipping_always", "satellite", {"optimizer": "momentum", "learning_rate": 0.01,
         "global_clipnorm": 1e-3}),
    Case("clipping_never", "adult", {"global_clipnorm": 1e4}, verify="a limit that does nothing"),
    Case("clipping_never", "letter", {"clipvalue": 1e3}, verify="a limit that does nothing"),
    Case("overfitting", "bank", _BIG, rows=200),
    Case("overfitting", "ames", _BIG, rows=200),
    Case("underfitting", "california", {"l2": 1.0}),
    Case("underfitting", "letter", {"depth": 1, "width": 1, "learning_rate": 0.01}),
    Case("constant_inputs", "california", change="3 constant columns",
         verify="columns that say nothing"),
    Case("constant_inputs", "spam", change="first column zero",
         verify="a column that says nothing"),
    Case("unscaled_inputs", "california", {"standardize": False}),
    Case("unscaled_inputs", "bank", {"standardize": False}),
    Case("unscaled_target", "bikeshare", {"standardize": False},
         change="scaled inputs, target x 1000"),
    Case("unscaled_target", "diamonds", {"standardize": False}, change="scaled inputs"),
    Case("small_batch_norm_batches", "spam", {"batch_norm": "before", "batch_size": 2,
         "epochs": 15}, rows=800),
    Case("small_batch_norm_batches", "california", {"batch_norm": "before", "batch_size": 4,
         "epochs": 15}),
    Case("plateau", "satellite", {"learning_rate": 0.02, "batch_size": 16, **_LONG}),
    Case("plateau", "california", {"depth": 1, "learning_rate": 0.03, "batch_size": 16, **_LONG}),
    Case("label_imbalance", "bank", change="one class in 50 rows", rows=3000),
    Case("label_imbalance", "adult", change="one class in 50 rows", rows=3000),
]  # fmt: skip

HEALTHY: list[Case] = [
    Case("", "california"),
    Case("", "diamonds", {"depth": 3, "activation": "gelu"}),
    Case("", "ames", {"dropout": 0.2}),
    Case("", "bikeshare", {"activation": "tanh", "depth": 3}),
    Case("", "adult", {"optimizer": "momentum", "learning_rate": 0.01}),
    Case("", "bank", {"depth": 1}),
    Case("", "telco_churn", {"activation": "selu", "depth": 5}),
    Case("", "spam", {"optimizer": "sgd", "learning_rate": 0.05}),
    Case("", "letter", {"depth": 3, "width": 128}),
    Case("", "satellite", {"batch_norm": "before"}),
    Case("", "california", {"layer_norm": "before", "depth": 4, "activation": "silu"}),
    Case("", "diamonds", {"optimizer": "rmsprop", "batch_size": 64}),
    Case("", "ames", {"activation": "elu", "schedule": "cosine"}),
    Case("", "bikeshare", {"schedule": "1cycle", "learning_rate": 0.01}),
    Case("", "adult", {"depth": 8, "activation": "relu", "width": 32}),
    Case("", "bank", {"activation": "leaky_relu", "optimizer": "adamw"}),
    Case("", "telco_churn", {"batch_size": 128, "learning_rate": 0.003}),
    Case("", "spam", {"depth": 4, "batch_norm": "after", "optimizer": "nesterov",
         "learning_rate": 0.02}),
    Case("", "letter", {"optimizer": "nadam", "activation": "tanh", "epochs": 50}),
    Case("", "satellite", {"depth": 6, "activation": "mish"}),
    Case("", "california", {"global_clipnorm": 1.0, "depth": 3}),
    Case("", "diamonds", {"l2": 1e-4, "activation": "prelu"}),
    Case("", "satellite", {"depth": 2}, keras=True),
    Case("", "bikeshare", {"depth": 3, "batch_norm": True}, keras=True),
]  # fmt: skip

FRESH: list[Case] = [
    Case("vanishing_gradients", "diamonds", {"depth": 16, "activation": "sigmoid", "width": 32}),
    Case("exploding_gradients", "letter", {**_DEEP_BN, "depth": 24, "optimizer": "momentum",
         "learning_rate": 0.1}),
    Case("dying_units", "spam", {"depth": 4, "bias": -12.0, "width": 32}, keras=True),
    Case("saturated_units", "letter", {"activation": "tanh", "bias": -20.0}, keras=True),
    Case("wrong_initialisation", "diamonds", {"depth": 14, "activation": "tanh",
         "kernel_initializer": "random_normal", "kernel_scale": 0.02}),
    Case("wrong_initialisation", "bank", {"depth": 24, "activation": "elu", "optimizer": "sgd",
         "learning_rate": 0.05, "kernel_initializer": "random_normal", "kernel_scale": 0.5}),
    Case("rate_too_high", "bikeshare", {"depth": 3, "learning_rate": 0.2}),
    Case("rate_too_high", "adult", {"optimizer": "momentum", "learning_rate": 2.0}),
    Case("rate_too_low", "ames", {"optimizer": "rmsprop", "learning_rate": 1e-6}),
    Case("rate_too_low", "satellite", {"optimizer": "adamw", "learning_rate": 3e-6, "depth": 3}),
    Case("warmup_missing", "diamonds", {"depth": 5, "optimizer": "nadam", "learning_rate": 0.02,
         "batch_size": 256}),
    Case("warmup_missing", "ames", {"depth": 4, "learning_rate": 0.02, "batch_size": 128}),
    Case("clipping_always", "letter", {"optimizer": "sgd", "learning_rate": 0.1,
         "clipvalue": 1e-5}),
    Case("clipping_never", "bikeshare", {"clipnorm": 500.0}, verify="a limit that does nothing"),
    Case("overfitting", "telco_churn", {**_BIG, "depth": 4}, rows=200),
    Case("underfitting", "adult", {"dropout": 0.95, "learning_rate": 0.003}),
    Case("underfitting", "diamonds", {"l1": 0.5}),
    Case("constant_inputs", "bikeshare", change="3 constant columns",
         verify="columns that say nothing"),
    Case("unscaled_inputs", "telco_churn", {"standardize": False, "optimizer": "sgd"}),
    Case("unscaled_inputs", "spam", {"standardize": False, "activation": "tanh", "depth": 3}),
    Case("unscaled_target", "california", {"standardize": False},
         change="scaled inputs, target x 1000"),
    Case("small_batch_norm_batches", "bikeshare", {"batch_norm": "after", "batch_size": 3,
         "epochs": 10}),
    Case("plateau", "letter", {"learning_rate": 0.03, "epochs": 60, "patience": 60}),
    Case("label_imbalance", "spam", change="one class in 50 rows", rows=2500),
]  # fmt: skip

FRESH_HEALTHY: list[Case] = [
    Case("", "ames", {"depth": 4, "activation": "relu", "dropout": 0.3}),
    Case("", "adult", {"activation": "gelu_tanh", "optimizer": "nadam"}),
    Case("", "satellite", {"activation": "selu", "depth": 8, "optimizer": "sgd",
         "learning_rate": 0.02}),
    Case("", "letter", {"batch_norm": "before", "depth": 4, "activation": "tanh"}),
    Case("", "california", {"optimizer": "adagrad", "learning_rate": 0.03}),
    Case("", "telco_churn", {"layer_norm": "after", "depth": 3}),
    Case("", "bank", {"activation": "swish", "batch_size": 64, "warmup": 0.1}),
    Case("", "spam", {"depth": 6, "activation": "leaky_relu", "schedule": "cosine"}),
    Case("", "diamonds", {"optimizer": "lion", "learning_rate": 3e-4}),
    Case("", "bikeshare", {"depth": 2, "width": [96, 32], "weight_decay": 0.01}),
    Case("", "adult", {"depth": 1, "width": 16, "optimizer": "momentum", "learning_rate": 0.03}),
    Case("", "letter", {"depth": 3, "width": 96}, keras=True),
]  # fmt: skip
