"""Targets of images in any unit: standardised to train on, predicted in the unit that they had."""

import pickle

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import kohort

SMALL = {"depth": 1, "width": 4, "epochs": 3, "learning_rate": 0.01, "random_state": 0}
MODEL = kohort.ConvRegressor(**SMALL)
OWN_UNIT = kohort.ConvRegressor(**SMALL, standardize=False)


@pytest.fixture(scope="module")
def photographs():
    """Images of three brightnesses and, of mean 0 and deviation 1, what can be told from them."""
    generator = np.random.default_rng(0)
    X = generator.integers(0, 60, (72, 6, 6, 1), np.uint8)
    X += (np.arange(72) % 3 * 80)[:, None, None, None].astype(np.uint8)
    signal = X.mean(axis=(1, 2, 3)) + generator.normal(size=72)
    return X, (signal - signal.mean()) / signal.std()


UNITS = {"ages": (40, 15), "offset": (1e6, 1.0), "both": (1e6, 1e-3), "small": (0, 1e-3)}


@pytest.mark.parametrize("unit", UNITS)
def test_neither_the_unit_nor_the_offset_of_y_matters(unit, photographs):
    offset, spread = UNITS[unit]
    X, signal = photographs
    expected = clone(OWN_UNIT).fit(X, signal).predict(X)
    predicted = clone(MODEL).fit(X, offset + spread * signal).predict(X)
    assert predicted.dtype == np.float64
    np.testing.assert_allclose((predicted - offset) / spread, expected, rtol=1e-4, atol=1e-4)


def test_ages_are_learnt_in_few_epochs(photographs):
    X, signal = photographs
    ages = 40 + 15 * signal
    network = clone(MODEL).set_params(epochs=15, width=8)
    assert network.fit(X, ages).score(X, ages) > 0.9
    assert clone(network).set_params(standardize=False).fit(X, ages).score(X, ages) < 0


def test_each_of_several_targets_has_a_unit_of_its_own(photographs):
    X, signal = photographs
    y = np.stack([40 + 15 * signal, 1e6 - 1e-3 * signal, np.full(72, 7.0)], axis=1)
    scale = np.array([15, 1e-3, 1.0])
    z = np.stack([signal, -signal, np.zeros(72)], axis=1)
    expected = y.mean(axis=0) + scale * clone(OWN_UNIT).fit(X, z).predict(X)
    found = clone(MODEL).fit(X, y).predict(X)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=1e-4, atol=1e-4)


def test_a_constant_target_is_predicted(photographs):
    model = clone(MODEL).fit(photographs[0], np.full(72, 16777217.0))
    np.testing.assert_allclose(model.predict(photographs[0]), 16777217.0, atol=2)


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_mean_and_deviation_are_those_of_the_rows_that_are_trained_on(share, photographs):
    X, signal = photographs
    y, weight = 40 + 15 * signal, np.linspace(0, 2, 72)
    y[-18:] += 500 * (share > 0)
    trained = slice(round(72 * (1 - share)))
    mean = np.average(y[trained], weights=weight[trained])
    deviation = np.sqrt(np.average((y[trained] - mean) ** 2, weights=weight[trained]))
    by_hand = clone(OWN_UNIT).set_params(validation_split=share)
    by_hand.fit(X, (y - mean) / deviation, sample_weight=weight)
    model = clone(MODEL).set_params(validation_split=share).fit(X, y, sample_weight=weight)
    assert model.history_.keys() == by_hand.history_.keys()
    for name, losses in model.history_.items():
        np.testing.assert_allclose(losses, by_hand.history_[name], rtol=1e-4)
    np.testing.assert_allclose(
        (model.predict(X) - mean) / deviation, by_hand.predict(X), rtol=1e-4, atol=1e-4
    )


def test_losses_of_rows_to_validate_on_are_in_units_of_the_standardised_target(photographs):
    X, signal = photographs
    y, others = 40 + 15 * signal, 90 - 20 * signal
    model = clone(MODEL).fit(X, y, validation_data=(X, others))
    expected = np.mean(((model.predict(X) - others) / 15) ** 2)
    assert model.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)


class TestLosses:
    """Which losses are computed on the standardised target, and which on the target as it is."""

    @pytest.mark.parametrize(
        "loss", ["mae", keras.losses.Huber(0.5), "log_cosh", keras.losses.mean_squared_error]
    )
    def test_those_of_dense_regressor_do_not_depend_on_the_unit(self, loss, photographs):
        X, signal = photographs
        expected = clone(OWN_UNIT).set_params(loss=loss).fit(X, signal).predict(X)
        found = clone(MODEL).set_params(loss=loss).fit(X, 40 + 15 * signal).predict(X)
        np.testing.assert_allclose((found - 40) / 15, expected, rtol=1e-4, atol=1e-4)

    def test_the_delta_of_hubers_is_one_of_deviations(self, photographs):
        """That of `DenseRegressor` is, too."""
        X, signal = photographs
        y, delta = 40 + 15 * signal, 0.3
        dense = kohort.DenseRegressor(
            width=4, epochs=3, loss="huber", huber_delta=delta, random_state=0
        )
        conv = clone(MODEL).set_params(loss=keras.losses.Huber(delta))
        for model, rows in ((dense, X.reshape(72, -1) / 255), (conv, X)):
            model.fit(rows, y, validation_data=(rows, y))
            off = np.abs(model.predict(rows) - y) / 15
            inside = np.minimum(off, delta)
            expected = np.mean(inside * (off - inside / 2))
            losses = model.history_["val_loss"]
            assert losses[model.best_epoch_] == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize(
        "loss", ["mape", "msle", lambda y, p: keras.ops.mean((y - p) ** 2, axis=-1)]
    )
    def test_others_are_computed_on_the_target_in_its_own_unit(self, loss, photographs):
        X, signal = photographs
        y = 4 + signal
        expected = clone(OWN_UNIT).set_params(loss=loss).fit(X, y)
        found = clone(MODEL).set_params(loss=loss).fit(X, y)
        assert found.history_ == expected.history_
        np.testing.assert_array_equal(found.predict(X), expected.predict(X))


class TestExport:
    @pytest.mark.parametrize("unit", UNITS)
    def test_the_keras_model_predicts_in_the_unit_of_y(self, unit, photographs, tmp_path):
        offset, spread = UNITS[unit]
        X, signal = photographs
        model = clone(MODEL).fit(X, offset + spread * signal)
        if offset == 1e6:
            with pytest.warns(UserWarning, match=r"computes y in its own unit.* 0.0625 apart"):
                exported = model.to_keras()
        else:
            exported = model.to_keras()
        expected, before = model.predict(X), exported.predict(X, verbose=0)[:, 0]
        close = 4 * np.spacing(np.float32(np.abs(expected).max()))
        np.testing.assert_allclose(before, expected, rtol=1e-6, atol=close)
        exported.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(again.predict(X, verbose=0)[:, 0], before)

    def test_several_targets(self, photographs):
        X, signal = photographs
        y = np.stack([40 + 15 * signal, 1e3 - 0.5 * signal], axis=1)
        model = clone(MODEL).fit(X, y)
        found = model.to_keras().predict(X, verbose=0)
        np.testing.assert_allclose(found, model.predict(X), rtol=2e-6)

    def test_its_loss_is_of_the_unit_of_y_and_training_it_leaves_the_estimator(self, photographs):
        X, signal = photographs
        y = 40 + 15 * signal
        model = clone(MODEL).set_params(optimizer="sgd", learning_rate=1e-4).fit(X, y)
        expected, exported = model.predict(X), model.to_keras()
        loss = exported.evaluate(X, y, verbose=0)
        assert loss == pytest.approx(np.mean((expected - y) ** 2), rel=1e-4)
        assert isinstance(exported.optimizer, keras.optimizers.SGD)
        exported.fit(X, y, epochs=5, verbose=0)
        assert exported.evaluate(X, y, verbose=0) < loss
        np.testing.assert_array_equal(model.predict(X), expected)

    def test_the_delta_of_hubers_outlives_a_file(self, photographs, tmp_path):
        X, signal = photographs
        model = clone(MODEL).set_params(loss=keras.losses.Huber(0.3)).fit(X, 40 + 15 * signal)
        exported = model.to_keras()
        exported.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        y = np.zeros((72, 1))
        assert again.evaluate(X, y, verbose=0) == exported.evaluate(X, y, verbose=0)
        assert exported.loss.delta == 0.3

    def test_that_of_a_classifier_gives_its_probabilities(self, photographs):
        X, _ = photographs
        model = kohort.ConvClassifier(**SMALL).fit(X, np.arange(72) % 3)
        found = model.to_keras().predict(X, verbose=0)
        np.testing.assert_allclose(found, model.predict_proba(X), atol=1e-6)

    def test_an_ensemble_of_images_is_one_model_too(self, photographs):
        X, signal = photographs
        y = 40 + 15 * signal
        search = kohort.GridSearchCV(MODEL, {"learning_rate": [0.01, 0.02]}, cv=2, refit="ensemble")
        found = search.fit(X, y).best_estimator_
        exported = found.to_keras().predict(X, verbose=0)[:, 0]
        np.testing.assert_allclose(exported, found.predict(X), rtol=1e-5)

    def test_a_target_beyond_single_precision_is_refused(self, photographs):
        X, signal = photographs
        model = clone(MODEL).fit(X, 1e200 * signal)
        assert np.isfinite(model.predict(X)).all()
        with pytest.raises(kohort.DataError, match=r"y is too large for a Keras model.*float32"):
            model.to_keras()


class TestLife:
    """All that a fit goes through, in the unit of the ages."""

    def test_alone_and_in_a_cohort(self, photographs):
        X, signal = photographs
        y = 40 + 15 * signal
        grid = {"learning_rate": [0.003, 0.01], "standardize": [True, False]}
        search = GridSearchCV(MODEL, grid, cv=2, scoring="neg_mean_absolute_error")
        alone = clone(search).fit(X, y)
        with kohort.together() as cohort:
            search.fit(X, y)
        assert len(cohort.record) == 9
        for split in range(2):
            name = f"split{split}_test_score"
            np.testing.assert_array_equal(search.cv_results_[name], alone.cv_results_[name])
        np.testing.assert_array_equal(search.predict(X), alone.predict(X))
        assert search.best_params_["standardize"] is True

    def test_a_fit_that_goes_on_keeps_the_unit_of_the_first(self, photographs):
        X, signal = photographs
        y = 40 + 15 * signal
        partly = clone(MODEL).partial_fit(X, y)
        warm = clone(MODEL).set_params(warm_start=True, epochs=1).fit(X, y)
        for model in (partly.partial_fit(X, y + 1500), warm.fit(X, y + 1500)):
            assert model.history_["loss"][-1] == pytest.approx(100**2, rel=0.1)
        assert clone(warm).fit(X, y + 1500).history_["loss"][-1] < 10

    def test_a_model_that_is_built_alone_knows_the_unit(self, photographs):
        X, signal = photographs
        model = clone(MODEL).initialize(X, 1e6 + signal)
        np.testing.assert_allclose(model.predict(X), 1e6, atol=100)

    def test_a_copy_predicts_the_same(self, photographs):
        X, signal = photographs
        model = clone(MODEL).fit(X, 1e6 + 1e-3 * signal)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))

    def test_a_store_tells_the_units_apart(self, photographs, tmp_path):
        X, signal = photographs
        y, found = 40 + 15 * signal, []
        for _ in range(2):
            with kohort.together(store=tmp_path) as cohort:
                models = [clone(MODEL).fit(X, y), clone(OWN_UNIT).fit(X, y)]
            found.append([model.predict(X) for model in models])
        assert cohort.census().found == 2
        np.testing.assert_array_equal(*found)
        assert not np.allclose(*found[0])

    def test_streamed_files(self, photographs, tmp_path):
        X, signal = photographs
        y, paths = 40 + 15 * signal, []
        for number, image in enumerate(X):
            paths.append(tmp_path / f"{number}.png")
            Image.fromarray(image[..., 0]).save(paths[-1])
        expected = clone(MODEL).fit(X, y).predict(X)
        streamed = clone(MODEL).set_params(workers=0).fit(paths, y)
        np.testing.assert_array_equal(streamed.predict(paths), expected)

    def test_keras_s_own_loop(self, photographs):
        class Batches(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                pass

        X, signal = photographs
        model = clone(MODEL).set_params(callbacks=[Batches()])
        with pytest.warns(kohort.KerasLoopWarning):
            model.fit(X, 1e6 + signal)
        assert model.history_["loss"][-1] < 10
        np.testing.assert_allclose(model.predict(X), 1e6, atol=100)

    def test_a_diagnosis_finds_no_fault_with_the_target(self, photographs):
        X, signal = photographs
        found = {}
        for standardize in (True, False):
            model = clone(MODEL).set_params(diagnose=True, standardize=standardize)
            found[standardize] = model.fit(X, 1e3 + 15 * signal).diagnosis_
        names = {key: [f.code for f in value.findings] for key, value in found.items()}
        assert "unscaled_target" in names[False]
        assert "unscaled_target" not in names[True]

    @pytest.mark.parametrize("value", [None, "yes"])
    def test_standardize_is_a_flag(self, value, photographs):
        with pytest.raises(kohort.ParameterError, match="`standardize` must be"):
            clone(MODEL).set_params(standardize=value).fit(*photographs)
