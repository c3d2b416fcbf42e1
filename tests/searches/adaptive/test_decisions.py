"""Which candidates go on, and for how long: against other searches, and decided by hand."""

import numpy as np
import optuna
import pytest
from scipy.stats import randint
from sklearn.model_selection import KFold, ParameterSampler, cross_val_score
from tests.searches.adaptive.conftest import SPACE, X, Y, columns, network, search

import kohort


@pytest.mark.parametrize("train", [False, True])
def test_without_a_pruner_it_is_scikit_learn_s_random_search(train):
    ours = search(pruner=None, return_train_score=train).fit(X, Y)
    theirs = kohort.RandomizedSearchCV(
        network(), SPACE, n_iter=9, cv=3, random_state=0, return_train_score=train
    ).fit(X, Y)
    np.testing.assert_equal(columns(ours), columns(theirs))
    assert (ours.best_index_, ours.best_score_) == (theirs.best_index_, theirs.best_score_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.n_epochs_ == 9 * 3 * 9
    assert ours.cv_results_["completed"].all()


@pytest.mark.parametrize(("epochs", "first"), [(24, 4), (2, 1)])
def test_the_first_rung_is_at_a_sixth_of_the_epochs(epochs, first):
    given = {"n_candidates": 8, "min_epochs": None, "refit": False}
    found = search(network(epochs=epochs), **given).fit(X, Y)
    assert found.cv_results_["epochs"].min() == first


def asha(count, slots, begin, score_after, factor=3, rungs=3):
    """Algorithm 2 of Li et al. (2020), asked for `slots` jobs a round: the scores of every rung.

    When nobody can come to a rung any more, at least its best one goes on.
    """
    scores, begun = [{} for _ in range(rungs)], 0
    while True:
        jobs = []
        for rung, known in enumerate(scores[:-1]):
            closed = begun == count and not jobs
            best = sorted(known, key=known.get, reverse=True)
            best = best[: max(len(known) // factor, int(closed))]
            jobs = [(number, rung + 1) for number in best if number not in scores[rung + 1]] + jobs
        del jobs[slots:]
        while len(jobs) < slots and begun < count:
            begin(begun, scores)
            jobs.append((begun, 0))
            begun += 1
        if not jobs:
            return scores
        for number, rung in jobs:
            scores[rung][number] = score_after(number, factor**rung)


@pytest.mark.parametrize(("slots", "count"), [(1, 12), (4, 12), (20, 12), (4, 2)])
def test_decisions_are_those_of_asha_by_hand(slots, count):
    plain = {"ema_momentum": None}  # "auto" follows the most epochs.
    found = search(network(**plain), n_slots=slots, n_candidates=count).fit(X, Y)
    candidates = list(ParameterSampler(SPACE, count, random_state=0))

    def score_after(number, epochs):
        model = network(epochs=epochs, **plain).set_params(**candidates[number])
        return cross_val_score(model, X, Y, cv=KFold(3)).mean()

    scores = asha(count, slots, lambda *_: None, score_after)
    expected = [sum(number in known for known in scores) - 1 for number in range(count)]
    results = found.cv_results_
    assert results["params"] == candidates
    assert list(results["rung"]) == expected
    ends = [scores[rung][number] for number, rung in enumerate(expected)]
    np.testing.assert_array_equal(results["mean_test_score"], ends)
    assert list(results["epochs"]) == [3**rung for rung in expected]
    assert list(results["completed"]) == [rung == 2 for rung in expected]
    assert found.best_score_ == max(scores[2].values())
    assert results["rank_test_score"][found.best_index_] == 1


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")  # Of Optuna 4.
@pytest.mark.parametrize(("pruner", "rungs"), [("asha", 3), (None, 1)])
def test_optuna_driven_by_hand_asks_for_the_same(pruner, rungs):
    """Before each question a plain study is told anew what is known, pauses as prunings."""
    found = search(sampler="tpe", pruner=pruner, n_candidates=30, n_slots=3, cv=2).fit(X, Y)
    trials = found.study_.trials
    space = {
        "learning_rate": optuna.distributions.FloatDistribution(1e-3, 1e-1, log=True),
        "width": optuna.distributions.CategoricalDistribution([4, 8]),
    }
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    sampler = optuna.samplers.TPESampler(multivariate=False, constant_liar=True, seed=seed)
    asked = []

    def begin(number, scores):
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for other in range(number):
            told = {3**rung: known[other] for rung, known in enumerate(scores) if other in known}
            whole = other in scores[-1]
            state = "COMPLETE" if whole else "PRUNED" if told else "RUNNING"
            known = {"value": scores[-1][other]} if whole else {"intermediate_values": told}
            params = {"params": asked[other], "distributions": space}
            state = optuna.trial.TrialState[state]
            study.add_trial(optuna.trial.create_trial(state=state, **params, **known))
        asked.append(study.ask(space).params)

    def score_after(number, epochs):
        if pruner is None:
            return trials[number].value
        return trials[number].intermediate_values[epochs]

    scores = asha(30, 3, begin, score_after, rungs=rungs)
    assert asked == found.cv_results_["params"]
    for number, trial in enumerate(trials):
        rung = sum(number in known for known in scores) - 1
        assert found.cv_results_["rung"][number] == rung
        assert (trial.state == optuna.trial.TrialState.COMPLETE) == (rung == rungs - 1)
    assert len({tuple(params.values()) for params in asked}) > 20


def test_early_stopping_ends_a_candidate_on_the_way():
    model = network(epochs=27, early_stopping=True, patience=1, learning_rate=0.05)
    found = search(model, {"width": randint(4, 40)}, min_epochs=3).fit(X, Y)
    results = found.cv_results_
    whole = results["completed"]
    assert whole.any()
    assert (results["epochs"][whole] < 27).all()
    assert results["completed"][found.best_index_]


def shuffled():
    return KFold(3, shuffle=True, random_state=np.random.RandomState(1))


@pytest.mark.parametrize("make", [lambda: {"n_jobs": 2}, lambda: {"cv": shuffled()}])
def test_a_seed_gives_one_result(make):
    first, second = (search(sampler="tpe", **make()) for _ in range(2))
    with kohort.together(threads=1):
        first.fit(X, Y)
    second.fit(X, Y)
    np.testing.assert_equal(columns(first), columns(second))
    assert list(first.cv_results_["rung"]) == list(second.cv_results_["rung"])
