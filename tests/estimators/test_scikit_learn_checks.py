"""scikit-learn's own checks of an estimator, with no expected failures.

Each check is a case of its own, so that one that scikit-learn skips hides no other. Those of
weights compare them with repeated rows to 1e-7: that takes double precision and batches of all
rows.
"""

import warnings

import keras
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import kohort

# Weights equal repetitions only where a batch holds all rows and none is set aside to validate.
WHOLE = {"width": 16, "batch_size": 256, "epochs": 40, "learning_rate": 0.03}
ESTIMATORS = [
    kohort.DenseRegressor(**WHOLE, early_stopping=False),
    kohort.DenseClassifier(**WHOLE, early_stopping=False),
]
DEFAULTS = [kohort.DenseRegressor(epochs=30), kohort.DenseClassifier(epochs=30)]


class BuildModel:
    """Builds a small model for whatever target there is; its text is the same in each process."""

    def __call__(self, n_features_in_, meta, width=16):
        classes = meta.get("n_classes_")
        units, activation, loss = meta["n_outputs_"], None, "mse"
        if meta["target_type_"] == "multilabel-indicator":
            activation, loss = "sigmoid", "binary_crossentropy"
        elif classes:
            units, activation, loss = classes, "softmax", "sparse_categorical_crossentropy"
        last = keras.layers.Dense(units, activation)
        hidden = keras.layers.Dense(width, "relu")
        model = keras.Sequential([keras.Input((n_features_in_,)), hidden, last])
        model.compile(keras.optimizers.Adam(0.03), loss)
        return model

    def __repr__(self):
        return "build_model"


build_model = BuildModel()
ESTIMATORS += [
    kohort.KerasRegressor(build_model, batch_size=256, epochs=40),
    kohort.KerasClassifier(build_model, batch_size=256, epochs=40),
]
DEFAULTS += [
    kohort.KerasRegressor(build_model, epochs=30),
    kohort.KerasClassifier(build_model, epochs=30),
]
DOUBLE_ONLY = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}


def run(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@parametrize_with_checks(ESTIMATORS)
def test_check_in_double_precision(estimator, check, double_precision):
    with double_precision():
        run(estimator, check)


@parametrize_with_checks(DEFAULTS)
def test_check_of_default_parameters_in_single_precision(estimator, check):
    if check.func.__name__ in DOUBLE_ONLY:
        pytest.skip("weights equal repetitions to 1e-7 in double precision alone")
    run(estimator, check)
