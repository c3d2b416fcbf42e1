"""Every technique that a prediction depends on is exact in the exported Keras model."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

import kohort
from kohort.recipe.activations import ACTIVATIONS
from kohort.recipe.losses import CLASSIFICATION, REGRESSION
from kohort.recipe.optimizers import OPTIMIZERS

_COMMON = {"width": [9, 6], "epochs": 2, "learning_rate": 0.01, "random_state": 0}
_TECHNIQUES = {
    "batch norm before": {"batch_norm": "before", "batch_norm_momentum": 0.5},
    "batch norm after": {"batch_norm": "after", "norm_epsilon": 0.1},
    "layer norm before": {"layer_norm": "before"},
    "layer norm after, prelu": {"layer_norm": "after", "activation": "prelu"},
    "averaging": {"ema_momentum": 0.9},
    "noise": {"dropout": 0.2, "input_dropout": 0.1, "gaussian_noise": 0.1},
    "alpha dropout": {"activation": "selu", "alpha_dropout": 0.1},
    "norms": {"max_norm": 1.0, "l1": 1e-3, "l2": 1e-3},
    "drawn": {"kernel_initializer": "truncated_normal", "kernel_scale": 0.3},
    "linear": {"depth": 0, "width": 16},
    "ensemble": {"n_networks": 3, "batch_norm": "before"},
    "pretrained": {"pretrain": "layerwise", "pretrain_epochs": 2},
}
_NUMBERED = {
    "leaky_relu": 0.07, "elu": 0.4, "celu": 0.6, "swish": 1.8, "softplus": 2.5,
}  # fmt: skip


def _fit(kind, load, **parameters):
    X, y = load(return_X_y=True)
    return kind(**_COMMON | parameters).fit(X, y), X, y


def _assert_same(model, X):
    if isinstance(model, kohort.DenseRegressor):
        expected = model.predict(X)[:, None]
    else:
        expected = model.predict_proba(X)
        expected = expected[:, 1:] if expected.shape[1] == 2 else expected
    exported = model.to_keras()
    actual = exported.predict(X, verbose=0)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    return exported


def _assert_loads(exported, X, path, y=None):
    exported.save(path / "model.keras")
    again = keras.models.load_model(path / "model.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), exported.predict(X, verbose=0))
    assert again.get_compile_config()["optimizer"] == exported.get_compile_config()["optimizer"]
    if y is not None:
        assert again.evaluate(X, y, verbose=0) == exported.evaluate(X, y, verbose=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation, tmp_path):
    for alpha in {None, _NUMBERED.get(activation)}:
        model, X, _ = _fit(
            kohort.DenseClassifier, load_iris, activation=activation, activation_alpha=alpha
        )
        exported = _assert_same(model, X)
    _assert_loads(exported, X, tmp_path)


@pytest.mark.parametrize("case", _TECHNIQUES)
def test_techniques(case, tmp_path):
    model, X, _ = _fit(kohort.DenseRegressor, load_diabetes, **_TECHNIQUES[case])
    _assert_loads(_assert_same(model, X), X, tmp_path)


@pytest.mark.parametrize("loss", REGRESSION)
def test_regression_losses(loss, tmp_path):
    model, X, y = _fit(
        kohort.DenseRegressor, load_diabetes, loss=loss, huber_delta=0.3, quantile=0.8,
        standardize=False, learning_rate=1e-4,
    )  # fmt: skip
    exported = _assert_same(model, X)
    # Predictions are in the target's unit, and so is the loss, unless the target was standardised.
    loss_of_all = model.fit(X, y, validation_data=(X, y)).history_["val_loss"][model.best_epoch_]
    exported = model.to_keras()
    evaluated = exported.evaluate(X, y, verbose=0)[0]
    assert evaluated == pytest.approx(loss_of_all, rel=1e-4)
    _assert_loads(exported, X, tmp_path, y)


@pytest.mark.parametrize(
    ("parameters", "needs"),
    [({"huber_delta": 1.0}, False), ({"huber_delta": 0.3}, True), ({"loss": "quantile"}, True)],
)
def test_what_loads_without_kohort_does_and_what_does_not_says_so(
    parameters, needs, tmp_path, monkeypatch
):
    model, *_ = _fit(kohort.DenseRegressor, load_diabetes, **{"loss": "huber"} | parameters)
    exported, path = model.to_keras(), tmp_path / "model.keras"
    exported.save(path)
    known = keras.saving.get_custom_objects()
    for name in [name for name in known if name.startswith("kohort>")]:
        monkeypatch.delitem(known, name)  # As where kohort was not imported.
    if needs:
        with pytest.raises(TypeError, match=r"`import kohort` before this model is"):
            keras.models.load_model(path)
    again = keras.models.load_model(path, compile=not needs)
    assert needs or again.loss.get_config() == exported.loss.get_config()
    for ours, theirs in zip(again.get_weights(), exported.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", CLASSIFICATION)
def test_classification_losses(loss, smoothing, tmp_path):
    load = load_breast_cancer if loss.startswith("binary") else load_iris
    X, y = load(return_X_y=True)
    model = kohort.DenseClassifier(
        loss=loss, label_smoothing=smoothing, focal_gamma=1.5, **_COMMON
    ).fit(X, y, validation_data=(X, y))  # fmt: skip
    exported = _assert_same(model, X)
    expected = model.history_["val_loss"][model.best_epoch_]
    assert exported.evaluate(X, y, verbose=0)[0] == pytest.approx(expected, rel=1e-3)
    _assert_loads(exported, X, tmp_path, y)


_OPTIONS = {
    **{name: {"optimizer": name} for name in OPTIMIZERS},
    "amsgrad": {"optimizer": "adam", "amsgrad": True, "beta_1": 0.8, "beta_2": 0.99},
    "centered": {"optimizer": "rmsprop", "centered": True, "momentum": 0.4, "rho": 0.8},
    "clipped": {"optimizer": "nesterov", "global_clipnorm": 0.5, "weight_decay": 0.01},
    "no decay": {"optimizer": "adamw", "weight_decay": 0.0},
    "averaged": {"optimizer": "adamw", "ema_momentum": 0.95, "epsilon": 1e-5},
}


@pytest.mark.parametrize("case", _OPTIONS)
def test_optimizers_are_kerass_with_the_recipes_numbers(case, tmp_path):
    model, X, y = _fit(kohort.DenseRegressor, load_diabetes, **_OPTIONS[case])
    exported = _assert_same(model, X)
    config, recipe = exported.optimizer.get_config(), model.recipe_
    assert config["learning_rate"] == pytest.approx(0.01)
    for name in ("beta_1", "beta_2", "rho", "epsilon", "amsgrad", "centered", "ema_momentum"):
        if name in config and name in _OPTIONS[case]:
            assert config[name] == pytest.approx(getattr(recipe, name))
    if "momentum" in config and case != "sgd":
        assert config["momentum"] == pytest.approx(recipe.momentum)
    assert (config["weight_decay"] or 0.0) == recipe.weight_decay
    exported.fit(X[:64], y[:64], epochs=1, verbose=0)
    _assert_loads(exported, X, tmp_path)


@pytest.mark.parametrize("number", [1, np.float32(0.5), np.int64(1)])
def test_numbers_of_any_kind(number):
    X = np.random.default_rng(0).normal(size=(20, 2))
    options = {"optimizer": "adadelta", "learning_rate": number, "clipnorm": number, "rho": 0}
    model = kohort.DenseRegressor(depth=0, epochs=1, random_state=0, **options).fit(X, X[:, 0])
    assert model.to_keras().optimizer.get_config()["learning_rate"] == number


@pytest.mark.parametrize(("where", "words"), [("y", "the deviation is"), ("X", "of column 1 is")])
def test_numbers_too_large_for_their_spread_are_warned_of(where, words):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = 60 * X[:, 0]
    model = kohort.DenseRegressor(depth=0, epochs=1, random_state=0)
    _assert_same(model.fit(X + 1e3, y + 1e4), X + 1e3)
    model.fit(X + 1.76e9 * np.array([0, where == "X"]), y + 1.76e9 * (where == "y"))
    with pytest.warns(UserWarning, match=rf"{where} .* float32.* around 1.76e\+09 .* {words}"):
        model.to_keras()
