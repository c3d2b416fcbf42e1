"""Members of an ensemble predict together: a call for each structure, the numbers of each alone."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from scipy.stats import gmean
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

import kohort
from kohort.engine.compilers import current
from kohort.engine.compilers.native import NativeCompiler
from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.predict import blocks
from kohort.engine.programs import compilations
from kohort.estimators.dense.passes import passes_together
from kohort.searches.ensembles.losses import LEAST

_GENERATOR = np.random.default_rng(0)
X = _GENERATOR.normal(size=(90, 4))
Y = X[:, 0] - np.abs(X[:, 1])
KINDS = np.array(["a", "b", "c"])[np.digitize(Y, [-1.0, 0.5])]
SPACE = {"activation": ["relu", "tanh", "silu"]}


def ensemble(estimator, y, prefix="", space=SPACE):
    """An ensemble of several activations, which are structures."""
    space = {f"{prefix}{name}": values for name, values in space.items()}
    search = kohort.GridSearchCV(estimator, space, cv=3, keep_fold_models=True).fit(X, y)
    found = kohort.ensemble_of(search, size=12)
    assert len(structures(found)) > 1
    return found


@pytest.fixture
def calls(monkeypatch):
    """Numbers of members in each call of a compiler's `predict`."""
    numbers = []
    compilers = (NativeCompiler, XlaCompiler)

    def counted(kind):
        given = kind.predict

        def predict(self, network, params, *rest):
            if self is current.lent_compiler():
                numbers.append(len(params))
            return given(self, network, params, *rest)

        return predict

    for kind in compilers:
        monkeypatch.setattr(kind, "predict", counted(kind))
    return numbers


def one_by_one(model, X, ask):
    """The weighted average of what the members of each part predict by themselves."""
    total = 0
    for part in model.parts_:
        found = []
        for member in part.members:
            rows = X if member.front is None else member.front.transform(X)
            found.append(getattr(member.head, ask)(rows).astype(np.float64))
        if ask == "predict_proba":
            pooled = gmean(np.maximum(found, LEAST), axis=0)
            pooled /= pooled.sum(axis=1, keepdims=True)
        else:
            pooled = np.mean(found, axis=0)
        total = total + part.weight * pooled
    return total


def structures(model):
    return {member.head._network.predictor for part in model.parts_ for member in part.members}


@pytest.mark.parametrize("front", [False, True])
def test_members_of_equal_structure_predict_in_one_call(front, calls):
    network = kohort.DenseRegressor(width=8, depth=1, epochs=40, learning_rate=0.03, random_state=0)
    given = make_pipeline(PCA(3), network) if front else network
    model = ensemble(given, Y, "denseregressor__" if front else "")
    calls.clear()
    found = model.predict(X)
    assert len(calls) == len(structures(model))
    assert sum(calls) == 3 * len(model.parts_)
    np.testing.assert_allclose(found, one_by_one(model, X, "predict"), rtol=1e-13, atol=1e-15)


def test_classes_that_a_fold_lacks_stay_where_they_are(calls):
    rare = np.where(np.arange(len(X)) == 0, "z", KINDS)  # In the test rows of the first fold.
    network = kohort.DenseClassifier(
        width=8, depth=1, epochs=40, learning_rate=0.03, random_state=0
    )
    with pytest.warns(UserWarning, match="least populated class"):
        model = ensemble(network, rare)
    calls.clear()
    found = model.predict_proba(X)
    assert sum(calls) == 3 * len(model.parts_)
    assert list(model.classes_) == ["a", "b", "c", "z"]
    np.testing.assert_allclose(found.sum(axis=1), 1)
    whole = [m.head for p in model.parts_ for m in p.members if len(m.head.classes_) == 4]
    assert len(whole) == 2 * len(model.parts_)


def test_networks_on_xla_are_those_alone_to_the_last_bit(monkeypatch, calls):
    network = kohort.DenseClassifier(
        width=8, depth=1, epochs=40, learning_rate=0.03, random_state=0
    )
    model = ensemble(network, KINDS)
    before = current.lent_compiler()
    current.lend(XlaCompiler())
    try:
        calls.clear()
        found = model.predict_proba(X)
        assert len(calls) == len(structures(model))
        alone = one_by_one(model, X, "predict_proba")
    finally:
        current.lend(before)
    np.testing.assert_allclose(found, alone, rtol=1e-13)


def test_any_number_of_members_and_tables_has_one_program_on_xla():
    members = [
        kohort.DenseRegressor(width=8, depth=1, epochs=1, random_state=seed).fit(X[seed:], Y[seed:])
        for seed in range(7)
    ]
    scalings = {member._scaling.mean.tobytes() for member in members}
    assert len(scalings) == 7
    before = current.lent_compiler()
    current.lend(XlaCompiler())
    try:
        with compilations() as log:
            for count in (5, 7, 1):
                list(passes_together(members[:count], [X] * count))
    finally:
        current.lend(before)
    assert [entry.kind for entry in log] == ["predict"]


@pytest.mark.parametrize("kind", ["array", "sparse"])
def test_differently_scaled_tables_take_no_more_memory_than_one(kind, monkeypatch):
    rows = np.random.default_rng(0).normal(size=(20_000, 20)).astype(np.float32)
    small = rows[:40]
    if kind == "sparse":
        rows, small = (
            scipy.sparse.csr_array(np.where(part > 1, part, 0)) for part in (rows, small)
        )
    members = [
        kohort.DenseRegressor(width=8, depth=1, epochs=1, random_state=seed).fit(
            small[seed:], np.arange(40 - seed)
        )
        for seed in range(8)
    ]
    alone = [member.predict(rows) for member in members]
    monkeypatch.setattr("kohort.engine.predict._MOST_BYTES", 2**18)
    whole = 20_000 * 20 * 4
    tracemalloc.start()
    try:
        found = [part for _, part in passes_together(members, [rows] * 8)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * whole  # Eight tables of this size were held at once before.
    for place, member in enumerate(members):
        together = np.concatenate([member.answered(part[place]) for part in found])
        np.testing.assert_array_equal(together[:, 0], alone[place])


def test_rows_come_in_blocks(monkeypatch, calls):
    model = ensemble(
        kohort.DenseRegressor(width=8, depth=1, epochs=40, learning_rate=0.03, random_state=0), Y
    )
    whole = model.predict(X)
    monkeypatch.setattr("kohort.engine.predict._MOST_ROWS", 64)
    assert len(list(blocks(X))) == 2
    calls.clear()
    np.testing.assert_array_equal(model.predict(X), whole)
    assert len(calls) == 2 * len(structures(model))


def test_what_a_derived_class_predicts_and_noise_are_asked_of_each_alone(calls):
    class Doubled(kohort.DenseRegressor):
        def predict(self, X):
            return 2 * super().predict(X)

    class Same(kohort.DenseRegressor):
        pass

    for kind, joins in ((Doubled, False), (Same, True)):
        fitted = kind(width=8, epochs=2, random_state=0).fit(X, Y)
        assert fitted.joins == joins
    noisy = kohort.DenseRegressor(dropout=0.2, mc_samples=3, epochs=2, random_state=0).fit(X, Y)
    assert not noisy.joins
    model = ensemble(Doubled(width=8, depth=1, epochs=40, learning_rate=0.03, random_state=0), Y)
    alone = one_by_one(model, X, "predict")
    np.testing.assert_allclose(model.predict(X), alone, rtol=1e-13, atol=1e-15)
