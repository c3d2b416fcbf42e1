"""Parameters that continue a training are refused by name, with the estimator that has them."""

import pickle

import pytest
from sklearn.base import clone

import kohort


@pytest.mark.parametrize("kind", ["Regressor", "Classifier"])
def test_partial_fit_and_warm_start_name_the_keras_estimator(kind):
    estimator = getattr(kohort, f"Dense{kind}")
    with pytest.raises(kohort.ParameterError, match=f"warm_start.*Use kohort.Keras{kind}"):
        estimator(warm_start=True)
    with pytest.raises(kohort.ParameterError, match=f"warm_start.*Use kohort.Keras{kind}"):
        estimator().set_params(warm_start=True)
    with pytest.raises(AttributeError, match=f"partial_fit.*Use kohort.Keras{kind}"):
        estimator().partial_fit([[0.0]], [0])
    assert not hasattr(estimator(), "partial_fit")
    assert hasattr(getattr(kohort, f"Keras{kind}"), "partial_fit")
    model = pickle.loads(pickle.dumps(clone(estimator(8))))
    assert model.set_params(depth=1).get_params()["depth"] == 1
