"""Weights of rows in any unit: scaled where their unit says nothing, refused where it counts."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

import kohort
from kohort.estimators.row_weights import relative

_GENERATOR = np.random.default_rng(0)
_X = _GENERATOR.normal(size=(40, 3)).astype(np.float32)
_Y = _X[:, 0] - _X[:, 1]
_LABELS = (_Y > 0).astype(int)
_WEIGHTS = _GENERATOR.uniform(0.5, 1.5, 40)
_UNITS = [2.0**-1000, 2.0**-150, 2.0**40, 2.0**130, 2.0**1020]
"""About 1e-301, 1e-46, 1e12, 1e39 and 1e307, as powers of two, which change no digit of weights."""
_LOOP = {"run_eagerly": True, "jit_compile": False}


def _model(n_classes_=1, loop=False):
    end = None if n_classes_ == 1 else "softmax"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(n_classes_, end)])
    loss = "mse" if n_classes_ == 1 else "sparse_categorical_crossentropy"
    optimizer = keras.optimizers.SGD(0.05)
    model.compile(optimizer, loss, weighted_metrics=["mae"], **_LOOP if loop else {})
    return model


def _in_keras_s_loop():
    return _model(loop=True)


_OPTIONS = {"epochs": 3, "random_state": 0}
_KERAS = kohort.KerasRegressor(_model, **_OPTIONS)
_DENSE = kohort.DenseRegressor(**_OPTIONS, width=4)
_REGRESSORS = {
    "Keras model": _KERAS,
    "with a split": clone(_KERAS).set_params(validation_split=0.25),
    "in Keras's loop": clone(_KERAS).set_params(model=_in_keras_s_loop),
    "dense": clone(_DENSE).set_params(early_stopping=False),
    "dense with early stopping": _DENSE,
}


@pytest.mark.filterwarnings("ignore::kohort.KerasLoopWarning")
@pytest.mark.parametrize("model", _REGRESSORS.values(), ids=_REGRESSORS)
def test_the_unit_of_sample_weights_changes_no_bit(model):
    expected = clone(model).fit(_X, _Y, sample_weight=_WEIGHTS)
    for unit in _UNITS:
        found = clone(model).fit(_X, _Y, sample_weight=_WEIGHTS * unit)
        np.testing.assert_equal(found.history_, expected.history_)
        np.testing.assert_array_equal(found.predict(_X), expected.predict(_X))


def test_targets_of_images_are_standardised_by_weights_in_any_unit():
    images = _GENERATOR.random((40, 8, 8, 1))
    model = kohort.ConvRegressor(depth=1, width=2, epochs=2, random_state=0)
    expected = clone(model).fit(images, _Y, sample_weight=_WEIGHTS).predict(images)
    for unit in _UNITS:
        found = clone(model).fit(images, _Y, sample_weight=_WEIGHTS * unit)
        np.testing.assert_array_equal(found.predict(images), expected)


def test_weights_of_mean_1_are_keras_s_own_to_the_bit():
    weights = _WEIGHTS / _WEIGHTS.mean()
    model = kohort.KerasRegressor(_in_keras_s_loop, epochs=3, random_state=0, shuffle=False)
    other = clone(model).initialize(_X, _Y).model_
    theirs = other.fit(
        _X, _Y[:, None], sample_weight=weights, epochs=3, batch_size=32, shuffle=False, verbose=0
    ).history
    with pytest.warns(kohort.KerasLoopWarning):
        model.fit(_X, _Y, sample_weight=weights)
    assert model.history_ == theirs
    for mine, their in zip(model.model_.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, their)


@given(
    st.lists(st.floats(0, 1e308), min_size=2, max_size=8).filter(any),
    st.integers(-1000, 1000),
)
def test_relative_weights_have_a_mean_of_1_in_any_unit(weights, exponent):
    weight = np.array(weights)
    found = relative(weight, None)
    assert found.mean() == pytest.approx(1)
    with np.errstate(over="ignore", under="ignore"):
        other = np.ldexp(weight, exponent)
    if np.isfinite(other).all() and (np.ldexp(other, -exponent) == weight).all():
        np.testing.assert_array_equal(relative(other, None), found)


def test_weights_so_far_apart_that_float32_cannot_hold_both_count_as_0():
    apart = np.where(np.arange(40) < 20, 1e-60, _WEIGHTS)
    model = kohort.KerasRegressor(_model, epochs=3, random_state=0, batch_size=40)
    found = clone(model).fit(_X, _Y, sample_weight=apart)
    apart[:20] = 0
    assert found.history_ == clone(model).fit(_X, _Y, sample_weight=apart).history_


@pytest.mark.parametrize("model", [_KERAS, _DENSE], ids=["Keras", "dense"])
@pytest.mark.parametrize("unit", [1e39, 1e-46, 1e38])
def test_weights_to_validate_on_keep_their_unit_or_are_refused(model, unit):
    """Keras divides `val_loss` by the number of rows: its unit is that of the weights."""
    message = (
        r"sample_weight of validation_data must .*at least 1\.2e-38 .* at most 3\.4e\+38, .* "
        r"float32 holds; got a largest .*Divide"
    )
    with pytest.raises(kohort.DataError, match=message):
        model.fit(_X, _Y, validation_data=(_X, _Y, _WEIGHTS * unit))


@pytest.mark.parametrize("outlier", [1e60, 1e-60])
def test_rows_set_aside_are_refused_if_their_weights_are_beyond_those_of_the_others(outlier):
    weights = np.where(np.arange(40) < 30, 1.0, outlier)
    model = kohort.KerasRegressor(_model, random_state=0, validation_split=0.25)
    with pytest.raises(kohort.DataError, match=r"sample_weight of the rows set aside .* must have"):
        model.fit(_X, _Y, sample_weight=weights)


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 1e39}, {0: 1e-46, 1: 1e-46}, {0: 1e38, 1: 1e38}])
def test_class_weights_that_float32_cannot_hold_are_refused(weights):
    model = kohort.KerasClassifier(_model, class_weight=weights, random_state=0)
    with pytest.raises(kohort.DataError, match=r"class_weight must have .* float32 holds; got"):
        model.fit(_X, _LABELS)
    dense = kohort.DenseClassifier(class_weight=weights, random_state=0, epochs=2)
    assert np.isfinite(dense.fit(_X, _LABELS).history_["loss"]).all()


@pytest.mark.parametrize("model", [_KERAS, _DENSE], ids=["Keras", "dense"])
def test_a_weight_beyond_any_float_is_refused(model):
    with pytest.raises(
        kohort.DataError, match=r"sample_weight must hold numbers of at most 1.8e\+308"
    ):
        model.fit(_X, _Y, sample_weight=[10**400] + [1] * 39)
