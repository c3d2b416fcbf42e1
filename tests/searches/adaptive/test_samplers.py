"""Where candidates come from: spaces of every kind, samplers and studies of Optuna."""

from collections import Counter

import optuna
import pytest
from scipy.stats import norm
from tests.searches.adaptive.conftest import X, Y, search

import kohort
from kohort.searches.spaces import LogWholeNumbers


def test_spaces_of_every_kind():
    space = [
        {
            "learning_rate": norm(0.02, 0.001), "width": LogWholeNumbers(4, 9),
            "activation": ["relu", "tanh"],
        },
        {"width": [[4, 4], [5, 5]], "depth": [2], "early_stopping": [True, False]},
    ]  # fmt: skip
    found = search(space=space, sampler="tpe", n_candidates=16, cv=2, refit=False).fit(X, Y)
    parts = Counter("activation" in p for p in found.cv_results_["params"])
    assert set(parts) == {True, False}
    for parameters in found.cv_results_["params"]:
        if "activation" in parameters:
            assert 4 <= parameters["width"] <= 9
            assert 0.01 < parameters["learning_rate"] < 0.03
        else:
            assert parameters["width"] in ([4, 4], [5, 5])


def test_another_sampler_of_optuna_s_is_copied():
    sampler = optuna.samplers.RandomSampler(seed=3)
    first, second = (search(sampler=sampler, refit=False).fit(X, Y) for _ in range(2))
    assert first.cv_results_["params"] == second.cv_results_["params"]


def test_a_study_is_kept_and_gone_on_with(tmp_path):
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    options = {"sampler": "tpe", "storage": url, "study_name": "small", "n_candidates": 4}
    first = search(**options).fit(X, Y)
    again = search(**options, refit=False).fit(X, Y)
    study = optuna.load_study(study_name="small", storage=url)
    assert len(study.trials) == 8
    assert study.trials[0].params == first.cv_results_["params"][0]
    assert len(again.cv_results_["params"]) == 4
    finite = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert max(t.value for t in finite) == max(first.best_score_, again.best_score_)


def test_without_optuna_the_error_says_what_to_install(monkeypatch):
    from kohort.searches.adaptive import optuna_sampler

    monkeypatch.setattr(optuna_sampler, "find_spec", lambda name: None)
    with pytest.raises(kohort.KohortError, match=r'pip install "kohort\[optuna\]".*"random"'):
        search(sampler="tpe").fit(X, Y)
