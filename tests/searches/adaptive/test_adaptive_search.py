"""`AdaptiveSearchCV` against scikit-learn's search, Optuna driven by hand, and a plain version."""

import pickle
from collections import Counter
from typing import ClassVar

import numpy as np
import optuna
import pytest
from scipy.stats import loguniform, norm, randint
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GroupKFold, KFold, ParameterSampler, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kohort
from kohort.report.leaderboard import leaderboard
from kohort.searches.spaces import LogWholeNumbers

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


def test_no_epoch_is_trained_twice():
    with kohort.together() as cohort:
        found = search(n_candidates=12).fit(X, Y)
        refit = 9
        assert cohort.census().epochs == found.n_epochs_ + refit
    results = found.cv_results_
    assert found.n_epochs_ == 3 * results["epochs"].sum() < 12 * 3 * 9
    record = found.cohort_record_
    assert len(record) == 12 * 3 + 1
    assert [len(r.history["loss"]) for r in record[:-1:3]] == list(results["epochs"])
    fits = [fit.parameters["learning_rate"] for fit in record[:-1:3]]
    assert fits == [parameters["learning_rate"] for parameters in results["params"]]


def test_members_of_a_round_train_as_one_cohort(monkeypatch):
    from kohort.engine.executors.local import LocalExecutor

    sizes = []
    start = LocalExecutor.start

    def counting(executor, fits=None):
        sizes.append(executor.arrivals)
        start(executor, fits)

    monkeypatch.setattr(LocalExecutor, "start", counting)
    search(refit=False, n_candidates=6, n_slots=6).fit(X, Y)
    assert (sizes[0], sum(sizes)) == (18, 27)  # Later ones may join a thread that still runs.


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


class Counted(TransformerMixin, BaseEstimator):
    """Counts its fits, which are as long as the table."""

    fits: ClassVar[Counter] = Counter()

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        Counted.fits[self.factor] += 1
        self.fitted_ = True
        return self

    def transform(self, X):
        return X * self.factor


def test_what_stands_in_front_is_fitted_once_for_each_candidate_and_fold():
    Counted.fits.clear()
    piped = make_pipeline(make_pipeline(Counted(), StandardScaler()), network())
    space = {f"denseregressor__{name}": values for name, values in SPACE.items()}
    found = search(piped, space, refit=False).fit(X, Y)
    assert Counted.fits[1.0] == 9 * 3
    plain = search(refit=False).fit(X, Y)
    assert list(found.cv_results_["rung"]) == list(plain.cv_results_["rung"])


def test_steps_can_be_searched():
    piped = make_pipeline(StandardScaler(), network())
    space = {
        "denseregressor": [network(width=4), network(width=8)],
        "standardscaler": [None, Counted(2.0)],
    }
    found = search(piped, space, n_candidates=4).fit(X, Y)
    assert found.cv_results_["rung"].max() == 2
    assert found.best_estimator_.predict(X).shape == (60,)


def test_groups_weights_and_scorers_are_routed():
    groups, weight = np.arange(60) % 5, np.arange(60) / 60
    seen = []

    def score(y, predicted, sample_weight=None):
        seen.append(sample_weight)
        return r2_score(y, predicted, sample_weight=sample_weight)

    options = {"cv": GroupKFold(3), "scoring": make_scorer(score), "n_candidates": 4}
    found = search(**options).fit(X, Y, groups=groups, sample_weight=weight)
    assert not any(each is None for each in seen)
    other = search(**options).fit(X, Y, groups=groups)
    assert not np.array_equal(
        found.cv_results_["mean_test_score"], other.cv_results_["mean_test_score"]
    )


def test_of_several_metrics_refit_names_the_one_that_decides():
    scoring = {"r2": "r2", "error": "neg_mean_absolute_error"}
    found = search(scoring=scoring, refit="error", n_slots=9).fit(X, Y)
    results = found.cv_results_
    threshold = np.sort(results["mean_test_error"][results["rung"] == 0]).max()
    assert (results["mean_test_error"][results["rung"] > 0] >= threshold - 0.5).all()
    assert {"rank_test_r2", "rank_test_error"} < set(results)
    with pytest.raises(kohort.ParameterError, match=r"refit.*one of 'error', 'r2'"):
        search(scoring=scoring, refit=False).fit(X, Y)
    with pytest.raises(kohort.ParameterError, match="refit"):
        search(scoring=lambda *_: {"a": 1.0}, refit=False).fit(X, Y)


def test_fits_that_fail_get_the_score_of_errors_and_go_no_further():
    space = {"learning_rate": [1e-2, 1e30], "standardize": [False], "width": [4, 5, 6]}
    with pytest.warns(FitFailedWarning, match="fits failed"):
        found = search(space=space, n_candidates=6, n_slots=2).fit(X * 1e3, Y)
    failed = np.isnan(found.cv_results_["mean_test_score"])
    assert [p["learning_rate"] == 1e30 for p in found.cv_results_["params"]] == list(failed)
    assert failed.sum() == 3
    assert (found.cv_results_["rung"][failed] == 0).all()
    assert sum(found.fit_failures_.values()) == 9
    with pytest.raises(kohort.DivergedError):
        search(space=space, n_candidates=6, error_score="raise").fit(X * 1e3, Y)


def test_a_round_of_failures_alone_does_not_end_the_search():
    order = [1e-2, 1e30, 1e-2]
    pairs = zip((4, 5, 6), order, strict=True)
    space = [{"learning_rate": [rate], "width": [width]} for width, rate in pairs]
    with pytest.warns(FitFailedWarning, match="All the 3 fits failed"):
        found = search(
            space=space, n_candidates=3, n_slots=1, random_state=1, refit="r2",
            scoring={"r2": "r2"}, return_train_score=True,
        ).fit(X, Y)  # fmt: skip
    rates = [p["learning_rate"] for p in found.cv_results_["params"]]
    if rates[0] == 1e30:
        pytest.fail("choose another seed: the first round would end the search")
    assert np.isnan(found.cv_results_["mean_test_r2"]).sum() == 1
    with pytest.raises(ValueError, match="All the 3 fits failed"):
        search(space={"learning_rate": [1e30]}, n_candidates=1).fit(X, Y)


def test_early_stopping_ends_a_candidate_on_the_way():
    model = network(epochs=27, early_stopping=True, patience=1, learning_rate=0.05)
    found = search(model, {"width": randint(4, 40)}, min_epochs=3).fit(X, Y)
    results = found.cv_results_
    whole = results["completed"]
    assert whole.any()
    assert (results["epochs"][whole] < 27).all()
    assert results["completed"][found.best_index_]


@pytest.mark.parametrize("refit", [False, "ensemble"])
def test_models_of_the_folds_can_be_kept(refit):
    found = search(refit=refit, keep_fold_models=True).fit(X, Y)
    assert found.fold_models_.predictions.shape == (9, 60, 1)
    for place, candidate in enumerate(found.fold_models_.candidates):
        scores = [
            r2_score(Y[test], found.fold_models_.predictions[place, test, 0])
            for _, test in KFold(3).split(X)
        ]
        expected = found.cv_results_["mean_test_score"][candidate]
        np.testing.assert_allclose(np.mean(scores), expected)
    model = found.best_estimator_ if refit else kohort.ensemble_of(found)
    assert model.loss_ <= model.best_single_loss_


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_candidates": 0}, "`n_candidates` must be"),
        ({"reduction_factor": 1}, "`reduction_factor` must be"),
        ({"min_epochs": 0}, "`min_epochs` must be"),
        ({"min_epochs": 1000}, "`min_epochs` must be no more than the .* epochs of the estimator"),
        ({"n_slots": 0}, "`n_slots` must be"),
        ({"pruner": "hyperband"}, "`pruner` must be"),
        ({"sampler": "tqe"}, "`sampler` must be"),
        ({"sampler": object()}, "`sampler` must be"),
        ({"storage": "sqlite://"}, "`storage` must be None.*Set sampler='tpe'"),
        ({"space": {"epochs": [3, 9]}}, "without the number of epochs.*pruner=None"),
        ({"estimator": Ridge(), "space": {"alpha": [1]}}, "whose training can pause.*pruner=None"),
        ({"estimator": make_pipeline(StandardScaler(), Ridge())}, "whose training can pause"),
        ({"space": {"width": 4}, "sampler": "tpe"}, "a list of choices or a distribution"),
    ],
)
def test_bad_parameters_get_one_sentence(options, message):
    with pytest.raises(kohort.ParameterError, match=message):
        search(**options).fit(X, Y)


def test_without_pauses_any_estimator_and_any_epochs_are_searched():
    found = search(Ridge(), {"alpha": loguniform(1e-3, 10)}, pruner=None, sampler="tpe").fit(X, Y)
    assert found.n_epochs_ == 0
    found = search(space={"epochs": [3, 5]}, pruner=None, n_candidates=2).fit(X, Y)
    assert sorted(found.cv_results_["epochs"]) == [3, 5]


def test_without_optuna_the_error_says_what_to_install(monkeypatch):
    from kohort.searches.adaptive import optuna_sampler

    monkeypatch.setattr(optuna_sampler, "find_spec", lambda name: None)
    with pytest.raises(kohort.KohortError, match=r'pip install "kohort\[optuna\]".*"random"'):
        search(sampler="tpe").fit(X, Y)


def test_the_estimator_is_left_as_it_was():
    model = network()
    found = search(model).fit(X, Y)
    assert found.estimator is model
    assert not {"fit", "begin", "__sklearn_clone__"} & set(vars(model))
    assert not {"fit", "set_params"} & set(vars(found.best_estimator_))
    clone(found)


def test_rounds_are_told(capsys):
    search(verbose=1, n_candidates=9, n_slots=9, refit=False).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "9 candidates begin; 9 of 9 so far."
    assert lines[2] == "0 candidates begin, 3 go on to 3 epochs; 9 of 9 so far."


def test_it_is_pickled_reported_and_logged(tmp_path):
    found = search(sampler="tpe", n_candidates=6, cv=2).fit(X, Y)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(X), found.predict(X))
    assert len(again.study_.trials) == 6
    board = leaderboard(found).sort_values("candidate")
    assert board["epochs"].tolist() == list(found.cv_results_["epochs"])
    assert (board["statuses"] == "2 paused").tolist() == list(~found.cv_results_["completed"])
    url = f"sqlite:///{tmp_path / 'logged.db'}"
    kohort.log_search(found, kohort.OptunaTracker(url, study="logged"))
    trials = optuna.load_study(study_name="logged", storage=url).trials
    completed = [trial.state == optuna.trial.TrialState.COMPLETE for trial in trials]
    assert completed == list(found.cv_results_["completed"])
    assert [trial.user_attrs["rung"] for trial in trials] == list(found.cv_results_["rung"])
