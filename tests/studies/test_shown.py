"""Answers of studies in notebooks and consoles: few lines, one picture."""

import base64
import re
import sys

import numpy as np
import pandas as pd
import pytest
from tests.studies.diagnosis.test_findings import FAULTS, training

from kohort.studies.batch_size.batch_size_plan import advised
from kohort.studies.comparison.comparison import compared
from kohort.studies.diagnosis.diagnosis import diagnosed
from kohort.studies.learning_rate.rate_batch_map import RateBatchMap
from kohort.studies.learning_rate.rate_finding import finding, sweep
from kohort.studies.workers.worker_plan import WorkerPlan

pytest.importorskip("matplotlib")


def comparison():
    seeds = np.arange(40)
    status = pd.Series(["finished"] * 40)
    table = {"seed": seeds, "estimator": seeds / 40, "other": 0.1 + seeds / 30, "constant": 0.0}
    return compared(
        pd.DataFrame(table).assign(estimator_status=status, other_status=status), 0.95, "R² <&>"
    )


def rate():
    rates = sweep(1e-6, 1.0, 200)
    curve = np.where(rates < 0.01, 1 / (1 + 1e4 * rates), 0.1 + 10 * rates)
    return finding([curve.astype("float32")] * 2, rates, "learning_rate")


def plan():
    sizes = [8, 16, 32]
    table = {"batch_size": sizes, "rows_per_second": [1e3, 2e3, 3e3], "bytes": [1e6, 2e6, 3e6],
             "cohort_rows_per_second": [2e3, 4e3, 6e3], "cohort_bytes": [2e6, 4e6, 6e6],
             "members": [2, 2, 2], "tried": [True] * 3}  # fmt: skip
    return advised(pd.DataFrame(table), (20.0, [20.0]), (32, 1e-3), True, 30, 2**30, "2 cores")


def grid():
    cells = [(size, rate, 0.1 * size * rate) for size in (16, 32) for rate in (0.01, 0.1)]
    table = pd.DataFrame(cells, columns=["batch_size", "rate", "loss"])
    return RateBatchMap(table, 5, 1, "learning_rate")


def workers():
    table = pd.DataFrame(
        {"workers": [1, 2], "reading": [50.0, 90.0], "training": [80.0, 80.0],
         "together": [45.0, 70.0], "idle": [0.4, 0.1]}
    )  # fmt: skip
    batches = pd.DataFrame({"batch_size": [16, 32], "training": [80.0, 90.0], "workers": [2, 2]})
    costs = {"disk": 0.001, "decode": 0.01}
    return WorkerPlan(table, batches, 2, 0.1, "decode", costs, 16, None, [])


ANSWERS = {
    "Comparison": comparison,
    "RateFinding": rate,
    "BatchSizePlan": plan,
    "RateBatchMap": grid,
    "WorkerPlan": workers,
    "Diagnosis": lambda: diagnosed(training(**FAULTS["unscaled_inputs"])),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_shown_as_its_words_and_one_picture(name, monkeypatch):
    from matplotlib import pyplot

    answer, others = ANSWERS[name](), pyplot.get_fignums()
    words = " ".join(repr(answer).split())
    assert words == f"{name}: {answer}"
    assert len(repr(answer).splitlines()) <= 10
    page = answer._repr_html_()
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert len(page) < 500_000
    assert "<&>" not in page
    assert pyplot.get_fignums() == others
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    alone = answer._repr_html_()
    assert "<img" not in alone
    assert alone.endswith("</p></div>")
