"""Executors: whatever fails, each fit is delivered once, with a result or with an error."""

import threading

import numpy as np
import pytest
from tests.engine.faults import PlantedError, UnopenableRows, raising

import kohort
from kohort.engine import plan
from kohort.engine.executors import local
from kohort.engine.executors.base import outcome_of, train_with
from kohort.engine.executors.inline import InlineExecutor
from kohort.engine.executors.local import LocalExecutor
from kohort.engine.member import Member, Rows, Verdict
from kohort.engine.population import Runner
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe

pytestmark = pytest.mark.timeout(120)

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = X[:, :1] ** 2


def member(batch_size=16, x=X, epochs=2, **changes):
    recipe = Recipe.of(
        loss="mse", depth=1, width=4, batch_size=batch_size, epochs=epochs, early_stopping=False
    )
    return Member(**fields_of(recipe, 3, 1), rows=Rows(x, Y), seed=0, **changes)


def delivered(executor, members, seconds=60):
    """Submit, start, wait: the fits in the order in which they ended, each of them once."""
    ended, left = [], threading.Semaphore(0)

    def done(fit):
        ended.append(fit)
        left.release()

    fits = [executor.submit(one, done) for one in members]
    executor.start()
    for _ in fits:
        assert left.acquire(timeout=seconds), "a fit was never delivered"
    executor.join(60)
    assert len(ended) == len(set(ended)) == len(fits)
    assert not executor.busy
    assert executor.census().waiting == executor.census().training == 0
    return fits


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (plan, "groups"),
        (plan, "cost_of"),
        (plan, "slots_of"),
        (local, "Runner"),
        (Runner, "run"),
        (Runner, "_admit"),
        (Runner, "_advance"),
        (Runner, "_harvest"),
        (LocalExecutor, "_slots"),
        (LocalExecutor, "_train"),
        (LocalExecutor, "_readers"),
        (LocalExecutor, "_taken"),
        (local._Group, "cost"),
        (local._Group, "streamed"),
    ],
)
def test_an_error_at_any_step_is_that_of_the_fits(monkeypatch, place, name):
    executor = LocalExecutor(1)
    with monkeypatch.context() as planted:
        is_property = isinstance(vars(place).get(name), property)
        planted.setattr(place, name, property(raising) if is_property else raising)
        for fit in delivered(executor, [member(), member(8)]):
            with pytest.raises(PlantedError):
                outcome_of(fit)
    for fit in delivered(executor, [member(), member(8)]):  # It works again.
        assert outcome_of(fit).status == "finished"


def test_threads_that_cannot_be_started(monkeypatch):
    executor = LocalExecutor(2)
    with monkeypatch.context() as planted:
        planted.setattr(threading.Thread, "start", full)
        for fit in delivered(executor, [member(), member(8)]):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                outcome_of(fit)
    assert [outcome_of(f).status for f in delivered(executor, [member()])] == ["finished"]


def full(thread):
    raise RuntimeError("can't start new thread")


def test_one_thread_of_two_is_enough(monkeypatch):
    start = threading.Thread.start
    started = []

    def once(thread):
        if started:
            full(thread)
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", once)
    fits = delivered(LocalExecutor(2), [member(), member(8), member(4)])
    assert [outcome_of(fit).status for fit in fits] == ["finished"] * 3


def test_rows_that_cannot_be_opened_are_the_fault_of_one_fit():
    broken, *others = delivered(
        LocalExecutor(1), [member(20, UnopenableRows(X)), member(), member(8)]
    )
    with pytest.raises(PlantedError):
        outcome_of(broken)
    assert [outcome_of(fit).status for fit in others] == ["finished"] * 2


def test_a_loader_that_does_not_close(monkeypatch):
    monkeypatch.setattr("kohort.engine.fit.Fit.release", raising)
    (fit,) = delivered(LocalExecutor(1), [member()])
    with pytest.raises(PlantedError):
        outcome_of(fit)


def test_a_thread_that_ends_leaves_what_waits_in_other_groups():
    """A helper for streamed rows finds nothing for it to do while arrays wait elsewhere."""
    executor, held = LocalExecutor(1), threading.Event()
    inside = threading.Event()

    def on_epoch(epoch, logs, weights):
        inside.set()
        held.wait(60)
        return Verdict()

    fits = [executor.submit(member(on_epoch=on_epoch), lambda fit: None)]
    executor.start()
    assert inside.wait(60)
    ended = threading.Semaphore(0)
    fits += [executor.submit(member(size), lambda fit: ended.release()) for size in (4, 8, 20)]
    helper = threading.Thread(target=executor._work, args=(1, True))
    helper.start()
    helper.join()
    held.set()
    for _ in range(3):
        assert ended.acquire(timeout=60)
    assert [outcome_of(fit).status for fit in fits] == ["finished"] * 4


def test_a_callback_that_waits_for_another_thread_s_fit(monkeypatch):
    monkeypatch.setattr(local, "_PATIENCE", 0.1)
    executor, results = LocalExecutor(1), []

    def on_epoch(epoch, logs, weights):
        thread = threading.Thread(
            target=lambda: results.extend(train_with(executor, [member(8)])),
        )
        thread.start()
        thread.join()
        return Verdict()

    train_with(executor, [member(on_epoch=on_epoch)])
    assert [outcome.status for outcome in results] == ["finished"] * 2


class TestInline:
    def test_it_trains_as_the_local_one_does(self):
        members = [member(), member(8)]
        found = [outcome_of(fit) for fit in delivered(InlineExecutor(), members)]
        for outcome, expected in zip(found, local.train(members), strict=True):
            np.testing.assert_allclose(outcome.history["loss"], expected.history["loss"], 1e-5)

    @pytest.mark.parametrize("place", [(plan, "groups"), (plan, "slots_of"), (Runner, "run")])
    def test_an_error_is_that_of_the_fits(self, monkeypatch, place):
        monkeypatch.setattr(*place, raising)
        for fit in delivered(InlineExecutor(), [member(), member(8)]):
            with pytest.raises(PlantedError):
                outcome_of(fit)

    def test_what_waits_can_be_cancelled(self):
        executor, ended = InlineExecutor(), []
        fit = executor.submit(member(), ended.append)
        executor.cancel()
        with pytest.raises(kohort.CancelledError):
            outcome_of(fit)
        assert (ended, executor.arrivals) == ([fit], 0)
