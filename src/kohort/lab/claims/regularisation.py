"""Claim 17: penalties, dropout and max-norm over-fit less; Monte Carlo dropout predicts better."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kohort.lab.bench import PLAIN, Arm, Bench, Fitted, Settings, outcomes
from kohort.lab.claim import Claim
from kohort.lab.outcomes import Outcome, Outcomes
from kohort.lab.part import Part
from kohort.lab.pictures import LOSS, bars, panels
from kohort.lab.tables import BREAST_CANCER, DIGITS, PHOTOS
from kohort.lab.words import Language, Words
from kohort.style import COLORS, GRAY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLES = (DIGITS, PHOTOS, BREAST_CANCER)
ROWS = 200
NONE, DROPOUT, MONTE_CARLO = "none", "dropout", "MC dropout"
RATES = (3e-4, 1e-3, 3e-3)
STRENGTHS: dict[str, tuple[Settings, ...]] = {
    NONE: ({},),
    "L1": tuple({"l1": value} for value in (1e-4, 1e-3, 1e-2)),
    "L2": tuple({"l2": value} for value in (1e-4, 1e-3, 1e-2)),
    "max-norm": tuple({"max_norm": value} for value in (0.5, 1.0, 2.0)),
    DROPOUT: tuple({"dropout": value} for value in (0.1, 0.3, 0.5)),
    MONTE_CARLO: tuple({"dropout": value, "mc_samples": 50} for value in (0.1, 0.3, 0.5)),
}
_OVER_FIT = [name for name in STRENGTHS if name not in (NONE, MONTE_CARLO)]

PARTS = (
    *(
        Part(
            Words(f"{name}: smaller gap between test and training loss",
                  f"{name}: 시험 손실과 학습 손실의 차이가 작음"),
            "gap", name, NONE, by="difference", margin=0.01,
        )
        for name in _OVER_FIT
    ),
    *(
        Part(
            Words(f"{name}: lower test loss", f"{name}: 시험 손실이 낮음"),
            "loss", name, NONE, margin=0.05,
        )
        for name in _OVER_FIT
    ),
    Part(
        Words("Monte Carlo dropout: lower log loss than dropout",
              "몬테카를로 드롭아웃: 드롭아웃보다 로그 손실이 낮음"),
        "loss", MONTE_CARLO, DROPOUT, margin=0.02,
    ),
    Part(
        Words("Monte Carlo dropout: smaller calibration error than dropout",
              "몬테카를로 드롭아웃: 드롭아웃보다 보정 오차가 작음"),
        "calibration", MONTE_CARLO, DROPOUT, by="difference", margin=0.005,
    ),
)  # fmt: skip


def measure(bench: Bench) -> Outcomes:
    """Losses on training and test rows, at the best rate and strength of each side."""
    base = {**PLAIN, "width": 128, "epochs": bench.epochs(60)}
    found: list[Fitted] = []
    for name, strengths in STRENGTHS.items():
        tried = [
            {"learning_rate": rate, **strength}
            for rate in bench.some(RATES, quick=1)
            for strength in bench.some(strengths)
        ]
        found += bench.tuned(TABLES, [Arm(name, base, rows=ROWS)], tried)
    return outcomes(found, ("loss", "error", "calibration")) + Outcomes(
        Outcome(
            "gap", one.table.name, "", one.arm.side, one.seed, one.test["loss"] - one.train["loss"]
        )
        for one in found
    )


_NAMES = {
    NONE: Words("none", "없음"),
    DROPOUT: Words("dropout", "드롭아웃"),
    MONTE_CARLO: Words("MC dropout", "MC 드롭아웃"),
}


def draw(figure: Figure, found: Outcomes, language: Language) -> None:
    """Test loss of every side, a panel per table."""
    names = [_NAMES.get(name, Words(name, name)).of(language) for name in STRENGTHS]
    colors = [GRAY, *[COLORS[1]] * len(_OVER_FIT), COLORS[0]]
    places = panels(figure, len(TABLES))
    for axes, table in zip(places, TABLES, strict=True):
        values = [found.values("loss", table.name, name) for name in STRENGTHS]
        bars(axes, list(zip(names, values, strict=True)), colors=colors)
        axes.axvline(float(np.mean(values[0])), color=GRAY, linestyle="--", linewidth=1)
        axes.set(title=table.name, xlabel=LOSS.of(language))
        if axes is not places[0]:
            axes.set_yticklabels([])


CLAIM = Claim(
    number=17,
    name="regularisation",
    title=Words("L1, L2, dropout, Monte Carlo dropout, max-norm", "L1, L2, 드롭아웃, 몬테카를로 드롭아웃, 최대 노름"),
    says=Words(
        "L1 and L2 penalties, dropout and max-norm over-fit less; Monte Carlo dropout gives better "
        "probabilities than dropout.",
        "L1·L2 벌점, 드롭아웃, 최대 노름은 과대적합을 줄이고, 몬테카를로 드롭아웃은 드롭아웃보다 나은 확률을 준다.",
    ),
    design=Words(
        "Networks of two layers of 128 units (ReLU) train on only 200 rows with Adam, for 60 epochs "
        "without early stopping. Each side has the best of three learning rates (0.0003 to 0.003), and "
        "each technique the best of three strengths at each of them: L1 and L2 0.0001 to 0.01, "
        "max-norm 0.5 to 2, dropout 0.1 to 0.5. Both are chosen for each seed by the log loss on rows "
        "that are neither trained on nor reported. Over-fitting is the log loss on test rows less that "
        "on training rows, both without dropout and penalties. Monte Carlo dropout averages 50 passes "
        "with dropout left on; it is compared with dropout that is switched off in prediction, by log "
        "loss and by the expected calibration error over 15 bins.",
        "128유닛 은닉층 2개(ReLU)인 신경망을 200행만으로 Adam을 써서 조기 종료 없이 60에포크 학습합니다. 학습률은 세 가지"
        "(0.0003~0.003) 가운데, 기법의 강도는 각 학습률마다 세 가지 가운데 가장 좋은 것을 씁니다. L1과 L2는 0.0001~0.01, 최대 노름은 "
        "0.5~2, 드롭아웃은 0.1~0.5입니다. 둘 다 시드마다 학습에도 보고에도 쓰지 않는 행의 로그 손실로 고릅니다. 과대적합은 시험 행의 로그 "
        "손실에서 학습 행의 로그 손실을 뺀 값이며, 둘 다 드롭아웃과 벌점 없이 잽니다. 몬테카를로 드롭아웃은 드롭아웃을 켠 채 50번 예측해 "
        "평균하고, 예측할 때 드롭아웃을 끄는 경우와 로그 손실 및 기대 보정 오차(구간 15개)로 비교합니다.",
    ),
    parts=PARTS,
    measure=measure,
    draw=draw,
    papers=(
        "Srivastava et al. 2014, Dropout",
        "Gal and Ghahramani 2016 (arXiv:1506.02142)",
        "Guo et al. 2017 (arXiv:1706.04599)",
        "Ng 2004, Feature selection, L1 vs. L2 regularization",
    ),
    parameters=("l1", "l2", "dropout", "mc_samples", "max_norm"),
    size=(10.0, 3.6),
)  # fmt: skip
