"""The sides of `benchmarks.quality`: from a task and a seed to an estimator, on one core."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

CANDIDATES, FOLDS = 60, 3

Make = Callable[[bool, int], Any]
"""From whether numbers are predicted, and a seed, to an estimator."""


def untouched(regression: bool, seed: int) -> Any:
    import kohort

    kind = kohort.DenseRegressor if regression else kohort.DenseClassifier
    return kind(random_state=seed)


def _search(kind: str, counted: str, regression: bool, seed: int, **options: Any) -> Any:
    import kohort
    from kohort.data.tasks import CLASSIFICATION
    from kohort.searches.problems.table_settings import TableParameters

    space = TableParameters("regression" if regression else CLASSIFICATION).space("random")
    return getattr(kohort, kind)(
        untouched(regression, seed), space, cv=FOLDS, random_state=seed,
        scoring=None if regression else "neg_log_loss", **{counted: CANDIDATES}, **options,
    )  # fmt: skip


def searched(regression: bool, seed: int) -> Any:
    return _search("RandomizedSearchCV", "n_iter", regression, seed)


def searched_ensembled(regression: bool, seed: int) -> Any:
    return _search("RandomizedSearchCV", "n_iter", regression, seed, refit="ensemble")


def adaptive(regression: bool, seed: int) -> Any:
    return _search("AdaptiveSearchCV", "n_candidates", regression, seed)


def adaptive_ensembled(regression: bool, seed: int) -> Any:
    return _search("AdaptiveSearchCV", "n_candidates", regression, seed, refit="ensemble")


def mlp(regression: bool, seed: int) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kind = MLPRegressor if regression else MLPClassifier
    model = make_pipeline(StandardScaler(), kind(early_stopping=True, random_state=seed))
    return TransformedTargetRegressor(model, transformer=StandardScaler()) if regression else model


def boosting(regression: bool, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return kind(random_state=seed)


def realmlp(regression: bool, seed: int, **options: Any) -> Any:
    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    kind = RealMLP_TD_S_Regressor if regression else RealMLP_TD_S_Classifier
    return kind(device="cpu", n_threads=1, random_state=seed, **options)


def realmlp_for_log_loss(regression: bool, seed: int) -> Any:
    return realmlp(regression, seed, val_metric_name="cross_entropy", use_ls=False)


def tabm(regression: bool, seed: int) -> Any:
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    kind = TabM_D_Regressor if regression else TabM_D_Classifier
    return kind(device="cpu", n_threads=1, random_state=seed)


def constant(regression: bool, seed: int) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyRegressor() if regression else DummyClassifier()


SEARCHES = {
    "kohort_searched": searched,
    "kohort_searched_ensembled": searched_ensembled,
    "kohort_adaptive": adaptive,
    "kohort_adaptive_ensembled": adaptive_ensembled,
}
OURS, CONSTANT = "kohort", "constant"
"""The untouched default, against which the others are set, and what predicts mean or shares."""
FOR_LOG_LOSS = "realmlp_log_loss"
_PYTABKIT: dict[str, Make] = {
    "realmlp": realmlp, FOR_LOG_LOSS: realmlp_for_log_loss, "tabm": tabm,
}  # fmt: skip
SIDES: dict[str, Make] = {
    OURS: untouched,
    **SEARCHES,
    "mlp": mlp,
    "boosting": boosting,
    **(_PYTABKIT if find_spec("pytabkit") else {}),
}
WORDS = {
    OURS: "kohort, untouched",
    "kohort_searched": f"kohort, best of {CANDIDATES} random candidates",
    "kohort_searched_ensembled": f"kohort, ensemble of {CANDIDATES} random candidates",
    "kohort_adaptive": f"kohort, best of {CANDIDATES} adaptive candidates",
    "kohort_adaptive_ensembled": f"kohort, ensemble of {CANDIDATES} adaptive candidates",
    "mlp": "scikit-learn's MLP",
    "boosting": "HistGradientBoosting",
    "realmlp": "RealMLP-TD-S",
    FOR_LOG_LOSS: "RealMLP-TD-S, for log loss",
    "tabm": "TabM",
    CONSTANT: "constant",
}
