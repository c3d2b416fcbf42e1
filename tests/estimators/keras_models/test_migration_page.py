"""The statements of docs/migrating.md on SciKeras and kohort hold for kohort, row by row."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.sparse

import kohort

L = keras.layers
_HERE = Path(__file__).parent
_PAGE = (_HERE.parents[2] / "docs" / "migrating.md").read_text("utf-8")
_TABLE = _PAGE[_PAGE.index("| | SciKeras | kohort |") :].split("\n\n")[0]
_ROWS = [line.split(" | ")[0].removeprefix("| ") for line in _TABLE.splitlines()[2:]]
X = np.random.default_rng(0).normal(size=(12, 2))
Y = X[:, 0]
CLASSES = np.arange(12) % 3


def network(units=1, activation=None):
    return keras.Sequential([keras.Input((2,)), L.Dense(units, activation)])


def regressor(build=network, **params):
    return kohort.KerasRegressor(build, random_state=0, **params)


def classifier(build=lambda: network(3, "softmax"), **params):
    return kohort.KerasClassifier(build, random_state=0, **params)


def compiled(loss):
    def build():
        model = network()
        model.compile("sgd", loss)
        return model

    return build


def build_functions_ask_by_name():
    heard = {}

    def build(n_features_in_, n_outputs_, n_classes_, classes_, target_type_, X_shape_, X, y):
        heard.update(locals())
        return network(n_classes_, "softmax")

    classifier(build).initialize(X, CLASSES)
    assert (heard["n_features_in_"], heard["n_outputs_"], heard["n_classes_"]) == (2, 1, 3)
    assert (heard["target_type_"], heard["X_shape_"]) == ("multiclass", (12, 2))
    np.testing.assert_array_equal(heard["X"], X)
    np.testing.assert_array_equal(heard["y"], CLASSES)


def encoders_of_a_subclass():
    class Mine(kohort.KerasRegressor):
        @property
        def target_encoder(self):
            assert super().target_encoder is None

    assert Mine(network).fit(X, Y).predict(X).shape == (12,)


def history():
    model = regressor(metrics=["mae"], warm_start=True).fit(X, Y).fit(X, Y)
    assert {name: len(log) for name, log in model.history_.items()} == {"loss": 2, "mae": 2}
    assert model.current_epoch == 1


def build_fn():
    with pytest.raises(kohort.ParameterError, match="model"):
        kohort.KerasRegressor(build_fn=network).fit(X, Y)


def a_loss_given_twice():
    model = regressor(compiled("mae"), loss="mse").initialize(X, Y)
    assert model.model_.loss == "mse"


def no_loss():
    assert regressor().initialize(X, Y).model_.loss == "mse"
    assert classifier().initialize(X, CLASSES).model_.loss == "sparse_categorical_crossentropy"
    with pytest.raises(kohort.KohortError):
        regressor(compiled(None)).fit(X, Y)


def one_class():
    with pytest.raises(ValueError, match="at least two classes"):
        classifier().fit(X, np.zeros(12))


def a_model_is_copied():
    model = compiled("mse")()
    before = [np.array(weight) for weight in model.get_weights()]
    fitted = regressor(model).fit(X, Y)
    assert fitted.model_ is not model
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def another_dtype():
    model = regressor().partial_fit(X, Y).partial_fit(X.astype(np.float32), Y.astype(np.float32))
    with pytest.raises(ValueError, match="3 features"):
        model.partial_fit(np.ones((12, 3)), Y)


def base_wrapper():
    assert not hasattr(kohort, "BaseWrapper")

    class Mine(kohort.KerasRegressor):
        pass

    assert Mine(network).fit(X, Y).predict(X).shape == (12,)


def one_hot_for_categorical_losses():
    model = classifier(loss="categorical_focal_crossentropy").fit(X, CLASSES)
    assert set(model.predict(X)) <= {0, 1, 2}


def verbose():
    assert kohort.KerasRegressor(network).verbose == 0


def sample_weight():
    weight = np.linspace(0.5, 2, 12)
    one, other = (
        regressor().fit(X, Y, sample_weight=factor * weight).predict(X) for factor in (1, 8)
    )
    np.testing.assert_array_equal(one, other)


def rows_that_are_one_hot():
    model = classifier(loss="categorical_crossentropy").fit(X, np.eye(3)[CLASSES])
    assert model.target_type_ == "multiclass-onehot"
    np.testing.assert_array_equal(model.predict(X).sum(axis=1), 1)


def all_rows_a_batch():
    one, other = (regressor(batch_size=size).fit(X, Y).predict(X) for size in (-1, 12))
    np.testing.assert_array_equal(one, other)


def sparse():
    with pytest.raises((TypeError, ValueError), match="dense"):
        regressor().fit(scipy.sparse.csr_matrix(X), Y)


def initial_weights():
    one, other = (regressor().initialize(X, Y).model_.get_weights() for _ in range(2))
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


_CHECKS = {
    "parameters of the build function": "test_routing::test_an_unknown_name_lists_the_known_ones",
    "`optimizer__learning_rate`": "test_scikeras_parameters::test_options_reach_the_parts_of_parts",
    "what the build function may ask for": build_functions_ask_by_name,
    "a parameter that no one": "test_scikeras_parameters::test_the_error_names_the_parameter",
    "`feature_encoder`": encoders_of_a_subclass,
    "`callbacks`": "test_scikeras_training::test_callbacks_hear_of_what_they_are_given_for",
    "`history_`": history,
    "`build_fn=`": build_fn,
    "a loss given both": a_loss_given_twice,
    "no loss given": no_loss,
    "y that lacks a class": "test_missing_classes::test_classes_are_named_by_position",
    "y of one class": one_class,
    "a model that is given": a_model_is_copied,
    "X or y of another dtype": another_dtype,
    "`BaseWrapper`": base_wrapper,
    "one-hot targets": one_hot_for_categorical_losses,
    "default of `verbose`": verbose,
    "`sample_weight`": sample_weight,
    "`class_weight`": "test_class_weights::test_a_class_that_a_fold_lacks_or_the_dict_leaves_out",
    "rows of y that are one-hot": rows_that_are_one_hot,
    "`batch_size=-1`": all_rows_a_batch,
    "sparse X": sparse,
    "weights of a new model": initial_weights,
    "a model that ends in NaN": (
        "test_status::test_a_loss_that_is_no_number_ends_in_an_error_with_its_remedy"
    ),
    "scikit-learn 1.6 and later": "../test_scikit_learn_checks::test_check_of_default_parameters",
}
"""By the first words of a row: what tries it, here or where another test does."""


def test_every_row_is_tried():
    assert len(_ROWS) > 20
    untried = [row for row in _ROWS if sum(row.startswith(words) for words in _CHECKS) != 1]
    assert untried == []
    for place in (check for check in _CHECKS.values() if isinstance(check, str)):
        file, test = place.split("::")
        assert re.search(rf"^def {test}", (_HERE / f"{file}.py").read_text("utf-8"), re.M), place


_HERE_TRIED = {name: check for name, check in _CHECKS.items() if callable(check)}


@pytest.mark.whole
@pytest.mark.parametrize("row", _HERE_TRIED)
def test_a_row_says_what_kohort_does(row):
    _HERE_TRIED[row]()


def test_there_is_no_transformer():
    assert "There is no\n`SKLearnTransformer`" in _PAGE
    assert not hasattr(kohort, "KerasTransformer")
