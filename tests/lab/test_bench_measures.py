"""Values that the bench reads off a training beside its test measures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kohort.lab.bench import Arm, Bench, estimator
from kohort.lab.claim import claim_of
from kohort.lab.outcomes import Outcome, Outcomes
from kohort.lab.page import block
from kohort.lab.part import Part
from kohort.lab.result import Result
from kohort.lab.tables import DIABETES, WINE, Parts, Rows
from kohort.lab.words import Words

TINY = {"depth": 1, "width": 8, "epochs": 2}


def _without_labels(parts: Parts, draws: np.random.Generator) -> Parts:
    some = Rows(parts.train.X[:40], parts.train.y[:40])
    return parts._replace(train=some, unlabelled=parts.train.X[40:])


def test_a_look_sees_the_fitted_estimator_and_its_rows():
    def look(model, parts):
        return {"accuracy": model.score(*parts.train), "rows": len(parts.train.y)}

    (found,) = Bench(1).fits([WINE], [Arm("plain", TINY, rows=50)], look=look)
    assert found.seen["rows"] == 50
    assert np.isclose(found.train["error"], 1 - found.seen["accuracy"])


def test_probabilities_have_a_calibration_error_and_numbers_have_none():
    classes, numbers = Bench(1).fits([WINE, DIABETES], [Arm("plain", TINY)])
    assert 0 <= classes.test["calibration"] <= 1
    assert "calibration" not in numbers.test


def test_pretraining_gets_the_rows_without_labels():
    pretrained = TINY | {"pretrain": "autoencoder", "pretrain_epochs": 2}
    arms = [
        Arm("few", pretrained, change=lambda p, d: _without_labels(p, d)._replace(unlabelled=None)),
        Arm("more", pretrained, change=_without_labels),
    ]
    few, more = Bench(1).fits([WINE], arms, look=lambda model, parts: {"w": model.weights_[0]})
    assert not np.array_equal(few.seen["w"], more.seen["w"])


def test_a_diverged_training_counts_as_the_constant_prediction_on_all_rows():
    wild = TINY | {"optimizer": "sgd", "learning_rate": 1e30}
    (found,) = Bench(1).fits([DIABETES], [Arm("wild", wild)], look=lambda model, parts: {"a": 1})
    assert found.diverged
    assert not found.seen
    assert np.isclose(found.train["loss"], 1)


def test_a_remark_stands_below_the_verdict():
    part = Part(Words("a", "a"), "error", "new", "old")
    found = Outcomes(
        Outcome("error", "wine", "", side, seed, 1 + seed)
        for side in ("new", "old")
        for seed in range(2)
    )
    told = Words("It is otherwise.", "다릅니다.")
    claim = replace(claim_of("warm-up"), parts=(part,), remark=told)
    made = {"processor": "", "kohort": "", "commit": ""}
    result = Result(claim, 2, False, 1.0, made, found)
    assert told.en in block(result, "en", "a.svg", remark=True)
    assert told.ko in block(result, "ko", "a.svg", remark=True)


def test_an_estimator_outside_the_cohort_is_the_benchs_own():
    model = estimator("regression", {"width": 8, "ema_momentum": None}, 3)
    assert model.get_params()["early_stopping"] is False
    assert (model.width, model.depth, model.random_state) == (8, 2, 3)
