"""`rate_batch_map`: cells refitted by hand, in one cohort."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

import kohort
from kohort.cohort.session import session


def build(n_features_in_):
    return keras.Sequential([keras.Input((n_features_in_,)), keras.layers.Dense(1)])


@pytest.fixture(scope="module")
def scaled():
    X, y = load_diabetes(return_X_y=True)
    return (X / X.std(axis=0))[:160], ((y - y.mean()) / y.std())[:160]


@pytest.fixture
def cohorts(monkeypatch):
    calls, real = [], session().train
    monkeypatch.setattr(session(), "train", lambda members: calls.append(members) or real(members))
    return calls


def test_every_cell_is_the_fit_with_its_rate_and_batch_size(scaled, cohorts):
    X, y = scaled
    rows = X[:100], y[:100]
    held_out = X[100:], y[100:]
    options = {"width": 8, "optimizer": "sgd", "standardize": False}
    found = kohort.rate_batch_map(
        kohort.DenseRegressor(**options), *rows, rates=[0.1, 0.01], batch_sizes=[32, 16], epochs=2,
        seeds=3, validation_data=held_out,
    )  # fmt: skip
    assert [len(members) for members in cohorts] == [12]
    assert list(found.table["batch_size"]) == [16, 16, 32, 32]
    assert list(found.table["rate"]) == [0.01, 0.1, 0.01, 0.1]
    assert (found.table["lowest"] <= found.table["loss"]).all()
    assert (found.table["loss"] <= found.table["highest"]).all()
    one = cohorts[0][0]
    for row in found.table.itertuples():
        losses = []
        for seed in range(3):
            model = kohort.DenseRegressor(
                **options, learning_rate=row.rate, batch_size=row.batch_size, epochs=2,
                early_stopping=False, random_state=GivenSeed(seed),
            ).fit(*rows, validation_data=held_out)  # fmt: skip
            losses.append(model.history_["val_loss"][-1])
        assert row.loss == pytest.approx(np.median(losses), rel=1e-4)
    assert one.stopping is None
    best = found.table.loc[found.table["loss"].idxmin()]
    assert found.best == {"learning_rate": best["rate"], "batch_size": best["batch_size"]}
    assert f"batch_size={found.best['batch_size']:.0f}" in str(found)


class GivenSeed(np.random.RandomState):
    """A generator whose first number, which `fit` draws as its seed, is given."""

    def __init__(self, first):
        super().__init__(0)
        self.first = first

    def randint(self, *given, **options):
        return self.first


def test_rows_to_validate_on_are_set_aside_once_for_all(scaled, cohorts):
    found = kohort.rate_batch_map(
        kohort.KerasRegressor(build, optimizer="sgd"), *scaled, rates=[0.01],
        batch_sizes=[16, 64, 1024], epochs=1, seeds=2, validation_fraction=0.25,
    )  # fmt: skip
    assert found.parameter == "optimizer__learning_rate"
    assert list(found.table["batch_size"]) == [16, 64]
    members = cohorts[0]
    assert {len(member.train) for member in members} == {120}
    assert len({member.validation.x.tobytes() for member in members}) == 1
    assert len({member.train.tobytes() for member in members}) == 1


def test_cells_that_diverge_are_infinite_and_drawn(scaled):
    found = kohort.rate_batch_map(
        kohort.DenseRegressor(width=8, optimizer="sgd"), *scaled, rates=[0.01, 1e9],
        batch_sizes=[16], epochs=2, seeds=2,
    )  # fmt: skip
    assert list(np.isinf(found.table["loss"])) == [False, True]
    assert list(found.table["diverged"]) == [0, 2]
    assert "1 cells diverged" in str(found)
    axes = found.plot().axes[0]
    assert "diverged" in [text.get_text() for text in axes.texts]
    lost = kohort.rate_batch_map(
        kohort.DenseRegressor(width=8, optimizer="sgd"), *scaled, rates=[1e9], batch_sizes=[16],
        epochs=2, seeds=1,
    )  # fmt: skip
    assert str(lost) == "All 1 cells diverged. Give lower rates."
    assert lost.best is None
    assert lost.plot().axes[0].get_title("left") == "Validation loss after 2 epochs"


def test_rates_and_sizes_may_be_numpy_s(scaled):
    model = kohort.DenseRegressor(width=8)
    plain = kohort.rate_batch_map(
        model, *scaled, rates=[0.01], batch_sizes=[16, 64], epochs=1, seeds=1
    )
    found = kohort.rate_batch_map(
        model, *scaled, rates=np.array([0.01]), batch_sizes=np.array([16, 64]), epochs=1, seeds=1
    )
    pd.testing.assert_frame_equal(found.table, plain.table)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rates": []}, "`rates` must be a list that is not empty"),
        ({"rates": [0.0]}, "`rates` must be"),
        ({"batch_sizes": [1.5]}, "`batch_sizes` must be"),
        ({"batch_sizes": [1000]}, "`batch_sizes` must be no larger than"),
        ({"epochs": 0}, "`epochs` must be"),
        ({"seeds": 0}, "`seeds` must be"),
        ({"validation_fraction": 1}, "`validation_fraction` must be"),
        ({"estimator": LinearRegression()}, "`estimator` must be a kohort estimator"),
        ({"estimator": kohort.KerasRegressor(build, fit__batch_size=4)}, "fit__batch_size"),
    ],
)
def test_bad_questions_are_refused(changed, words, scaled):
    arguments = {"estimator": kohort.DenseRegressor(), "X": scaled[0], "y": scaled[1], **changed}
    with pytest.raises(ValueError, match=words):
        kohort.rate_batch_map(**arguments)
