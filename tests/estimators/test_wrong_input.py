"""Input that cannot be used is named: column, value, parameter, and a remedy."""

import re

import keras
import numpy as np
import pandas as pd
import pytest

import kohort

_X = np.random.default_rng(0).normal(size=(30, 2))
_DAYS = pd.date_range("2020-01-01", periods=3)[np.arange(30) % 3]
_TABLE = pd.DataFrame(_X, columns=["size", "town"])
_WORDS = {
    "text": "Seoul",
    "category": pd.Categorical(["Seoul", "Busan"] * 15),
    "text with gaps": pd.Series(["Seoul", None] * 15, dtype="string"),
    "dates": pd.date_range("2020-01-01", periods=30),
    "durations": pd.to_timedelta(np.arange(1, 31), "D"),
}


def _model(n_outputs_=1, n_classes_=None):
    units, end = (n_outputs_, None) if n_classes_ is None else (n_classes_, "softmax")
    return keras.Sequential([keras.layers.Dense(units, end)])


def _regressors():
    return [kohort.DenseRegressor(epochs=1), kohort.KerasRegressor(_model)]


def _classifiers():
    return [
        kohort.DenseClassifier(epochs=1),
        kohort.KerasClassifier(_model),
        kohort.TabularClassifier(kohort.DenseClassifier(epochs=1)),
    ]


@pytest.mark.parametrize("estimator", _regressors(), ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("words", _WORDS.values(), ids=_WORDS)
def test_a_column_of_words_is_named_in_fit_and_predict(estimator, words):
    table = _TABLE.assign(town=words)
    with pytest.raises(kohort.DataError, match=r"Column 'town' of X must hold numbers; .*Tabul"):
        estimator.fit(table, _X[:, 0])
    fitted = estimator.fit(_TABLE, _X[:, 0])
    with pytest.raises(kohort.DataError, match="Column 'town' of X must hold numbers"):
        fitted.predict(table)


@pytest.mark.parametrize("estimator", _regressors(), ids=lambda e: type(e).__name__)
def test_words_in_arrays_and_targets_are_named(estimator):
    with pytest.raises(kohort.DataError, match=r"Column 1 of X must hold numbers; got 'x'"):
        estimator.fit([["1", "x"]] * 30, _X[:, 0])
    with pytest.raises(kohort.DataError, match=r"y must hold numbers for a regressor; got 'no'"):
        estimator.fit(_X, ["1.5", "no"] * 15)
    assert estimator.fit([["1", "2"]] * 30, ["1", "2"] * 15).n_features_in_ == 2


@pytest.mark.parametrize("estimator", _classifiers(), ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array(["a", 1] * 15, object), r"one kind.*got 'a' \(str\) and 1 \(int\)"),
        (np.array(["a", "b", None] * 10, object), r"10 missing of 30 \(the first in row 3\)"),
        (pd.Series(["a", np.nan] * 15), r"15 missing of 30 \(the first in row 2\)"),
        (pd.Series([None, "a", "b"] * 10, dtype="string"), r"missing of 30 \(the first in row 1\)"),
        (pd.Series([True, None] * 15, dtype="boolean"), r"15 missing of 30"),
        (pd.Series(["a", None] * 15, dtype="category"), r"15 missing of 30"),
    ],
    ids=["kinds", "None", "NaN", "NA", "truth values", "categories"],
)  # fmt: skip
def test_labels_without_an_order_are_refused(estimator, y, message):
    with pytest.raises(kohort.DataError, match=message):
        estimator.fit(_X, y)


@pytest.mark.parametrize(
    "estimator", [*_regressors(), *_classifiers()], ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize(
    "y",
    [
        _DAYS.to_numpy(), pd.Series(_DAYS), pd.Series(_DAYS.tz_localize("UTC")),
        pd.Series(_DAYS.date), pd.Series(_DAYS - _DAYS[0]),
    ],
    ids=["NumPy", "pandas", "zoned", "objects", "durations"],
)  # fmt: skip
def test_dates_and_durations_are_no_targets(estimator, y):
    with pytest.raises(kohort.DataError, match=r"y must hold .*; got dates or durations\. Turn"):
        estimator.fit(_X, y)


@pytest.mark.parametrize(
    "estimator",
    [*_regressors(), *_classifiers()[:2], kohort.ConvRegressor(), kohort.ConvClassifier()],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.parametrize("shape", [(30, 4, 4), (30, 4, 4, 1)], ids=["3 axes", "4 axes"])
def test_targets_of_more_axes_are_refused_with_the_way_to_give_them(estimator, shape):
    message = rf"y must have the shape \(row,\) or \(row, target\).*{re.escape(str(shape))}\. Give"
    with pytest.raises(kohort.DataError, match=f"{message}.*reshape.*KerasRegressor"):
        estimator.fit(np.zeros((30, 4, 4, 1)) if "Conv" in repr(estimator) else _X, np.ones(shape))


@pytest.mark.parametrize(
    "estimator",
    [kohort.DenseRegressor(), kohort.DenseClassifier(), kohort.KerasRegressor(kohort.load),
     kohort.TabularRegressor()],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_a_misspelt_parameter_is_told_the_nearest(estimator):
    name = "random_stat"
    with pytest.raises(kohort.ParameterError, match=rf"`{name}` is no .*mean 'random_state'"):
        estimator.set_params(**{name: 3})
    assert estimator.set_params(random_state=3).random_state == 3


def test_names_of_other_libraries_and_of_no_estimator():
    with pytest.raises(kohort.ParameterError, match="Did you mean 'learning_rate'"):
        kohort.DenseRegressor().set_params(lr=0.1)
    with pytest.raises(kohort.ParameterError, match=r"`network` must be an estimator"):
        kohort.TabularRegressor().set_params(network__depth=3)
    both = kohort.TabularRegressor().set_params(network=kohort.DenseRegressor(), network__depth=3)
    assert both.network.depth == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adm"}, r"`optimizer` must be a name .* got 'adm'. Did you mean 'adam'"),
        ({"loss": "mes"}, r"`loss` must be a name .* got 'mes'. Did you mean 'mse'"),
        ({"metrics": {"out": ["acuracy"]}}, r"`metrics` must be .* 'acuracy'. .*'accuracy'"),
        ({"metrics": ["xyzzy"]}, r"`metrics` must be .* 'xyzzy'. See dir\(keras.metrics\)"),
        ({"callbacks": [3]}, r"`callbacks` must be made of callbacks; got 3"),
    ],
)  # fmt: skip
def test_what_keras_does_not_know_is_named(options, message):
    with pytest.raises(kohort.ParameterError, match=message):
        kohort.KerasRegressor(_model, **options).fit(_X, _X[:, 0])


def test_names_that_only_compile_knows_are_taken():
    y = (_X[:, 0] > 0).astype(int)
    model = kohort.KerasClassifier(_model, metrics=["acc", "accuracy"]).fit(_X, y)
    assert "acc" in model.history_ or "accuracy" in model.history_


def test_targets_of_another_length_are_named_before_their_classes():
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[30, 4\]"):
        kohort.KerasClassifier(_model(n_classes_=3)).fit(_X, [0, 1, 2, 0])


@pytest.mark.parametrize("refit", ["ensembel", "Ensemble"])
def test_a_misspelt_ensemble_is_no_plain_refit(refit):
    search = kohort.GridSearchCV(kohort.DenseRegressor(epochs=1), {"width": [4]}, refit=refit)
    with pytest.raises(kohort.ParameterError, match=r"`refit` must be .*Did you mean 'ensemble'"):
        search.fit(_X, _X[:, 0])


def test_progress_is_a_truth_value():
    with (
        pytest.raises(kohort.ParameterError, match=r"`progress` must be True or False or None"),
        kohort.together(progress="bar"),
    ):
        pass
