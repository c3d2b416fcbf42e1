"""scikit-learn's own checks of its searches, with a store: the second time nothing is trained."""

import warnings
from contextlib import suppress
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.utils.estimator_checks import estimator_checks_generator

import kohort
from kohort.engine.folder_store import FolderStore

pytestmark = [pytest.mark.rest, pytest.mark.timeout(600)]

SMALL = {"width": 16, "depth": 1, "epochs": 40, "batch_size": 64, "random_state": 0}
RATES = {"learning_rate": [0.01, 0.03]}
SEARCHES = [
    GridSearchCV(kohort.DenseRegressor(**SMALL), RATES, cv=2),
    RandomizedSearchCV(kohort.DenseClassifier(**SMALL), RATES, n_iter=2, cv=2, random_state=0),
    HalvingGridSearchCV(kohort.DenseRegressor(**SMALL), RATES, cv=2, random_state=0),
]


# Searches do not tell scikit-learn what their estimator takes, and halving wants some rows.
NOT_OURS = ("check_supervised_y_2d", "check_fit2d_1sample", "check_array_api_input")


def check_all(search):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, check in estimator_checks_generator(search):
            if check.func.__name__ not in NOT_OURS:
                np.random.seed(0)
                with suppress(SkipTest):
                    check(estimator)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: type(search).__name__)
def test_checks_of_searches_pass_with_a_store_and_from_it(search, tmp_path, monkeypatch):
    monkeypatch.setenv("KOHORT_STORE", str(tmp_path))
    check_all(search)
    kept, put = [], FolderStore.put
    monkeypatch.setattr(FolderStore, "put", lambda *told: (kept.append(told), put(*told)))
    assert len(list(FolderStore(tmp_path).entries())) > 20
    check_all(search)
    assert not kept
