"""Claim 8: warm-up prevents divergence at large rates, and matters most there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kohort.lab.bench import Arm, Bench, outcomes
from kohort.lab.claim import Claim
from kohort.lab.outcomes import Outcomes
from kohort.lab.part import Part
from kohort.lab.pictures import ERROR, LEARNING_RATE, lines, panels
from kohort.lab.tables import DIGITS, PHOTOS
from kohort.lab.words import Language, Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLES = (DIGITS, PHOTOS)
RATES = tuple(float(f"{rate:.2g}") for rate in np.geomspace(1e-3, 0.1, 7))
SAFE, LARGE = RATES[0], RATES[4]
NONE, WARM = "no warm-up", "warm-up"

PARTS = (
    Part(
        Words(f"the rate is large ({LARGE:g})", f"학습률이 클 때({LARGE:g})"),
        "error", WARM, NONE, at=LARGE, by="difference", margin=0.01,
    ),
    Part(
        Words(
            f"at a safe rate ({SAFE:g}) it costs nothing", f"안전한 학습률({SAFE:g})에서 손해가 없음"
        ),
        "error", WARM, NONE, at=SAFE, by="difference", asks="no worse", margin=0.01,
    ),
    Part(
        Words("its gain is larger at the large rate", "큰 학습률에서 이득이 더 큼"),
        "gain", "large rate", "safe rate", by="difference", margin=0.01,
    ),
)  # fmt: skip


def measure(bench: Bench) -> Outcomes:
    """Eight layers, 20 epochs of Adam, with and without warm-up over a fifth of them."""
    base = {"depth": 8, "epochs": bench.epochs(20)}
    arms = [
        Arm(side, {**base, "warmup": share, "learning_rate": rate}, at=rate)
        for rate in (RATES if not bench.quick else (SAFE, LARGE))
        for side, share in ((NONE, 0), (WARM, 0.2))
    ]
    found = outcomes(bench.fits(TABLES, arms))
    return found + _gains(found)


def _gains(found: Outcomes) -> Outcomes:
    """What warm-up changes at either rate, as sides of a comparison."""
    return found.differences("error", WARM, NONE, {"large rate": LARGE, "safe rate": SAFE}, "gain")


def draw(figure: Figure, found: Outcomes, language: Language) -> None:
    """Test error by rate, a panel per table."""
    for axes, table in zip(panels(figure, len(TABLES)), TABLES, strict=True):
        lines(axes, found, "error", table.name, (NONE, WARM), scale=100)
        axes.set(xscale="log", xlabel=f"{LEARNING_RATE.of(language)} (Adam)", title=table.name)
        axes.set_ylabel(ERROR.of(language))
    axes.legend()


CLAIM = Claim(
    number=8,
    name="warm-up",
    title=Words("Warm-up", "워밍업"),
    says=Words(
        "Warm-up prevents divergence at large learning rates, and matters most there.",
        "워밍업은 큰 학습률에서 발산을 막으며, 학습률이 클 때 가장 중요하다.",
    ),
    design=Words(
        "Networks of 8 layers of 64 units (ReLU) train for 20 epochs with Adam at seven constant "
        "rates, with warm-up over the first fifth of the training and without. Everything else is "
        "equal: rows, initial weights, order of batches.",
        "64유닛 은닉층 8개(ReLU)를 Adam으로 20에포크 학습하되, 일정한 학습률 일곱 가지에서 처음 5분의 1 동안 "
        "워밍업을 쓴 경우와 쓰지 않은 경우를 비교합니다. 데이터 행, 초기 가중치, 배치 순서는 모두 같습니다.",
    ),
    parts=PARTS,
    measure=measure,
    draw=draw,
    papers=("Goyal et al. 2017 (arXiv:1706.02677)", "He et al. 2016 (arXiv:1512.03385)"),
    parameters=("warmup", "warmup_start"),
)
