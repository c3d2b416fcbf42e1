"""Small experiments behind the pictures: sweeps over one hyperparameter and several seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import ShuffleSplit

import kohort

SEEDS = 5
CLASSIFIER: dict[str, Any] = {
    "depth": 2, "width": 64, "epochs": 40, "early_stopping": False, "learning_rate": 1e-3,
}  # fmt: skip


def digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's handwritten digits: 1,797 images of 8x8 pixels."""
    return load_digits(return_X_y=True)


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's diabetes table: 442 rows, 10 features."""
    return load_diabetes(return_X_y=True)


def sweep(
    estimator: Any, grid: dict[str, list[Any]], data: Any, scoring: str, train_size: float = 0.3
) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Test score of every candidate for each of several splits and seeds, as one cohort.

    Returns
    -------
    list of (parameters, scores of shape (seed,))
    """
    X, y = data
    candidates: dict[str, list[float]] = {}
    parameters: dict[str, dict[str, Any]] = {}
    search = kohort.GridSearchCV(
        estimator,
        {**grid, "random_state": list(range(SEEDS))},
        cv=ShuffleSplit(1, train_size=train_size, random_state=0),
        scoring=scoring,
        refit=False,
        error_score=np.nan,
    ).fit(X, y)
    results = zip(
        search.cv_results_["params"], search.cv_results_["split0_test_score"], strict=True
    )
    for params, score in results:
        own = {name: params[name] for name in grid}
        candidates.setdefault(repr(own), []).append(score)
        parameters[repr(own)] = own
    return [(parameters[key], np.asarray(scores)) for key, scores in candidates.items()]


def error_rates(estimator: Any, grid: dict[str, list[Any]], **more: Any) -> Any:
    """`sweep` on the digits, as test error in percent."""
    found = sweep(estimator, grid, digits(), "accuracy", **more)
    return [(params, 100 * (1 - scores)) for params, scores in found]


def log_losses(estimator: Any, grid: dict[str, list[Any]]) -> Any:
    """`sweep` on the digits, as negative log-likelihood on the test rows."""
    found = sweep(estimator, grid, digits(), "neg_log_loss")
    return [(params, -scores) for params, scores in found]


def curves(parameters: dict[str, dict[str, Any]], data: Any, kind: Any) -> dict[str, np.ndarray]:
    """Validation loss by epoch of several settings, the median over seeds, as one cohort."""
    from concurrent.futures import ThreadPoolExecutor

    X, y = data
    part = ShuffleSplit(1, train_size=0.5, random_state=0)
    train, test = next(part.split(X))
    names = [(name, seed) for name in parameters for seed in range(SEEDS)]

    def fit(task: tuple[str, int]) -> np.ndarray:
        name, seed = task
        model = kind(**parameters[name], random_state=seed)
        model.fit(X[train], y[train], validation_data=(X[test], y[test]))
        history = np.full(model.epochs, np.nan)
        history[: model.n_epochs_] = model.history_["val_loss"]
        return history

    with kohort.together(), ThreadPoolExecutor(len(names)) as pool:
        found = list(pool.map(fit, names))
    by_name: dict[str, list[np.ndarray]] = {}
    for (name, _), history in zip(names, found, strict=True):
        by_name.setdefault(name, []).append(history)
    return {name: np.nanmedian(histories, axis=0) for name, histories in by_name.items()}
