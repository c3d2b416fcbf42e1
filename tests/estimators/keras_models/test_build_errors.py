"""One clear error for a build function that fails, with the candidate's parameters."""

import keras
import numpy as np
import pytest
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

import kohort

L = keras.layers


def dense(units=1, inputs=5, initializer="glorot_uniform"):
    return keras.Sequential(
        [keras.Input((inputs,)), L.Dense(units, kernel_initializer=initializer)]
    )


def raising(width=3):
    raise RuntimeError("no such width")


def not_finite():
    return dense(initializer=keras.initializers.Constant(np.nan))


CASES = {
    "raised RuntimeError with {'width': 9}: no such width": (raising, {"width": 9}),
    "must return a keras.Model; with {'width': 9} it returned None": (
        lambda width=3: None, {"width": 9}
    ),
    r"takes rows of shape \(7,\), but a row of X has the shape \(5,\)": (dense, {"inputs": 7}),
    r"y has 1 target\(s\), but the model gives 4": (dense, {"units": 4}),
    "weights of a new model must be finite": (not_finite, {}),
    "must be a keras.Model or a build function; got None": (None, {}),
    "must be a keras.Model or a build function; got 3": (3, {}),
}  # fmt: skip


@pytest.mark.parametrize("message", CASES)
def test_the_error_names_what_is_wrong(message, rows):
    X, y, _ = rows
    build, params = CASES[message]
    with pytest.raises(ValueError, match=message) as caught:
        kohort.KerasRegressor(build, **params).fit(X, y)
    assert isinstance(caught.value, kohort.KohortError)


def test_the_number_of_classes_is_checked(rows):
    X, _, _ = rows
    y = np.arange(len(X)) % 3
    with pytest.raises(kohort.ModelError, match=r"3 classes.*must have 3 units; it has 2"):
        kohort.KerasClassifier(dense, units=2).fit(X, y)
    with pytest.raises(kohort.ModelError, match=r"3 classes.*must have 3 units; it has 1"):
        kohort.KerasClassifier(dense, units=1).fit(X, y)


@pytest.mark.parametrize(
    ("name", "value"), [("epochs", 0), ("batch_size", 0), ("validation_split", 1.0)]
)
def test_bad_parameters_are_refused(name, value, rows):
    X, y, _ = rows
    with pytest.raises(kohort.ParameterError, match=f"`{name}` must be"):
        kohort.KerasRegressor(dense, **{name: value}).fit(X, y)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_search_goes_on_beside_a_candidate_that_fails(rows):
    X, y, _ = rows
    search = GridSearchCV(
        kohort.KerasRegressor(dense, random_state=0), {"units": [1, 2]}, cv=2, error_score=np.nan
    )
    with kohort.together(), pytest.warns(FitFailedWarning, match="fits failed"):
        search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores[0])
    assert np.isnan(scores[1])


def test_a_model_is_copied_and_stays_as_it_was(rows):
    X, y, _ = rows
    model = dense()
    model.compile("adam", "mse")
    before = [weight.copy() for weight in model.get_weights()]
    fitted = kohort.KerasRegressor(model, epochs=3).fit(X, y)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(fitted.model_.get_weights()[0], before[0])
