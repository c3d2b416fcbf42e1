"""Estimators of raw tables: what they take, what they search, what they keep."""

import warnings
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import kohort
from kohort.searches.problems.tabular import TabularModel

pytest.importorskip("skrub")

ROWS = 120
RNG = np.random.default_rng(0)
SIZE = RNG.normal(size=ROWS)
COLOR = RNG.choice(["red", "green", "blue"], size=ROWS)
TABLE = pd.DataFrame(
    {
        "size": np.where(RNG.random(ROWS) < 0.1, np.nan, SIZE),
        "color": pd.Series(COLOR).where(RNG.random(ROWS) > 0.1).astype("category"),
        "day": pd.date_range("2024-01-01", periods=ROWS),
        "built": pd.date_range("1990-01-01", periods=ROWS, freq="40D").strftime("%d/%m/%Y"),
        "note": [f"entry {i} of {i * 31 % 17} kinds" for i in range(ROWS)],
        "cost": [f"{i / 8:.2f} €" for i in range(ROWS)],
        "sold": np.where(RNG.random(ROWS) < 0.5, "yes", "no"),
        "count": RNG.integers(0, 9, ROWS).astype(np.int16),
    }
)
AMOUNT = 100 + 10 * (SIZE + (COLOR == "red")) + RNG.normal(size=ROWS)
KIND = np.where(AMOUNT > 103, "high", "low")
OWN = {"epochs": 40, "width": 16, "depth": 1, "early_stopping": False, "random_state": 0}


def regressor(**more):
    return kohort.TabularRegressor(kohort.DenseRegressor(**OWN), random_state=0, **more)


def classifier(**more):
    return kohort.TabularClassifier(kohort.DenseClassifier(**OWN), random_state=0, **more)


@pytest.fixture(scope="module")
def searched():
    network = kohort.DenseRegressor(epochs=10)
    model = kohort.TabularRegressor(network, search="random", n_candidates=3, cv=3, random_state=0)
    return model.fit(TABLE, AMOUNT)


def test_text_dates_missing_values_and_categories_go_in_and_numbers_come_out():
    model = regressor().fit(TABLE, AMOUNT)
    assert model.columns_ == {
        "size": "number", "color": "text", "day": "date", "built": "date as %d/%m/%Y",
        "note": "text",
        "cost": "number in €", "sold": "truth value", "count": "number",
    }  # fmt: skip
    assert model.feature_names_in_.tolist() == list(TABLE.columns)
    assert model.score(TABLE, AMOUNT) > 0.5
    with pytest.raises(kohort.DataError, match="must be in €, as in training; got"):
        model.predict(TABLE.assign(cost="3 $"))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(TABLE.drop(columns="day"))


def test_dates_of_a_csv_are_dates_to_each_front_and_may_come_as_dates_later(searched, tmp_path):
    assert {name: searched.columns_[name] for name in ("day", "built", "note")} == {
        "day": "date", "built": "date as %d/%m/%Y", "note": "text",
    }  # fmt: skip
    model = regressor().fit(TABLE, AMOUNT)
    TabularModel(model, "amount").save(tmp_path / "run")
    again = kohort.load(tmp_path / "run", trusted=True)
    assert again.columns_ == model.columns_
    day_first = pd.to_datetime(TABLE["built"], format="%d/%m/%Y")
    assert again.predict(TABLE.assign(built=day_first)).tolist() == model.predict(TABLE).tolist()


def test_numbers_as_text_and_names_given_twice_are_refused_in_a_sentence():
    small = TABLE[["size", "cost"]]
    with pytest.raises(kohort.DataError, match=r"written as text, such as '1,1.*separators"):
        regressor().fit(small, [f"{1000 + value:,.2f}" for value in AMOUNT])
    with pytest.raises(ValueError, match=r"must hold numbers for a regressor; got 'low'"):
        regressor().fit(small, KIND)
    with pytest.raises(kohort.DataError, match=r"names differ; got \['size'\]"):
        regressor().fit(TABLE[["size", "cost", "size"]], AMOUNT)


def test_a_column_is_a_date_where_the_transformers_read_one():
    """Two formats are no format: a column of them is text, whatever each value looks like."""
    mixed = TABLE.assign(built=np.where(np.arange(ROWS) % 2, TABLE["built"], "1990-01-31"))
    model = regressor().fit(mixed, AMOUNT)
    assert (model.columns_["built"], model.columns_["day"]) == ("text", "date")


def test_classes_are_those_of_y_and_probabilities_sum_to_one():
    model = classifier().fit(TABLE, pd.Series(KIND, dtype="category"))
    assert model.classes_.tolist() == ["high", "low"]
    assert model.predict_proba(TABLE).sum(axis=1) == pytest.approx(1)
    assert set(model.predict(TABLE)) <= {"high", "low"}
    assert model.score(TABLE, KIND) > 0.7


def test_it_is_what_the_command_line_keeps(tmp_path):
    model = regressor().fit(TABLE, AMOUNT)
    TabularModel(model, "amount").save(tmp_path / "run")
    again = kohort.load(tmp_path / "run", trusted=True)
    assert isinstance(again, kohort.TabularRegressor)
    assert again.predict(TABLE).tolist() == model.predict(TABLE).tolist()
    kept = TabularModel.load(tmp_path / "run", trusted=True)
    shuffled = TABLE[TABLE.columns[::-1]].assign(more=1)
    assert kept.predict(shuffled).tolist() == model.predict(TABLE).tolist()
    assert (kept.target, kept.task) == ("amount", "regression")
    network = keras.models.load_model(tmp_path / "run" / "model.keras")
    rows = model.model_[:-1].transform(model._rows(TABLE))
    assert network.predict(rows, verbose=0)[:, 0] == pytest.approx(model.predict(TABLE), rel=1e-4)
    with pytest.raises(kohort.DataError, match="trusted=True"):
        kohort.load(tmp_path / "run")


def test_a_search_ends_in_an_ensemble_that_is_saved_whole(searched, tmp_path):
    assert isinstance(searched.model_, kohort.EnsembleRegressor)
    assert len(searched.search_.cv_results_["params"]) == 3
    assert len(searched.model_.fronts_) == 3  # One preprocessing for each fold.
    assert all(front[-1].memory is None for front in searched.model_.fronts_)
    searched.save(tmp_path / "new")
    again = kohort.load(tmp_path / "new", trusted=True)
    assert again.predict(TABLE).tolist() == searched.predict(TABLE).tolist()
    assert again.predict_interval(TABLE).tolist() == searched.predict_interval(TABLE).tolist()
    assert clone(searched).get_params()["search"] == "random"


def test_intervals_hold_what_they_say_on_rows_left_out(searched):
    """Exactly: the share of the errors across folds; and about that on rows from elsewhere."""
    for coverage in (0.5, 0.8, 0.9):
        ends = searched.predict_interval(TABLE, coverage)
        reach = (ends[:, 1] - ends[:, 0]) / 2
        assert ends.mean(axis=1) == pytest.approx(searched.predict(TABLE))
        out_of_fold = np.abs(AMOUNT - searched.model_.out_of_fold_[:, 0])
        place = int(np.ceil(coverage * (ROWS + 1)))
        assert reach == pytest.approx(np.sort(out_of_fold)[place - 1])
    assert np.isinf(searched.predict_interval(TABLE, 0.999)).all()
    with pytest.raises(kohort.ParameterError, match="search='random'"):
        regressor().fit(TABLE, AMOUNT).predict_interval(TABLE)
    with pytest.raises(kohort.ParameterError, match="`coverage` must be"):
        searched.predict_interval(TABLE, 1.0)


@pytest.mark.rest
def test_intervals_cover_new_rows_about_as_often_as_asked():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1200, 3))
    y = X[:, 0] + rng.standard_t(4, size=1200)
    network = kohort.DenseRegressor(epochs=15)
    model = kohort.TabularRegressor(network, search="random", n_candidates=3, cv=4, random_state=0)
    model.fit(X[:400], y[:400])
    for coverage in (0.6, 0.9):
        low, high = model.predict_interval(X[400:], coverage).T
        share = np.mean((low <= y[400:]) & (y[400:] <= high))
        deviation = np.sqrt(coverage * (1 - coverage) * (1 / 400 + 1 / 800))
        assert abs(share - coverage) < 3 * deviation


def test_weights_reach_the_network_and_groups_the_folds():
    weights = np.where(SIZE > 0, 1.0, 1e-6)
    plain, weighted = regressor().fit(TABLE, AMOUNT), regressor().fit(TABLE, AMOUNT, weights)
    assert not np.allclose(plain.predict(TABLE), weighted.predict(TABLE))
    groups = np.repeat(np.arange(6), ROWS // 6)
    names = pd.DataFrame({"group": [f"g{g}" for g in groups]})
    model = regressor(search="random", n_candidates=2, cv=GroupKFold(3))
    model.fit(names, groups % 2 * 1.0, groups=groups)
    assert model.model_.loss_ > 0.9  # A group's name tells nothing of other groups.


def test_it_works_in_scikit_learns_searches_and_polars_frames_go_in():
    scores = cross_val_score(regressor(), TABLE, AMOUNT, cv=3)
    assert scores.shape == (3,)
    search = kohort.GridSearchCV(regressor(), {"network__width": [4, 8]}, cv=2)
    assert search.fit(TABLE, AMOUNT).best_params_.keys() == {"network__width"}
    model = regressor().fit(TABLE, AMOUNT)
    other = SimpleNamespace(to_pandas=lambda: TABLE, shape=TABLE.shape, __len__=lambda: ROWS)
    assert model.predict(other).tolist() == model.predict(TABLE).tolist()


@pytest.mark.rest
def test_an_adaptive_search_ends_in_an_ensemble_too():
    pytest.importorskip("optuna")
    network = kohort.DenseRegressor(epochs=9)
    model = kohort.TabularRegressor(
        network, search="adaptive", n_candidates=4, cv=3, random_state=0
    ).fit(TABLE, AMOUNT)
    assert isinstance(model.model_, kohort.EnsembleRegressor)
    assert model.predict_interval(TABLE).shape == (ROWS, 2)


@pytest.mark.parametrize(("changes", "said"), [
    ({"search": "grid"}, "`search` must be"),
    ({"n_candidates": 0}, "`n_candidates` must be"),
    ({"network": kohort.DenseClassifier()}, r"`network` must be a kohort\.DenseRegressor"),
])  # fmt: skip
def test_bad_parameters_are_named(changes, said):
    with pytest.raises(kohort.ParameterError, match=said):
        regressor().set_params(**changes).fit(TABLE, AMOUNT)


CHECKED = [
    kohort.TabularRegressor(kohort.DenseRegressor(epochs=30)),
    kohort.TabularClassifier(kohort.DenseClassifier(epochs=30)),
]


@pytest.mark.rest
@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator, check):
    if check.func.__name__ == "check_sample_weight_equivalence_on_dense_data":
        pytest.skip("weights equal repetitions to 1e-7 in double precision alone")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
