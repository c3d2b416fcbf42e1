"""A class that the rows of a fold lack, while the model has an output for it."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_predict

import kohort

generator = np.random.default_rng(0)
X = generator.normal(size=(60, 2)).astype("float32")
Y = np.digitize(X[:, 0], [-0.4, 0.4])
WITHOUT_1 = np.flatnonzero(Y != 1)
LOSSES = ("sparse_categorical_crossentropy", "categorical_crossentropy")


def build(units=3):
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(units, "softmax")]
    return keras.Sequential([keras.Input((2,)), *layers])


def model(loss=LOSSES[0], **changes):
    own = {"optimizer": "adam", "optimizer__learning_rate": 0.05, "epochs": 20, "random_state": 0}
    return kohort.KerasClassifier(build, loss=loss, **own, **changes)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["int64", "float64"])
def test_classes_are_named_by_position(loss, kind):
    weights = {0: 1.0, 1: 5.0, 2: 1.0}
    fitted = model(loss, class_weight=weights).fit(
        X[WITHOUT_1], Y[WITHOUT_1].astype(kind), validation_data=(X, Y.astype(kind))
    )
    assert fitted.classes_.tolist() == [0, 1, 2]
    assert fitted.classes_.dtype == kind
    assert (fitted.n_classes_, fitted.target_type_) == (3, "multiclass")
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (60, 3)
    assert probabilities[:, 1].max() < 0.2  # Never seen; 0 and 2 keep their places.
    assert set(fitted.predict(X[WITHOUT_1])) == {0, 2}
    assert fitted.score(X[WITHOUT_1], Y[WITHOUT_1]) > 0.9
    assert fitted.score(X, Y) < 0.9
    assert np.isfinite(fitted.history_["val_loss"]).all()


def test_folds_that_lack_a_class_are_searched_and_scored():
    every = np.arange(60)
    folds = [(WITHOUT_1, every), (np.flatnonzero(Y != 2), every), (every, every)]
    search = GridSearchCV(model(), {"optimizer__learning_rate": [0.01, 0.05]}, cv=folds,
                          scoring="neg_log_loss", error_score="raise")  # fmt: skip
    with kohort.together() as cohort:
        search.fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert cohort.census().submitted == 7
    order = np.argsort(Y, kind="stable")
    halves = [(every[:30], every[30:]), (every[30:], every[:30])]
    columns = cross_val_predict(model(), X[order], Y[order], cv=halves, method="predict_proba")
    assert columns.shape == (60, 3)


def test_heads_of_several_targets_know_their_classes_by_position():
    def heads():
        inputs = keras.Input((2,))
        return keras.Model(inputs, [keras.layers.Dense(n, "softmax")(inputs) for n in (3, 4)])

    targets = np.stack([Y, np.where(Y == 1, 3, 0)], axis=1)[WITHOUT_1]
    targets[:3, 1] = 3
    several = kohort.KerasClassifier(heads, loss=[LOSSES[0]] * 2, epochs=1, random_state=0)
    several.fit(X[WITHOUT_1], targets)
    assert [classes.tolist() for classes in several.classes_] == [[0, 1, 2], [0, 1, 2, 3]]
    assert [part.shape[1] for part in several.predict_proba(X)] == [3, 4]


NAMED = np.array(["a", "b", "c"])


@pytest.mark.parametrize(
    ("y", "loss"),
    [(NAMED[Y], LOSSES[0]), (Y + 2, LOSSES[0]), (Y, "mse")],
    ids=["named", "beyond", "distance"],
)
def test_other_classes_are_refused_with_a_remedy(y, loss):
    with pytest.raises(kohort.ModelError, match=r"2 classes.*it has 3.*number all from 0 to 2"):
        model(loss).fit(X[WITHOUT_1], y[WITHOUT_1])


def test_all_classes_may_be_declared():
    fitted = model().partial_fit(X[WITHOUT_1], NAMED[Y[WITHOUT_1]], classes=NAMED)
    assert fitted.predict_proba(X).shape == (60, 3)
