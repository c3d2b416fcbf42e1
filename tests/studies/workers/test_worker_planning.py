"""How many workers: the advice follows from what was measured, and the measuring works."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kohort
from kohort.studies.deadline import Deadline
from kohort.studies.throughput import Speed
from kohort.studies.workers import worker_plan, worker_planning
from kohort.studies.workers.worker_plan import advised_workers

COSTS = {"disk": 1e-5, "decode": 3e-3, "resize": 1e-3}


def table(together, idle, reading=(100, 200, 400, 800), training=350):
    return pd.DataFrame(
        {"workers": [0, 1, 2, 4][: len(together)], "reading": reading[: len(together)],
         "training": training, "together": together, "idle": idle}
    )  # fmt: skip


def advice(measured, speeds=None, plain=None):
    speeds = {32: 350.0, 64: 500.0, 128: 700.0} if speeds is None else speeds
    return advised_workers(measured, speeds, COSTS, 32, plain)


def test_the_fewest_workers_that_come_near_the_best_speed():
    plan = advice(table([90, 190, 340, 345], [0.7, 0.45, 0.05, 0.01]))
    assert plan.workers == 2
    assert plan.idle == 0.05
    assert plan.bottleneck == "training"
    assert plan.batches["workers"].tolist() == [2, 4, 4]
    assert plan.changes_at == 64
    assert "workers=2" in str(plan)
    assert "batch of 64" in str(plan)


def test_when_no_number_keeps_training_busy_the_costliest_part_is_named():
    plan = advice(table([90, 150, 152, 151], [0.7, 0.5, 0.5, 0.5]))
    assert plan.workers == 1
    assert plan.bottleneck == "decode"
    assert "most of it is decode" in str(plan)


def test_augmentation_is_named_when_it_takes_most_of_training():
    measured = table([340, 345], [0.04, 0.02])
    assert advice(measured, plain=900.0).bottleneck == "augmentation"
    assert advice(measured, plain=400.0).bottleneck == "training"
    assert advice(measured, {32: 350.0}).changes_at is None


@pytest.fixture
def files(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(80):
        pixels = generator.integers(0, 255, (24, 24, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg")
    return sorted(str(path) for path in tmp_path.iterdir())


@pytest.mark.parametrize(("compiling", "tried"), [(1.0, [0, 1, 2]), (17.0, [0])])
def test_its_time_holds_compiling_included(files, monkeypatch, compiling, tried):
    now, model = [0.0], kohort.ConvClassifier(depth=1, width=4, augment=["flip"])

    def taking(seconds, found):
        def run(*given):
            now[0] += seconds
            return found

        return run

    speeds = iter([(100.0, 0.9), (200.0, 0.8), (300.0, 0.01)])
    monkeypatch.setattr(worker_planning, "resident_speed", taking(compiling, 350.0))
    monkeypatch.setattr(worker_plan, "reading_speed", taking(1.0, 400.0))
    monkeypatch.setattr(
        worker_plan, "training_speed", lambda *given: taking(2.0, Speed(*next(speeds)))()
    )
    deadline = Deadline(20.0, lambda: now[0])
    plan = worker_planning.measured_plan(files, 16, model, None, deadline)
    assert plan.table["workers"].tolist() == tried
    assert now[0] <= 20
    assert ("There was no time to try 1, 2" in str(plan)) == (tried == [0])
    assert (len(plan.batches) > 1) == (tried != [0])


@pytest.mark.rest
def test_a_plan_measures_ones_own_files_and_model(files):
    model = kohort.ConvClassifier(depth=1, width=4, image_size=(12, 12), augment=["flip"])
    plan = kohort.plan_workers(files, 16, model, seconds=0.1)
    assert plan.table["workers"].tolist() == [0]
    assert plan.unmeasured[:2] == [1, 2]
    assert (plan.table[["reading", "training", "together"]] > 0).all(axis=None)
    assert plan.table["idle"].between(0, 1).all()
    assert set(plan.costs) == {"disk", "decode", "resize"}
    assert min(plan.costs.values()) > 0
    assert plan.workers == 0
    assert model.get_params()["workers"] is None
    figure = plan.plot()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Rows per second", "A row costs, in ms of one core"]


@pytest.mark.rest
def test_a_parquet_table_is_planned_for_alike(tmp_path):
    path = tmp_path / "table.parquet"
    pd.DataFrame(np.random.default_rng(0).normal(size=(300, 4))).to_parquet(path)
    source = kohort.ParquetTable(path)
    plan = kohort.plan_workers(source, 32, kohort.DenseRegressor(width=8), seconds=0.1)
    assert set(plan.costs) == {"read", "scale"}
    model = kohort.DenseRegressor(width=8, epochs=1, workers="auto", batch_size=32)
    assert model.fit(source, np.zeros(300)).worker_plan_.workers in (0, 1, 2, 4)


class TestFaults:
    def test_estimators_that_read_no_files(self, files):
        with pytest.raises(kohort.ParameterError, match="`estimator` must be an estimator that"):
            kohort.plan_workers(files, 8, kohort.KerasClassifier())

    def test_sources_that_are_no_files(self):
        with pytest.raises(kohort.ParameterError, match="`source` must be files"):
            kohort.plan_workers(np.zeros((20, 3)), 8, kohort.DenseRegressor())
        images = np.zeros((20, 8, 8, 3), np.uint8)
        with pytest.raises(kohort.ParameterError, match="`source` must be files"):
            kohort.plan_workers(images, 8, kohort.ConvClassifier())

    def test_bad_batch_sizes(self, files):
        with pytest.raises(kohort.ParameterError, match="`batch_size` must be"):
            kohort.plan_workers(files, 0, kohort.ConvClassifier())
