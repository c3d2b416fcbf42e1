"""Searches that trackers are given."""

import pytest
from scipy.stats import loguniform, randint
from sklearn.datasets import load_diabetes
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV

import kohort

FEW = {"width": 8, "depth": 1, "epochs": 3, "random_state": 0}


@pytest.fixture(scope="session")
def data():
    X, y = load_diabetes(return_X_y=True)
    return X[:120], y[:120]


@pytest.fixture(scope="session")
def searches(data):
    """By name: a search and the cohort it was fitted in."""
    found = {}
    optimizer = {"optimizer": "sgd", **FEW}
    failed = pytest.warns(FitFailedWarning, match="2 fits failed")
    with kohort.together() as cohort, failed, pytest.warns(UserWarning, match="non-finite"):
        search = GridSearchCV(
            kohort.DenseRegressor(**optimizer), {"learning_rate": [1e-3, 1e30]}, cv=2
        ).fit(*data)
    found["diverging"] = search, cohort
    space = {"learning_rate": loguniform(1e-3, 1e-1), "width": randint(4, 9), "layer_norm": [None]}
    search = kohort.RandomizedSearchCV(
        kohort.DenseRegressor(**FEW), space, n_iter=3, cv=2, random_state=0
    ).fit(*data)
    found["random"] = search, None
    with kohort.together() as cohort:
        found["halving"] = (
            HalvingGridSearchCV(
                kohort.DenseRegressor(**FEW), {"learning_rate": [1e-3, 1e-2, 1e-1]}, cv=2,
                resource="epochs", min_resources=2, max_resources=6, random_state=0,
            ).fit(*data),
            cohort,
        )  # fmt: skip
    with kohort.together() as cohort:
        found["several metrics"] = (
            RandomizedSearchCV(
                kohort.DenseRegressor(**FEW), {"dropout": [0.0, 0.1]}, n_iter=2, cv=2,
                scoring=["r2", "neg_mean_absolute_error"], refit="neg_mean_absolute_error",
            ).fit(*data),
            cohort,
        )  # fmt: skip
    return found
