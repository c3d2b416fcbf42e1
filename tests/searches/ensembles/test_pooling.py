"""Predictions of several models as one: the mean of targets, the log pool of probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import gmean

from kohort.searches.ensembles.pooling import LEAST, Pooling

MODELS, ROWS, CLASSES = 3, 4, 3
VALUES = arrays(np.float64, (MODELS, ROWS, CLASSES), elements=st.floats(0.01, 1))


def shares(values):
    return values / values.sum(axis=-1, keepdims=True)


@given(VALUES.map(shares))
def test_classes_are_pooled_by_the_geometric_mean(found):
    np.testing.assert_allclose(Pooling.CLASSES.of(found), shares(gmean(found, axis=0)), rtol=1e-12)


@given(VALUES.map(lambda values: values * 0.98))
def test_a_label_is_pooled_as_two_classes_are(found):
    single = Pooling.LABELS.of(found)
    both = np.stack([1 - found, found], axis=-1).reshape(MODELS, -1, 2)
    expected = Pooling.CLASSES.of(both)[:, 1].reshape(ROWS, CLASSES)
    np.testing.assert_allclose(single, expected, rtol=1e-12)


@given(VALUES)
def test_targets_are_averaged(found):
    np.testing.assert_allclose(Pooling.TARGETS.of(found), found.mean(axis=0), rtol=1e-15)


@given(VALUES.map(shares))
def test_equal_models_predict_what_one_does(found):
    same = np.stack([found[0]] * 5)
    for pooling in Pooling:
        np.testing.assert_allclose(pooling.of(same), found[0], rtol=1e-9)


def test_a_class_that_a_model_has_not_seen_is_pooled_from_the_others():
    found = np.array([[[0.6, 0.4, 0.0]], [[0.2, 0.3, 0.5]]])
    knows = np.array([[True, True, False], [True, True, True]])
    expected = [np.sqrt(0.12), np.sqrt(0.12), 0.5]
    assert Pooling.CLASSES.of(found, knows)[0] == pytest.approx(expected / np.sum(expected))


def test_a_class_that_no_model_has_seen_has_no_probability():
    found = np.array([[[0.6, 0.4, 0.0]], [[0.2, 0.8, 0.0]]])
    knows = np.array([[True, True, False]] * 2)
    expected = [np.sqrt(0.12), np.sqrt(0.32), 0.0]
    assert Pooling.CLASSES.of(found, knows)[0] == pytest.approx(expected / np.sum(expected))


@pytest.mark.parametrize("pooling", [Pooling.CLASSES, Pooling.LABELS])
def test_certainty_of_one_model_is_no_veto(pooling):
    found = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert pooling.of(found)[0] == pytest.approx([0.5, 0.5])
    sure = pooling.of(found[:1])[0]
    assert sure == pytest.approx([1, 0], abs=2 * LEAST)
