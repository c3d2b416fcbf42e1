"""The dense estimators: targets, labels, weights, parameters that are wrong."""

import inspect
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_linnerud

import kohort
from kohort.estimators.dense.parameters import MAY_BE_AUTO


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, 4))
    return X, X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * generator.normal(size=200)


def small(kind=kohort.DenseRegressor, **parameters):
    return kind(**{"width": 16, "epochs": 8, "learning_rate": 0.01, "random_state": 0} | parameters)


def test_a_regressor_learns_a_plane(table):
    X, y = table
    assert small(epochs=60).fit(X, y).score(X, y) > 0.95


def test_several_targets_keep_their_shape_and_units():
    X, y = load_linnerud(return_X_y=True)
    model = small(epochs=200, early_stopping=False, batch_size=8).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("names", [["no", "yes"], [0, 1], [False, True]], ids=str)
def test_two_classes_of_any_kind(names):
    X, y = load_breast_cancer(return_X_y=True)
    labels = np.array(names)[y]
    model = small(kohort.DenseClassifier).fit(X, labels)
    assert model.classes_.tolist() == names
    assert model.score(X, labels) > 0.9
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


def test_string_labels_of_three_classes():
    X, y = load_iris(return_X_y=True, as_frame=True)
    labels = y.map({0: "setosa", 1: "versicolor", 2: "virginica"})
    model = small(kohort.DenseClassifier, epochs=40, early_stopping=False).fit(X, labels)
    assert model.feature_names_in_.tolist() == X.columns.tolist()
    assert model.score(X, labels) > 0.9
    assert model.predict_proba(X).shape == (150, 3)


def test_predictions_do_not_depend_on_the_number_of_rows(table):
    X, y = table
    model = small().fit(X, y)
    big = np.tile(X, (60, 1))  # 12,000 rows: more than one block.
    np.testing.assert_array_equal(model.predict(big)[:200], model.predict(X))
    np.testing.assert_array_equal(model.predict(X[:1]), model.predict(X)[:1])


def test_the_unit_of_sample_weight_does_not_matter(table):
    X, y = table
    weight = np.linspace(0.5, 2, len(X))
    one = small().fit(X, y, sample_weight=weight)
    other = small().fit(X, y, sample_weight=weight * 8)
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-5)


def test_class_weights_equal_sample_weights():
    X, y = load_breast_cancer(return_X_y=True)
    by_class = small(kohort.DenseClassifier, class_weight={0: 4.0, 1: 1.0}).fit(X, y)
    by_row = small(kohort.DenseClassifier).fit(X, y, sample_weight=np.where(y == 0, 4.0, 1.0))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


def test_validation_data_is_monitored(table):
    X, y = table
    model = small(standardize=False).fit(X[:150], y[:150], validation_data=(X[150:], y[150:]))
    at_best = np.mean((model.predict(X[150:]) - y[150:]) ** 2)
    assert model.history_["val_loss"][model.best_epoch_] == pytest.approx(at_best, rel=1e-5)
    assert model.history_["val_loss"].argmin() == model.best_epoch_


def test_large_offsets_do_not_hurt(table):
    X, y = table
    far = X + 1.7e9  # A time in seconds; single precision alone would round it to 128.
    assert small(epochs=60).fit(far, y + 1e6).score(far, y + 1e6) > 0.9


def test_a_fit_that_diverges_names_the_epoch_and_a_remedy(table):
    X, y = table
    model = small(optimizer="sgd", learning_rate=1e9)
    with pytest.raises(kohort.DivergedError, match=r"epoch 1.*Lower learning_rate"):
        model.fit(X, y)
    assert model.status_ == "diverged"


def test_verbose_says_a_line_per_epoch(table, capsys):
    small(verbose=2, epochs=3).fit(*table)
    assert len(capsys.readouterr().out.splitlines()) == 3


BAD = {
    "depth": -1,
    "width": [8, 8, 8],
    "activation": "rellu",
    "kernel_initializer": "he",
    "output_initializer": "zero",
    "output_bias": "mean",
    "loss": "binary_crossentropy",
    "optimizer": "adamax2",
    "learning_rate": -0.1,
    "momentum": 1.2,
    "weight_decay": -1.0,
    "dropout": 1.0,
    "l2": -1e-4,
    "batch_size": 0,
    "epochs": 0,
    "early_stopping": "yes",
    "patience": -1,
    "min_delta": -1.0,
    "validation_fraction": 1.0,
    "standardize": None,
    "scale_binary": 1.5,
    "input_clip": 0.0,
    "n_bins": 1,
    "verbose": 3,
    "workers": -1,
    "diagnose": "yes",
    "activation_alpha": math.nan,
    "batch_norm": "between",
    "batch_norm_momentum": 1.0,
    "layer_norm": True,
    "norm_epsilon": 0.0,
    "kernel_scale": 0.0,
    "huber_delta": 0.0,
    "quantile": 1.0,
    "label_smoothing": 1.1,
    "focal_gamma": -1.0,
    "beta_1": 1.0,
    "beta_2": -0.1,
    "rho": 1.0,
    "epsilon": -1e-7,
    "amsgrad": 1,
    "centered": None,
    "ema_momentum": 1.0,
    "clipvalue": 0.0,
    "clipnorm": -1.0,
    "global_clipnorm": "1",
    "schedule": "cosin",
    "decay_epochs": 0.0,
    "decay_rate": 1.1,
    "decay_power": 0.0,
    "staircase": "yes",
    "boundaries": 3,
    "factors": [-1.0],
    "t_mul": 0.5,
    "m_mul": 0.0,
    "final_rate": 1.1,
    "pct_start": 0.0,
    "div_factor": 0.5,
    "final_div_factor": 0.5,
    "base_momentum": 1.0,
    "max_momentum": 1.0,
    "anneal": "cosine",
    "plateau_patience": -1,
    "plateau_min_delta": -1.0,
    "plateau_cooldown": 0.5,
    "warmup": -1.0,
    "warmup_start": 1.1,
    "input_dropout": 1.0,
    "alpha_dropout": 1.0,
    "gaussian_noise": -1.0,
    "l1": -1e-4,
    "max_norm": 0.0,
    "freeze_epochs": -1,
    "n_networks": 0,
    "mc_samples": -1,
    "pretrain": "gan",
    "pretrain_epochs": 0,
    "pretrain_noise": 1.0,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_parameter_is_named_with_its_value(name, table):
    with pytest.raises(kohort.ParameterError, match=f"`{name}` must be .*; got "):
        small(**{name: BAD[name]}).fit(*table)


@pytest.mark.parametrize("name", MAY_BE_AUTO)
def test_the_requirement_of_what_may_be_auto_says_so(name, table):
    for value in (-1, "fast"):
        with pytest.raises(kohort.ParameterError, match=f"`{name}` must be .* or 'auto'; got "):
            small(**{name: value}).fit(*table)
    with pytest.raises(kohort.ParameterError, match=r"Did you mean 'auto'\?"):
        small(**{name: "atuo"}).fit(*table)


def test_a_depth_that_no_program_holds_is_refused_at_once(table):
    wanted = r"`depth` must be a whole number in \[0, 1000\]; got 1000000"
    with pytest.raises(kohort.ParameterError, match=wanted):
        small(depth=10**6).fit(*table)


def test_every_parameter_has_a_bad_value_in_these_tests():
    assert set(kohort.DenseRegressor().get_params()) == {*BAD, "random_state"}


def without(X, row, value):
    return np.vstack([np.where(np.arange(4) == 1, value, X[:row]), X[row:]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (without(X, 1, np.nan), y), "Input X contains NaN"),
        (lambda X, y: (without(X, 1, np.inf), y), "Input X contains infinity"),
        (lambda X, y: (X, np.where(np.arange(200) == 3, np.nan, y)), "Input y contains NaN"),
        (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: (X[:0], y[:0]), "0 sample"),
        (lambda X, y: (X[:1], y[:1]), "n_samples=1 leaves no row"),
        (lambda X, y: (X * 1e300, y), "too large for float32"),
    ],
    ids=["nan", "infinity", "nan target", "lengths", "empty", "one row", "overflow"],
)
def test_a_bad_table_is_one_clear_error(change, message, table):
    with pytest.raises(ValueError, match=message):
        small(standardize=False).fit(*change(*table))


def test_one_class_is_an_error(table):
    with pytest.raises(kohort.DataError, match=r"at least two classes.*1 class"):
        small(kohort.DenseClassifier).fit(table[0], np.zeros(200))


def test_weights_and_validation_data_that_are_wrong(table):
    X, y = table
    with pytest.raises(ValueError, match="Negative values"):
        small().fit(X, y, sample_weight=-np.ones(200))
    with pytest.raises(kohort.ParameterError, match="`validation_data` must be a tuple"):
        small().fit(X, y, validation_data=X)
    labels = (y > 0).astype(int)
    with pytest.raises(kohort.DataError, match=r"got \[8\]"):
        small(kohort.DenseClassifier).fit(X, labels, validation_data=(X, labels + 7 * (y > 1)))
    with pytest.raises(kohort.ParameterError, match="class_weight"):
        small(kohort.DenseClassifier, class_weight="even").fit(X, labels)


def test_numbers_may_be_numpy_s_as_in_a_grid_that_is_an_array(table):
    numbers = {"batch_size": 16, "width": 8, "depth": 1, "epochs": 2}
    fitted = [
        kohort.DenseRegressor(**given, random_state=0).fit(*table)
        for given in (numbers, {name: np.int64(number) for name, number in numbers.items()})
    ]
    np.testing.assert_array_equal(*(model.predict(table[0]) for model in fitted))


def test_names_of_parameters_are_read_once_for_each_class(monkeypatch):
    class Narrow(kohort.DenseRegressor):
        def __init__(self, width=3, extra=None):
            super().__init__(width=width)
            self.extra = extra

    read, asked = inspect.signature, []
    monkeypatch.setattr(inspect, "signature", lambda *args: asked.append(args) or read(*args))
    for _ in range(3):
        copy = clone(Narrow(extra=1))
        assert copy.get_params() == {"width": 3, "extra": 1}
        assert "learning_rate" in clone(kohort.DenseRegressor()).get_params()
    assert len(asked) <= 2


def test_a_clone_fits_the_same_and_none_draws_anew(table):
    X, y = table
    model = small().fit(X, y)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), model.predict(X))
    free = [small(random_state=None).fit(X, y).predict(X) for _ in range(2)]
    assert np.abs(free[0] - free[1]).max() > 0


def test_a_frame_with_other_columns_is_refused(table):
    X, y = table
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = small().fit(frame, y)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))
