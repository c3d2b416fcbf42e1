"""Claim 11: Leaky ReLU cures dying units; ahead on large image sets, at risk on small data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kohort.arrays import Estimator
from kohort.engine.member import Floats
from kohort.lab.bench import Arm, Bench, outcomes, rates
from kohort.lab.claim import Claim
from kohort.lab.outcomes import POOLED, Outcome, Outcomes
from kohort.lab.part import Part
from kohort.lab.pictures import ERROR, LEARNING_RATE, changes, lines, panels
from kohort.lab.tables import DIGITS, PHOTOS, Parts, scaled
from kohort.lab.words import Language, Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLES = (DIGITS, PHOTOS)
RATES = (0.001, 0.003, 0.01, 0.03)
LARGE = RATES[-1]
RELU, LEAKY, PRELU = "ReLU", "Leaky ReLU", "PReLU"
UNITS = {RELU: "relu", LEAKY: "leaky_relu", PRELU: "prelu"}
SLOPES = {"relu": 0.0, "leaky_relu": 0.2}
SMALL, ALL = "100 rows", "all rows"

PARTS = (
    Part(
        Words(f"at a large rate ({LARGE:g}) fewer units fall silent than with ReLU",
              f"학습률이 클 때({LARGE:g}) ReLU보다 침묵하는 유닛이 적음"),
        "silent", LEAKY, RELU, at=LARGE, by="difference", margin=0.05,
    ),
    Part(
        Words("and its error is lower there", "그때 Leaky ReLU의 오류율이 더 낮음"),
        "error", LEAKY, RELU, at=LARGE, by="difference", margin=0.01,
    ),
    Part(
        Words("at tuned rates and with all rows it is ahead of ReLU",
              "학습률을 조정하고 모든 행을 쓰면 ReLU보다 앞섬"),
        "loss", LEAKY, RELU, at=ALL, margin=0.02,
    ),
    Part(
        Words("PReLU, whose slopes are trained, is ahead of ReLU with all rows",
              "기울기를 학습하는 PReLU는 모든 행을 쓰면 ReLU보다 앞섬"),
        "loss", PRELU, RELU, at=ALL, margin=0.02,
    ),
    Part(
        Words("with 100 rows PReLU is behind ReLU", "100행에서는 PReLU가 ReLU보다 뒤짐"),
        "loss", RELU, PRELU, at=SMALL, margin=0.02,
    ),
)  # fmt: skip


def measure(bench: Bench) -> Outcomes:
    """Five layers: at four given rates, and at the best of three with few and with all rows."""
    base = {"depth": 5, "kernel_initializer": "he_normal", "activation_alpha": 0.2}
    fixed = [
        Arm(
            side,
            {
                **base,
                "activation": unit,
                "epochs": bench.epochs(20),
                "learning_rate": rate,
                "standardize": False,
            },
            at=rate,
            rows=900,
            change=scaled,
        )
        for rate in bench.some(RATES)
        for side, unit in UNITS.items()
    ]
    fits = bench.fits(TABLES, fixed, look=silent)
    found = outcomes(fits) + Outcomes(
        # A training that diverged leaves no unit of use.
        Outcome(
            "silent",
            one.table.name,
            one.arm.at,
            one.arm.side,
            one.seed,
            one.seen.get("silent", 1.0),
        )
        for one in fits
    )
    tuned = [
        Arm(
            side,
            {**base, "activation": unit, "epochs": bench.epochs(30), "early_stopping": True},
            at=at,
            rows=rows,
        )
        for at, rows in ((SMALL, 100), (ALL, None))
        for side, unit in UNITS.items()
    ]
    tried = bench.some(rates(5e-4, 8e-3, 3), 1)
    return found + outcomes(bench.tuned(TABLES, tuned, tried))


def silent(model: Estimator, parts: Parts) -> Mapping[str, float]:
    """Share of hidden units whose sums are negative for every training row.

    A unit of ReLU like that is dead: no row passes a gradient through it.
    """
    trained, weights = model.activation == UNITS[PRELU], model.weights_
    of_layer = 3 if trained else 2  # kernel, bias, slopes
    h, found = parts.train.X, []
    for first in range(0, of_layer * model.depth, of_layer):
        z = h @ weights[first] + weights[first + 1]
        slope = weights[first + 2] if trained else SLOPES[model.activation]
        found.append(float(np.mean((z <= 0).all(axis=0))))
        h = np.where(z > 0, z, slope * z)
    return {"silent": float(np.mean(found))}


def draw(figure: Figure, found: Outcomes, language: Language) -> None:
    """Silent units by rate; the error that goes with it; losses against ReLU's, few and all rows."""
    by_rate, of_error, gains = panels(figure, 3)
    pooled = found.pooled("silent") + found.pooled("error")
    for axes, measure, title in ((by_rate, "silent", _SILENT), (of_error, "error", ERROR)):
        lines(axes, pooled, measure, POOLED, list(UNITS), scale=100)
        axes.set(xscale="log", xlabel=LEARNING_RATE.of(language), ylim=(0, None))
        axes.set_title(title.of(language))
    by_rate.legend(loc="upper left")
    groups = [(_group(side, at, language), _change(found, side, at)) for at, side in _TUNED]
    changes(gains, groups, (-45, -20, 0, 30, 65), _GAIN.of(language))
    gains.set_xlabel(_X.of(language))


def _change(found: Outcomes, side: str, at: str) -> Floats:
    """Logarithm of the loss over ReLU's by seed, mean over tables."""
    logarithms = [
        np.log(found.values("loss", t.name, side, at) / found.values("loss", t.name, RELU, at))
        for t in TABLES
    ]
    return np.asarray(np.mean(logarithms, axis=0))


def _group(side: str, at: str, language: Language) -> str:
    return f"{side},\n{_AT[at].of(language)}"


_TUNED = [(at, side) for at in (SMALL, ALL) for side in (LEAKY, PRELU)]
_SILENT = Words("silent units, %", "침묵하는 유닛, %")
_GAIN = Words("loss at tuned rates", "조정한 학습률에서 손실")
_X = Words("against ReLU's, % (dots: seeds)", "ReLU 대비, % (점: 시드)")
_AT = {SMALL: Words("100 rows", "100행"), ALL: Words("all rows", "전체 행")}

CLAIM = Claim(
    number=11,
    name="leaky-relu",
    title=Words("Leaky ReLU and dying units", "Leaky ReLU와 죽는 유닛"),
    says=Words(
        "Leaky ReLU cures dying units. With a slope that is given or trained (PReLU) it is ahead of ReLU on "
        "large sets of images; on small data a trained slope risks over-fitting.",
        "Leaky ReLU는 죽는 유닛을 막는다. 기울기를 정해 두든 학습하든(PReLU) 큰 이미지 데이터에서는 ReLU보다 앞서지만, 작은 데이터에서는 "
        "학습하는 기울기가 과대적합을 부를 수 있다.",
    ),
    design=Words(
        "Networks of five layers of 64 units with He's initial weights and Adam: ReLU, Leaky ReLU (slope 0.2) and PReLU (a "
        "trained slope per unit). First 20 epochs on 900 rows at four rates: the share of hidden units whose sum is "
        "negative for every training row (in ReLU they are dead), and the test error. Then each unit at its own tuned rate "
        "(the best of 0.0005, 0.002 and 0.008 by the validation loss, at most 30 epochs, early stopping), with 100 training rows "
        "and with all (900 digits, 4,000 patches; the largest image sets that come with scikit-learn, small beside ImageNet). Reported is the test log loss.",
        "He 초기화와 Adam을 쓴 64유닛 은닉층 5개에서 ReLU, Leaky ReLU(기울기 0.2), PReLU(유닛마다 기울기를 학습)를 비교합니다. 먼저 900행으로 20에포크를 "
        "네 학습률에서 훈련해, 모든 훈련 행에서 가중합이 음수인 은닉 유닛의 비율(ReLU라면 죽은 유닛)과 테스트 오류율을 잽니다. 그런 다음 훈련 데이터 100행과 전체 행"
        "(숫자 900장, 조각 4,000개. 사이킷런에 포함된 가장 큰 이미지 데이터이지만 ImageNet에 비하면 작습니다)에서 유닛마다 학습률을 조정해(0.0005, 0.002, 0.008 "
        "가운데 검증 손실이 가장 낮은 것, 최대 30에포크, 조기 종료) 테스트 로그 손실을 비교합니다.",
    ),
    parts=PARTS,
    measure=measure,
    draw=draw,
    papers=(
        "Maas et al. 2013",
        "He et al. 2015 (arXiv:1502.01852)",
        "Xu et al. 2015 (arXiv:1505.00853)",
        "Lu et al. 2020 (arXiv:1903.06733)",
    ),
    parameters=("activation", "activation_alpha"),
    remark=Words(
        "Leaky ReLU does keep units alive: at the largest rate 4 % (digits) and 26 % (photos) of its units are silent, of ReLU's 46 and "
        "55 %. But up to a rate of 0.01, where networks train well, ReLU's silent units (2 to 15 %) cost no error: all three units are within two "
        "points of one another, or the leaky ones behind. At tuned rates only PReLU on photos is ahead, by 2 %; and with 100 rows its trained slopes show no "
        "over-fitting (-0.5 and -0.1 %). None of this speaks of ImageNet.",
        "Leaky ReLU가 유닛을 살려 두는 것은 맞습니다. 가장 큰 학습률에서 침묵하는 유닛은 4%(digits)와 26%(photos)로, ReLU의 46%와 55%보다 적습니다. 그러나 훈련이 잘되는 "
        "0.01 이하의 학습률에서는 ReLU의 침묵하는 유닛(2~15%)이 오류율을 높이지 않습니다. 세 유닛의 차이는 2%p 안팎이거나 Leaky 쪽이 뒤집니다. 학습률을 조정하면 photos의 PReLU만 2% "
        "앞서며, 100행에서도 학습하는 기울기의 과대적합은 보이지 않습니다(-0.5%, -0.1%). 이 결과가 ImageNet에 대해 말해 주는 것은 없습니다.",
    ),
    size=(8.4, 3.4),
)
