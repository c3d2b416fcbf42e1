"""A member that was interrupted goes on from its last epoch, to the bit as if nothing had been."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth
from tests.store.conftest import equal, member, table

import kohort
from kohort.data.streams import Stream
from kohort.engine.executors.base import train_with
from kohort.engine.executors.local import LocalExecutor, train
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.folder_store import FolderStore
from kohort.engine.member import PAUSED, Rows
from kohort.engine.store_writer import StoreWriter
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


class AtOnce(StoreWriter):
    """Writes while the training waits, so that a count of writes says how far it has come."""

    def put(self, key, outcome, instead_of=()):
        super().put(key, outcome, instead_of)
        self.close()


def with_store(store, members, threads=1):
    """Outcomes, and the epoch that each member was trained from."""
    executor = StoringExecutor(LocalExecutor(threads), store, interval=0.0)
    executor._writer = AtOnce(store)
    begun, submit = [], executor.executor.submit

    def seen(one, *rest):
        begun.append(one.begins)
        return submit(one, *rest)

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


class Source:
    """Rows that are read in parts of four."""

    part_rows, digest = 4, b"source"

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, rows):
        return self.values[rows]


def streamed():
    """The table, its features read again in each epoch."""
    whole = table()
    return Rows(Stream(Source(whole.x), (3,), whole.x.dtype, 0), whole.y)


@given(
    recipes=st.lists(RECIPES, min_size=1, max_size=3),
    puts=st.integers(1, 12),
    reads=st.booleans(),
)
@settings(max_examples=depth(30), deadline=None)
def test_what_was_interrupted_goes_on_to_the_bit(tmp_path_factory, recipes, puts, reads):
    folder = tmp_path_factory.mktemp("store")
    members = [
        member(streamed() if reads else table(), seed, epochs=6, validation=table(9), **recipe)
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


def test_a_member_whose_outcome_could_not_be_kept_goes_on_from_its_snapshot(tmp_path):
    class Full(FolderStore):
        def put(self, key, outcome):
            if outcome.weights is not None and outcome.status != PAUSED:
                raise OSError(28, "No space left on device")
            super().put(key, outcome)

    with pytest.warns(kohort.StoreWarning, match="No space left"):
        with_store(Full(tmp_path), [member(epochs=6)])
    (again,), begun = with_store(FolderStore(tmp_path), [member(epochs=6)])
    assert begun == [5]
    assert equal(again, train([member(epochs=6)])[0])


def test_members_that_end_within_the_interval_are_not_saved(tmp_path):
    executor = StoringExecutor(LocalExecutor(1), FolderStore(tmp_path))
    train_with(executor, [member(epochs=6)])
    executor.join()
    assert len(list(FolderStore(tmp_path).entries())) == 1


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, centered=True),
    "average": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8),
    "schedule": lambda: keras.optimizers.Lion(
        keras.optimizers.schedules.ExponentialDecay(0.01, 3, 0.5)
    ),
}
METRICS = {
    "none": list,
    "mean": lambda: ["mae"],
    "running": lambda: [keras.metrics.R2Score(), keras.metrics.RootMeanSquaredError()],
}


@pytest.mark.rest
@given(
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    metrics=st.sampled_from(sorted(METRICS)),
    layers=st.lists(st.sampled_from(["dropout", "batch", "layer"]), max_size=2),
    puts=st.integers(1, 6),
)
@settings(max_examples=depth(6), deadline=None)
def test_keras_models_go_on_with_their_metrics_and_their_optimizer(
    tmp_path_factory, optimizer, metrics, layers, puts
):
    makes = {
        "dropout": lambda: keras.layers.Dropout(0.2),
        "batch": keras.layers.BatchNormalization,
        "layer": keras.layers.LayerNormalization,
    }

    def build():
        inner = [makes[name]() for name in layers]
        hidden, last = keras.layers.Dense(4, "relu"), keras.layers.Dense(1)
        model = keras.Sequential([keras.Input((3,)), hidden, *inner, last])
        model.compile(OPTIMIZERS[optimizer](), "mse", metrics=METRICS[metrics]())
        return model

    members, real = [], cohort_run.train_members
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            cohort_run, "train_members", lambda new, *rest: members.extend(new) or real(new, *rest)
        )
        kohort.KerasRegressor(build, epochs=5, random_state=0).fit(table().x, np.ravel(table().y))
    folder = tmp_path_factory.mktemp("store")
    (whole,) = train(members)
    with_store(Dies(folder, puts), members)
    (again,), begun = with_store(FolderStore(folder), members)
    assert begun == ([puts] if puts < 5 else [])
    assert equal(again, whole)
