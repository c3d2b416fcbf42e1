"""Claim 3: random search finds better candidates than grid search at equal budget."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kohort.lab.bench import PLAIN, Arm, Bench, Fitted, outcomes
from kohort.lab.claim import Claim
from kohort.lab.outcomes import Outcome, Outcomes
from kohort.lab.part import Part
from kohort.lab.pictures import lines, panels
from kohort.lab.tables import BREAST_CANCER, DIGITS
from kohort.lab.words import Language, Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLES = (DIGITS, BREAST_CANCER)
DIMENSIONS, BUDGET, SEARCHES, ROWS, EPOCHS = 3, 8, 400, 200, 10
LEVELS = {1: 16, 2: 6, 3: 4}
"""Values of each dimension that matters in a pool, by how many dimensions do."""
RANDOM, GRID = "random", "grid"
NAMES = {RANDOM: Words("random search", "무작위 탐색"), GRID: Words("grid search", "격자 탐색")}
_REGRET = Words("test loss above the pool's best, %", "후보 전체의 최선보다 높은 시험 손실, %")
_MATTER = Words("dimensions that matter, of 3", "3개 중 영향이 있는 차원 수")

PARTS = tuple(
    Part(
        Words(
            f"{count} of {DIMENSIONS} dimensions matter{'s' * (count == 1)}",
            f"{DIMENSIONS}개 차원 중 {count}개가 영향을 줄 때",
        ),
        "loss", RANDOM, GRID, at=count, margin=0.01,
    )
    for count in LEVELS
)  # fmt: skip


def measure(bench: Bench) -> Outcomes:
    """Train every candidate of three pools, then search the pools many times."""
    arms = [
        Arm("pool", {**PLAIN, "epochs": bench.epochs(EPOCHS), **candidate}, at=count, rows=ROWS)
        for count, levels in LEVELS.items()
        for candidate in _pool(count, 2 if bench.quick else levels)
    ]
    fits = bench.fits(TABLES, arms)
    pools: dict[tuple[str, int, int], list[Fitted]] = {}
    for one in fits:
        pools.setdefault((one.table.name, int(one.arm.at), one.seed), []).append(one)
    diverged = [one for one in outcomes(fits) if one.measure == "diverged"]
    found = [
        Outcome(measure, table, count, side, seed, value)
        for (table, count, seed), pool in pools.items()
        for (measure, side), value in _searched(pool, count, seed).items()
    ]
    return Outcomes(found) + Outcomes(diverged)


def _pool(count: int, levels: int) -> list[dict[str, float]]:
    """Every combination of so many levels of learning rate, width and dropout, in that order."""
    axes = {
        "learning_rate": np.geomspace(1e-4, 0.3, levels).round(6).tolist(),
        "width": np.geomspace(4, 128, levels).round().astype(int).tolist(),
        "dropout": np.linspace(0, 0.8, levels).round(3).tolist(),
    }
    names = list(axes)[:count]
    return [dict(zip(names, values, strict=True)) for values in product(*(axes[n] for n in names))]


def _searched(pool: list[Fitted], count: int, seed: int) -> dict[tuple[str, str], float]:
    """Mean test loss that a search of 8 candidates finds, and how far that is from the best."""
    valid = np.array([one.valid["loss"] for one in pool])
    test = np.array([one.test["loss"] for one in pool])
    levels, draws = round(len(pool) ** (1 / count)), np.random.default_rng(seed)
    tried = {
        RANDOM: draws.integers(len(pool), size=(SEARCHES, BUDGET)),
        GRID: np.array(
            [_grid(levels, starts) for starts in product(range(levels // 2), repeat=count)]
        ),
    }
    best = float(test[valid.argmin()])
    losses = {side: _found(valid, test, places) for side, places in tried.items()}
    return {
        **{("loss", side): loss for side, loss in losses.items()},
        **{("regret", side): loss / best - 1 for side, loss in losses.items()},
    }


def _grid(levels: int, starts: tuple[int, ...]) -> NDArray[np.intp]:
    """Places of a grid of two values of each dimension, half of the range apart.

    A grid repeats its values of the dimensions that matter for each of those that do not, so that
    fewer than 8 candidates of the pool differ.
    """
    values = [(start, start + levels // 2) for start in starts]
    shape = (levels,) * len(starts)
    return np.array([np.ravel_multi_index(place, shape) for place in product(*values)])


def _found(valid: NDArray[np.float64], test: NDArray[np.float64], tried: NDArray[np.intp]) -> float:
    """Mean over searches (rows) of the test loss of the candidate best on the rows to choose by."""
    best = np.take_along_axis(tried, valid[tried].argmin(axis=1)[:, None], axis=1)
    return float(test[best].mean())


def draw(figure: Figure, found: Outcomes, language: Language) -> None:
    """Distance to the pool's best by dimensions that matter."""
    labels = {side: name.of(language) for side, name in NAMES.items()}
    for axes, table in zip(panels(figure, len(TABLES)), TABLES, strict=True):
        lines(axes, found, "regret", table.name, (GRID, RANDOM), scale=100, labels=labels)
        axes.set_xticks(list(LEVELS))
        axes.set_ylim(bottom=0)
        axes.set(title=table.name, xlabel=_MATTER.of(language))
    figure.axes[0].set_ylabel(_REGRET.of(language))
    figure.axes[0].legend()


CLAIM = Claim(
    number=3,
    name="random-search",
    title=Words("Random search and grid search", "무작위 탐색과 격자 탐색"),
    says=Words(
        "Random search finds better candidates than grid search at equal budget, the more so the "
        "fewer dimensions matter.",
        "같은 예산이면 무작위 탐색이 격자 탐색보다 나은 후보를 찾으며, 영향이 있는 차원이 적을수록 차이가 크다.",
    ),
    design=Words(
        "A search has 8 trials in three dimensions. Learning rate (0.0001 to 0.3), width (4 to 128) "
        "and dropout (0 to 0.8) matter in this order; where one or two matter, the other dimensions "
        "have no influence at all, as a parameter has that the network does not use. A grid has two "
        "values of each dimension, half of the range apart, 2 x 2 x 2 = 8; random search draws 8 "
        "candidates. Both search a pool, all of whose candidates are trained (2 layers, 200 rows, 10 "
        "epochs of Adam) for each seed: 16 rates; 6 x 6 rates and widths; 4 x 4 x 4 of all three. "
        "Figures are means over 400 random searches and over all positions of the grid in the pool; a "
        "search reports the test loss of the candidate with the lowest validation loss.",
        "탐색 한 번은 세 차원에서 후보 8개를 시험합니다. 학습률(0.0001~0.3), 폭(4~128), 드롭아웃(0~0.8) 순서로 영향이 "
        "있습니다. 한두 차원만 영향이 있는 조건에서 나머지 차원은 네트워크가 쓰지 않는 매개변수처럼 결과에 아무 영향이 없습니다. "
        "격자는 차원마다 범위의 절반만큼 떨어진 두 값을 조합한 2 x 2 x 2 = 8개이고, 무작위 탐색은 8개를 뽑습니다. 두 탐색 모두 시드마다 "
        "모든 후보를 미리 학습한(은닉층 2개, 200행, Adam 10에포크) 후보군에서 찾습니다. 후보군은 학습률 16가지, 학습률과 폭 6 x 6가지, "
        "세 차원 4 x 4 x 4가지입니다. 수치는 무작위 탐색 400번과 격자가 놓일 수 있는 모든 위치의 평균이며, 탐색 결과는 검증 손실이 가장 낮은 "
        "후보의 시험 손실입니다.",
    ),
    parts=PARTS,
    measure=measure,
    draw=draw,
    papers=("Bergstra and Bengio 2012 (JMLR 13)",),
    parameters=("learning_rate", "width", "dropout"),
)  # fmt: skip
