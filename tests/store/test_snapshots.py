"""A member that was interrupted goes on from its last epoch, to the bit as if nothing had been."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth
from tests.store.conftest import equal, member, table

import kohort
from kohort.engine.executors.base import train_with
from kohort.engine.executors.local import LocalExecutor, train
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.folder_store import FolderStore
from kohort.engine.member import PAUSED
from kohort.estimators.keras_models import cohort_run

pytestmark = pytest.mark.timeout(120)


class Dies(FolderStore):
    """Keeps some outcomes; then its process is dead."""

    def __init__(self, folder, puts):
        super().__init__(folder)
        self.left = puts

    def put(self, key, outcome):
        self.left -= 1
        if self.left >= 0:
            super().put(key, outcome)


def with_store(store, members, threads=1):
    """Outcomes, and the epoch that each member was trained from."""
    executor = StoringExecutor(LocalExecutor(threads), store, interval=0.0)
    begun, submit = [], executor.executor.submit

    def seen(one, done):
        begun.append(one.begins)
        return submit(one, done)

    executor.executor.submit = seen
    outcomes = train_with(executor, members)
    executor.join()
    return outcomes, begun


RECIPES = st.fixed_dictionaries({}, optional={
    "optimizer": st.sampled_from(["sgd", "adam", "nadam", "rmsprop"]),
    "schedule": st.sampled_from(["exponential", "performance", "1cycle"]),
    "dropout": st.sampled_from([0.3]),
    "ema_momentum": st.sampled_from([0.9]),
    "batch_norm": st.sampled_from(["before"]),
    "early_stopping": st.just(True),
    "patience": st.sampled_from([1, 3]),
    "plateau_patience": st.just(1),
    "learning_rate": st.sampled_from([0.01, 0.3]),
})  # fmt: skip


@given(recipes=st.lists(RECIPES, min_size=1, max_size=3), puts=st.integers(1, 12))
@settings(max_examples=depth(30), deadline=None)
def test_what_was_interrupted_goes_on_to_the_bit(tmp_path_factory, recipes, puts):
    folder = tmp_path_factory.mktemp("store")
    members = [
        member(seed=seed, epochs=6, validation=table(9), **recipe)
        for seed, recipe in enumerate(recipes)
    ]
    whole = train(members)
    with_store(Dies(folder, puts), members)
    again, _ = with_store(FolderStore(folder), members, threads=2)
    assert all(map(equal, again, whole))
    kept = [outcome for entry in FolderStore(folder).entries()
            if (outcome := FolderStore(folder).get(entry.key)).status == PAUSED]  # fmt: skip
    assert len(kept) <= 1  # Died between an outcome and tidying up after it.
    assert with_store(FolderStore(folder), members)[1] == []


def test_an_interrupted_member_begins_where_it_was(tmp_path):
    with_store(Dies(tmp_path, 4), [member(epochs=6)])
    (again,), begun = with_store(FolderStore(tmp_path), [member(epochs=6)])
    assert begun == [4]
    assert equal(again, train([member(epochs=6)])[0])
    assert max(entry.size for entry in FolderStore(tmp_path).entries()) < 1000


def test_members_that_end_within_the_interval_are_not_saved(tmp_path):
    executor = StoringExecutor(LocalExecutor(1), FolderStore(tmp_path))
    train_with(executor, [member(epochs=6)])
    executor.join()
    assert len(list(FolderStore(tmp_path).entries())) == 1


@pytest.mark.rest
def test_a_keras_model_goes_on_with_its_metrics_and_its_optimizer(tmp_path, monkeypatch):
    def build():
        layers = [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.2), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((3,)), *layers])
        model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
        return model

    members, real = [], cohort_run.train_members
    monkeypatch.setattr(
        cohort_run, "train_members", lambda new, *rest: members.extend(new) or real(new, *rest)
    )
    kohort.KerasRegressor(build, epochs=5, random_state=0).fit(table().x, np.ravel(table().y))
    (whole,) = train(members)
    with_store(Dies(tmp_path, 3), members)
    (again,), begun = with_store(FolderStore(tmp_path), members)
    assert begun == [3]
    assert equal(again, whole)
