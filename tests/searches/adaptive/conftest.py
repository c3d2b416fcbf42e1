"""A small table, a network and a search over its rate and width."""

import numpy as np
from scipy.stats import loguniform

import kohort

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] - X[:, 1] ** 2
SPACE = {"learning_rate": loguniform(1e-3, 1e-1), "width": [4, 8]}


def network(**changes):
    known = {"epochs": 9, "random_state": 0, "batch_size": 16, "early_stopping": False}
    return kohort.DenseRegressor(**known | changes)


def search(estimator=None, space=SPACE, **options):
    known = {"n_candidates": 9, "cv": 3, "random_state": 0, "min_epochs": 1, "sampler": "random"}
    return kohort.AdaptiveSearchCV(
        network() if estimator is None else estimator, space, **known | options
    )


def columns(found, *left_out):
    left_out = ("time", "rung", "epochs", "completed", *left_out)
    return {n: v for n, v in found.cv_results_.items() if not any(o in n for o in left_out)}
