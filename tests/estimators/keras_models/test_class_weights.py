"""Class weights of targets in every form are those of the labels as one list."""

import keras
import numpy as np
import pytest

import kohort
from kohort.estimators.keras_models.class_weights import weights_by_class

LABELS = np.random.default_rng(5).choice(3, 60, p=[0.6, 0.3, 0.1])
X = np.random.default_rng(0).normal(size=(60, 2)) + LABELS[:, None]
WEIGHTS = {0: 1.0, 1: 2.0, 2: 8.0}


def build(n_classes_):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(n_classes_, "softmax")])


def probabilities(y, fit=None, rows=slice(None), **options):
    options = {"loss": "categorical_crossentropy", "optimizer": "sgd", "epochs": 2} | options
    model = kohort.KerasClassifier(build, random_state=0, **options)
    return model.fit(X[rows], y[rows], **(fit or {})).predict_proba(X)


@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_one_hot_rows_and_columns():
    hot, column = np.eye(3)[LABELS], LABELS[:, None]
    by_dict = probabilities(LABELS, class_weight=WEIGHTS)
    balanced = probabilities(LABELS, class_weight="balanced")
    assert np.abs(by_dict - balanced).max() > 0.01
    for options in ({"class_weight": WEIGHTS}, {"fit": {"class_weight": WEIGHTS}}):
        np.testing.assert_allclose(probabilities(hot, **options), by_dict, rtol=1e-5)
        np.testing.assert_allclose(probabilities(column, **options), by_dict, rtol=1e-5)
    for options in ({"class_weight": "balanced"}, {"fit": {"class_weight": "balanced"}}):
        np.testing.assert_allclose(probabilities(hot, **options), balanced, rtol=1e-5)


def test_a_class_that_a_fold_lacks_or_the_dict_leaves_out():
    rows = LABELS < 2
    lacking = probabilities(LABELS, rows=rows, class_weight=WEIGHTS)
    np.testing.assert_allclose(
        lacking, probabilities(LABELS, rows=rows, class_weight={1: 2.0}), rtol=1e-6
    )


@pytest.mark.parametrize("weights", [{0: -1.0}, {0: np.nan}, [1.0, 2.0], "even", {0: 1.0, 7: 2.0}])
@pytest.mark.parametrize("way", ["class_weight", "fit"])
def test_what_is_no_weight_of_a_class(weights, way):
    options = {way: {"class_weight": weights} if way == "fit" else weights}
    with pytest.raises(kohort.ParameterError, match="`class_weight` must be a dict"):
        probabilities(LABELS, **options)


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 2.0}, [{0: 1.0}], "even"])
def test_labels_of_several_columns_have_weights_for_each(weights):
    labels = np.column_stack([LABELS > 0, LABELS > 1, LABELS == 0]).astype(int)
    each = [{0: 1.0, 1: 2.0}] * 3
    assert weights_by_class(each, labels).tolist() == (2.0 ** labels.sum(axis=1)).tolist()
    with pytest.raises(kohort.ParameterError, match='"balanced", or a list of 3 dicts'):
        weights_by_class(weights, labels)
