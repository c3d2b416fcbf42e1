"""`compare`: fits refitted by hand, one cohort, and what becomes of lost fits."""

import keras
import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kohort
from kohort.engine.programs import compilations

SMALL = {"width": 8, "epochs": 3, "learning_rate": 0.01}


def build(rate=0.05):
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


class Huge(RegressorMixin, BaseEstimator):
    """Predicts a number that makes an R² meaningless."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.full(len(X), 1e6)


class Sometimes(Huge):
    """Fails where the mean of the targets is above a limit."""

    def __init__(self, limit):
        self.limit = limit

    def fit(self, X, y):
        if y.mean() > self.limit:
            raise ValueError("too\nlarge")
        return super().fit(X, y)


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X[:160], y[:160]


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return X[:160], y[:160]


def by_hand(estimator, X, y, seed, stratify=None, scorer=None):
    rows = np.arange(len(X))
    train, held_out = train_test_split(rows, test_size=0.25, random_state=seed, stratify=stratify)
    train, held_out = np.sort(train), np.sort(held_out)
    model = clone(estimator)
    names = [name for name in model.get_params() if name.endswith("random_state")]
    model.set_params(**dict.fromkeys(names, seed)).fit(X[train], y[train])
    return model.score(X[held_out], y[held_out])


def test_every_score_is_that_of_a_fit_by_hand(diabetes):
    one = kohort.DenseRegressor(**SMALL)
    other = make_pipeline(StandardScaler(), kohort.DenseRegressor(**SMALL, dropout=0.2))
    before = repr(one), repr(other)
    found = kohort.compare(one, other, *diabetes, k=3)
    assert found.table["seed"].nunique() == 3
    for row in found.table.itertuples():
        for name, estimator in (("estimator", one), ("other", other)):
            score = max(by_hand(estimator, *diabetes, row.seed), row.constant)
            assert getattr(row, name) == pytest.approx(score, abs=1e-5)
        constant = by_hand(DummyRegressor(), *diabetes, row.seed)
        assert row.constant == pytest.approx(constant)
    assert before == (repr(one), repr(other))
    assert not hasattr(one, "weights_")


def test_classifiers_are_split_by_class(cancer):
    X, y = cancer
    one, other = kohort.DenseClassifier(**SMALL), LogisticRegression(C=1e-4, max_iter=500)
    found = kohort.compare(one, make_pipeline(StandardScaler(), other), X, y, k=2)
    for row in found.table.itertuples():
        assert row.estimator == pytest.approx(by_hand(one, X, y, row.seed, y))
        assert row.constant == by_hand(DummyClassifier(), X, y, row.seed, y)


@pytest.mark.usefixtures("on_xla")
def test_all_fits_are_of_one_cohort_and_share_its_programs(diabetes):
    with kohort.together() as cohort, compilations() as log:
        found = kohort.compare(
            kohort.DenseRegressor(**SMALL, activation="tanh"),
            kohort.DenseRegressor(**{**SMALL, "learning_rate": 0.02}, activation="tanh"),
            *diabetes, k=4,
        )  # fmt: skip
    assert len(cohort.record) == 8
    assert sum(entry.kind == "train" for entry in log) == 1
    again = kohort.compare(
        kohort.DenseRegressor(**SMALL, activation="tanh"),
        kohort.DenseRegressor(**{**SMALL, "learning_rate": 0.02}, activation="tanh"),
        *diabetes, k=4,
    )  # fmt: skip
    assert again.table.equals(found.table)


@pytest.mark.parametrize(
    "other",
    [
        kohort.DenseRegressor(width=8, epochs=4, learning_rate=1e6, optimizer="sgd"),
        TransformedTargetRegressor(
            make_pipeline(
                StandardScaler(),
                kohort.DenseRegressor(width=8, epochs=4, learning_rate=1e6, optimizer="sgd"),
            )
        ),
        kohort.KerasRegressor(build, rate=1e6, epochs=4),
    ],
    ids=["dense", "nested", "keras"],
)
def test_a_fit_that_diverges_counts_as_a_constant_prediction(other, diabetes):
    found = kohort.compare(Ridge(), other, *diabetes, k=2)
    assert list(found.table["other_status"]) == ["diverged"] * 2
    assert list(found.table["other"]) == list(found.table["constant"])
    assert "2 of 4 fits diverged or failed" in str(found)


def test_weights_restored_after_a_divergence_do_not_count():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(64, 2))
    schedule = {"schedule": "piecewise", "boundaries": [2], "factors": [1.0, 1e9]}
    late = kohort.DenseRegressor(width=4, epochs=6, optimizer="sgd", **schedule)
    with pytest.warns(kohort.DivergedWarning, match="were restored"):
        clone(late).set_params(random_state=0).fit(X, X[:, 0])
    found = kohort.compare(late, LinearRegression(), X, X[:, 0], k=2)
    assert list(found.table["estimator_status"]) == ["diverged"] * 2
    assert list(found.table["estimator"]) == list(found.table["constant"])


def test_errors_are_named_and_an_error_of_every_fit_is_raised(diabetes):
    found = kohort.compare(Sometimes(np.mean(diabetes[1])), Ridge(), *diabetes, k=8)
    statuses = found.table["estimator_status"]
    failed = statuses == "failed: ValueError: too large"
    assert 0 < failed.sum() < 8
    assert set(statuses[~failed]) == {"finished"}
    assert (found.table["estimator"] == found.table["constant"]).all()
    with pytest.raises(ValueError, match="too\nlarge"):
        kohort.compare(Sometimes(-1.0), Ridge(), *diabetes, k=2)
    with pytest.raises(kohort.ParameterError, match="`dropout` must be"):
        kohort.compare(Ridge(), kohort.DenseRegressor(dropout=2), *diabetes, k=2)


def test_only_an_r2_is_raised_to_that_of_the_constant(diabetes):
    for scoring in (None, "r2"):
        found = kohort.compare(Huge(), Ridge(), *diabetes, k=2, scoring=scoring)
        assert (found.table["estimator"] == found.table["constant"]).all()
        assert set(found.table["estimator_status"]) == {"finished"}
    found = kohort.compare(Huge(), Ridge(), *diabetes, k=2, scoring="neg_root_mean_squared_error")
    assert (found.table["estimator"] < -9e5).all()
    assert found.score_name == "neg_root_mean_squared_error"
    assert found.helped


def test_scoring_may_be_a_function_and_a_score_without_value_is_a_failure(diabetes):
    def unsure(estimator, X, y):
        return np.nan if isinstance(estimator, Ridge) else 1.0

    found = kohort.compare(LinearRegression(), Ridge(), *diabetes, k=2, scoring=unsure)
    assert found.score_name == "unsure"
    assert list(found.table["other_status"]) == ["failed: the score is nan"] * 2
    assert list(found.table["other"]) == [1.0] * 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"k": 1}, "`k` must be"),
        ({"validation_fraction": 1.0}, "`validation_fraction` must be"),
        ({"confidence": 0}, "`confidence` must be"),
        ({"scoring": "nope"}, "`scoring` must be a name .*; got 'nope'"),
        ({"scoring": ["r2", "max_error"]}, "`scoring` must be a name .* a function or None"),
        ({"y": None}, "`y` must be a target with a value per row"),
        ({"estimator": KMeans()}, "`estimator` must be a regressor or a classifier"),
        ({"other": Ridge}, "`other` must be a regressor or a classifier"),
        ({"estimator": "a", "other": "a"}, "`estimator` must be a regressor .* got 'a'. Pass an"),
        ({"other": None}, "`other` must be a regressor or a classifier; got None"),
        ({"other": LogisticRegression()}, "`other` must be a regressor, as `estimator` is"),
    ],
)
def test_bad_questions_are_refused(changed, words, diabetes):
    X, y = diabetes
    arguments = {"estimator": Ridge(), "other": Ridge(), "X": X, "y": y, **changed}
    with pytest.raises(kohort.ParameterError, match=words):
        kohort.compare(**arguments)


def test_too_few_rows_are_refused():
    with pytest.raises(kohort.DataError, match="n_samples=1 leaves no row to train on"):
        kohort.compare(Ridge(), Ridge(), [[1.0]], [1.0])
