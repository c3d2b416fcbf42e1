"""Ray itself: searches on a cluster of this machine's processes, of which some are killed."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import kohort

ray = pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")

from kohort.engine.executors import ray as executors  # noqa: E402
from kohort.engine.executors.cluster.base import Lost, Over, Refused  # noqa: E402

pytestmark = [
    pytest.mark.rest,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning",
        "ignore::FutureWarning",
        # Ray forks to start its machines, and starts another program in them at once.
        r"ignore:os\.fork\(\) was called:RuntimeWarning",
    ),
]

X = np.random.default_rng(0).normal(size=(240, 4)).astype(np.float32)
Y = X[:, 0] ** 2 + X[:, 1]


@pytest.fixture(scope="module", autouse=True)
def compiler():
    """The lent compiler alone: these tests do not depend on it."""


@pytest.fixture(scope="module")
def cluster():
    """A head without cores, and two machines with one core each."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        made = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
        )
        made.machines = [made.add_node(num_cpus=1) for _ in range(2)]
        yield made
        ray.shutdown()
        made.shutdown()


@pytest.fixture
def executor(cluster):
    return kohort.RayExecutor(cluster.address)


def searched(executor=None, candidates=30, epochs=150, **parameters):
    model = kohort.DenseRegressor(
        width=32, depth=2, epochs=epochs, early_stopping=False, random_state=0, **parameters
    )
    space = {"learning_rate": np.geomspace(1e-4, 1e-3, candidates)}
    with kohort.together(executor=executor, progress=False):
        return kohort.GridSearchCV(model, space, cv=2).fit(X, Y)


def assert_equal(found, expected):
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    for one, other in zip(
        found.best_estimator_.weights_, expected.best_estimator_.weights_, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def once_ended(executor, count):
    """Wait until `count` fits have ended, and another one trains."""
    while executor.census().ended < count or not executor.census().training:
        time.sleep(0.02)


def meanwhile(executor, count, action):
    """A thread that calls `action` once `count` fits have ended."""

    def act():
        once_ended(executor, count)
        action()

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_a_machine_dies_and_another_joins(cluster, executor):
    lines = []
    executor._say = lines.append
    with ThreadPoolExecutor(1) as pool:  # Ray starts machines in the main thread alone.
        search = pool.submit(searched, executor)
        once_ended(executor, 8)
        cluster.remove_node(cluster.machines[0], allow_graceful=False)
        once_ended(executor, 16)
        cluster.add_node(num_cpus=1)
        found = search.result(60)
    assert_equal(found, searched())
    census = executor.census()
    assert census.ended == census.submitted == 61
    assert sum("died on the cluster" in line for line in lines) <= 2
    assert executor.repeated <= 16
    assert not executor.busy


def test_a_process_that_is_killed_is_replaced(executor):
    def kill():
        while executor.busy:  # At this moment there may be none.
            for process in psutil.process_iter(["name", "cmdline"]):
                if "ray::_task" in " ".join(process.info["cmdline"] or []):
                    os.kill(process.pid, signal.SIGKILL)
                    return

    lines = []
    executor._say = lines.append
    helper = meanwhile(executor, 6, kill)
    found = searched(executor)
    helper.join(10)
    assert_equal(found, searched())
    assert "a process died on the cluster (WorkerCrashedError" in lines[0]
    assert executor.repeated > 0


def test_where_ray_cannot_stream_reports_come_at_the_end(executor):
    executor._cluster._streams = False
    assert_equal(searched(executor, 6, 5), searched(None, 6, 5))


def test_keras_models_travel_and_callbacks_stay(executor, capsys):
    import keras

    def build(X, y):
        layers = [keras.Input((4,)), keras.layers.Dense(6, "gelu"), keras.layers.Dropout(0.1)]
        model = keras.Sequential([*layers, keras.layers.Dense(1)])
        model.compile(keras.optimizers.AdamW(1e-3), keras.losses.Huber(0.5), metrics=["mae"])
        return model

    def predictions(executor, **parameters):
        model = kohort.KerasRegressor(build, epochs=3, random_state=0, **parameters)
        with kohort.together(executor=executor, progress=False):
            return model.fit(X, Y).predict(X)

    expected = predictions(None)
    np.testing.assert_array_equal(predictions(executor), expected)
    assert not capsys.readouterr().err
    keeper = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    np.testing.assert_array_equal(predictions(executor, callbacks=[keeper]), expected)
    assert "1 fit trains here, since a callback" in capsys.readouterr().err


def test_what_runs_is_called_off_when_it_is_interrupted(executor):
    def interrupt():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    meanwhile(executor, 1, interrupt)
    with pytest.raises(KeyboardInterrupt):
        searched(executor, epochs=2000)
    executor.join(20)
    assert not executor.busy
    assert_equal(searched(executor, 4, 5), searched(None, 4, 5))


def test_an_address_where_no_cluster_answers():
    ray.shutdown()
    with pytest.raises(kohort.ClusterError, match=r"`address` must be .*; got '127.0.0.1:1'"):
        kohort.RayExecutor("127.0.0.1:1")


@pytest.mark.parametrize(
    ("name", "value"),
    [("address", 1), ("cpus", 0), ("gpus", -1), ("max_retries", 0.5), ("runtime_env", "pip")],
)
def test_parameters_are_checked(name, value):
    with pytest.raises(kohort.ParameterError, match=f"`{name}` must be"):
        kohort.RayExecutor(**{name: value})


def test_what_errors_of_ray_mean():
    known = ray.exceptions
    died = executors.news_of(known, known.WorkerCrashedError())
    assert isinstance(died, Lost)
    assert not died.cargo
    lost = executors.news_of(known, known.ObjectLostError("0" * 40, "", ""))
    assert lost == Lost("ObjectLostError: an object was lost with its machine", cargo=True)
    assert isinstance(executors.news_of(known, known.TaskCancelledError()), Over)
    raised = known.RayTaskError("f", "Traceback: why", kohort.ClusterError("a sentence"))
    assert str(executors.news_of(known, raised).error) == "a sentence"
    raised = known.RayTaskError("f", "Traceback: why", ModuleNotFoundError("kohort"))
    refused = executors.news_of(known, raised)
    assert isinstance(refused, Refused)
    assert "Traceback: why" in str(refused.error)
