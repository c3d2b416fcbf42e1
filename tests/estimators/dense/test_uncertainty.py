"""Monte Carlo dropout and deep ensembles: averages, spreads, reproducibility."""

import copy
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

import kohort
from kohort.engine.programs import compilations
from kohort.studies.uncertainty import entropy, expected_calibration_error, uncertainty

_COMMON = {"width": 24, "epochs": 10, "learning_rate": 0.01, "random_state": 0}


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def dropped(diabetes):
    return kohort.DenseRegressor(dropout=0.3, mc_samples=100, **_COMMON).fit(*diabetes)


@pytest.fixture(scope="module")
def classifier():
    return kohort.DenseClassifier(dropout=0.4, mc_samples=60, **_COMMON).fit(
        *load_iris(return_X_y=True)
    )


def _with(model, **parameters):
    """The same fitted model, told to predict otherwise."""
    return copy.copy(model).set_params(**parameters)


def test_passes_are_dropouts_own_distribution(diabetes):
    """One hidden layer, linear: mean and variance over masks have closed forms."""
    X, y = diabetes
    rate, samples = 0.4, 4000
    model = kohort.DenseRegressor(
        depth=1, activation="linear", dropout=rate, mc_samples=samples, **_COMMON
    ).fit(X, y)
    mean, deviation = model.predict(X[:20], return_std=True)
    plain = _with(model, mc_samples=0).predict(X[:20])
    kernel, bias, out, _ = (w.astype(np.float64) for w in model.weights_)
    hidden = model._scaling.of(X[:20]) @ kernel + bias
    # A unit is kept with probability 1 - rate and divided by it: variance rate / (1 - rate).
    expected = np.sqrt((hidden**2 @ out[:, 0] ** 2) * rate / (1 - rate)) * model._target.scale
    np.testing.assert_allclose(deviation, expected, rtol=6 * np.sqrt(0.5 / samples) + 0.02)
    assert (np.abs(mean - plain) < 5 * expected / np.sqrt(samples)).all()


def test_several_passes_are_reproducible_and_do_not_depend_on_the_number_of_rows(dropped, diabetes):
    X, _ = diabetes
    first, again = (dropped.predict(X, return_std=True) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(dropped.predict(X[:50]), first[0][:50])


def test_another_seed_gives_other_passes(diabetes):
    X, y = diabetes
    one, other = (
        kohort.DenseRegressor(dropout=0.3, mc_samples=5, **_COMMON | {"random_state": seed})
        .fit(X, y)
        for seed in (0, 1)
    )  # fmt: skip
    assert not np.array_equal(one.predict(X), other.predict(X))


@pytest.mark.usefixtures("on_xla")
def test_all_passes_are_one_compiled_call(diabetes):
    X, y = diabetes
    model = kohort.DenseRegressor(dropout=0.3, mc_samples=37, **_COMMON).fit(X, y)
    with compilations() as log:
        model.predict(X)
        model.predict(X[::-1])
    assert [entry.kind for entry in log] == ["sample"]


def test_more_passes_come_closer_to_the_mean(dropped, diabetes):
    X, _ = diabetes
    many = _with(dropped, mc_samples=2000).predict(X)
    gaps = [np.abs(_with(dropped, mc_samples=n).predict(X) - many).mean() for n in (2, 20, 200)]
    assert gaps[0] > gaps[1] > gaps[2]


def test_averaged_probabilities_sum_to_one_and_are_the_mean_of_passes(classifier):
    X, _ = load_iris(return_X_y=True)
    probability = classifier.predict_proba(X)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-6)
    plain = _with(classifier, mc_samples=0).predict_proba(X)
    assert not np.allclose(probability, plain, atol=1e-3)
    # Averaging over passes softens confident predictions.
    assert entropy(probability).mean() > entropy(plain).mean()


def test_uncertainty_of_a_classifier_is_bounded_and_larger_far_from_the_data(classifier):
    X, _ = load_iris(return_X_y=True)
    near = classifier.predict_uncertainty(X)
    assert near.predictive_entropy.shape == near.mutual_information.shape == (len(X),)
    assert (near.mutual_information >= 0).all()
    assert (near.mutual_information <= near.predictive_entropy + 1e-6).all()
    assert (near.predictive_entropy <= np.log(3) + 1e-6).all()
    # Versicolor and virginica overlap, setosa does not.
    assert near.predictive_entropy[50:].mean() > 2 * near.predictive_entropy[:50].mean()


def test_mutual_information_by_hand():
    passes = np.array([[[0.9, 0.1]], [[0.3, 0.7]]])
    found = uncertainty(passes)

    def of(p):
        return -p * np.log(p) - (1 - p) * np.log(1 - p)

    assert found.predictive_entropy[0] == pytest.approx(of(0.6))
    assert found.mutual_information[0] == pytest.approx(of(0.6) - (of(0.9) + of(0.3)) / 2)


@pytest.mark.parametrize("bins", [1, 5, 15])
def test_calibration_error_by_hand(bins):
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet([1, 1, 1], 500)
    y = generator.integers(0, 3, 500)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    edges, expected = np.linspace(0, 1, bins + 1), 0.0
    for low, high in pairwise(edges):
        inside = (confidence >= low) & ((confidence < high) | (high == 1))
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    assert expected_calibration_error(y, probabilities, bins) == pytest.approx(expected)


@pytest.mark.parametrize("parameters", [{}, {"mc_samples": 20}, {"dropout": 0.3}])
def test_a_single_pass_has_no_deviation(parameters, diabetes):
    model = kohort.DenseRegressor(**_COMMON | parameters).fit(*diabetes)
    with pytest.raises(kohort.ParameterError, match=r"return_std.*mc_samples"):
        model.predict(diabetes[0], return_std=True)


def test_a_single_pass_of_a_classifier_has_no_uncertainty():
    model = kohort.DenseClassifier(**_COMMON).fit(*load_iris(return_X_y=True))
    with pytest.raises(kohort.ParameterError, match="mc_samples"):
        model.predict_uncertainty(load_iris().data)


@pytest.fixture(scope="module")
def ensemble(diabetes):
    return kohort.DenseRegressor(n_networks=4, **_COMMON).fit(*diabetes)


def test_an_ensemble_is_the_mean_and_spread_of_networks_trained_alone(ensemble, diabetes):
    X, y = diabetes
    mean, deviation = ensemble.predict(X, return_std=True)
    alone = [_alone(ensemble, seed).fit(X, y).predict(X) for seed in ensemble._seeds(4)]
    np.testing.assert_allclose(mean, np.mean(alone, axis=0), rtol=1e-4)
    np.testing.assert_allclose(deviation, np.std(alone, axis=0), rtol=1e-2, atol=1e-2)


def _alone(ensemble, seed):
    """One network that draws `seed` itself, on the ensemble's own split."""

    class Fixed(kohort.DenseRegressor):
        def _seeds(self, count):
            return [seed]

    return Fixed(**clone(ensemble).set_params(n_networks=1).get_params())


def test_the_first_network_is_the_one_that_trains_alone(ensemble, diabetes):
    single = clone(ensemble).set_params(n_networks=1).fit(*diabetes)
    for ours, alone in zip(ensemble.weights_, single.weights_, strict=True):
        np.testing.assert_allclose(ours, alone, rtol=1e-4, atol=1e-6)
    assert len(ensemble.networks_) == 4


@pytest.mark.usefixtures("on_xla")
def test_an_ensemble_trains_as_one_cohort(diabetes):
    with compilations() as log:
        kohort.DenseRegressor(n_networks=6, **_COMMON | {"batch_size": 29}).fit(*diabetes)
    assert [entry.kind for entry in log] == ["train", "evaluate"]


def test_an_ensemble_with_dropout_passes_through_each_network(diabetes):
    X, y = diabetes
    model = kohort.DenseRegressor(n_networks=3, dropout=0.2, mc_samples=5, **_COMMON).fit(X, y)
    assert model._n_passes == 15
    _, both = model.predict(X, return_std=True)
    _, networks = _with(model, mc_samples=0).predict(X, return_std=True)
    assert both.mean() > networks.mean()


def test_an_ensemble_has_a_lower_log_loss_than_its_members_on_average():
    """Jensen's inequality, whatever the data."""
    X, y = load_breast_cancer(return_X_y=True)
    model = kohort.DenseClassifier(n_networks=5, **_COMMON).fit(X[::2], y[::2])
    members = []
    for network in model.networks_:
        one = _with(model)
        one.networks_ = [network]
        members.append(_log_loss(y[1::2], one.predict_proba(X[1::2])))
    assert _log_loss(y[1::2], model.predict_proba(X[1::2])) <= np.mean(members) + 1e-6


def _log_loss(y, probabilities):
    return -np.log(probabilities[np.arange(len(y)), y].astype(np.float64)).mean()


@pytest.mark.parametrize("n_networks", [1, 3])
def test_saved_models_keep_their_passes(n_networks, diabetes, tmp_path):
    X, y = diabetes
    model = kohort.DenseRegressor(
        n_networks=n_networks, dropout=0.2, mc_samples=6, **_COMMON
    ).fit(X, y)  # fmt: skip
    model.save(tmp_path / "model")
    again = kohort.load(tmp_path / "model")
    for ours, theirs in zip(
        model.predict(X, return_std=True), again.predict(X, return_std=True), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
