"""Figures from errors of several sides on the same splits of several tables: pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.stats import rankdata

Errors = Mapping[str, Mapping[str, list[float]]]
"""From table to side to the error of each split, in the same order; slow sides may have fewer."""
Interval = tuple[float, float, float]
"""A figure and the ends of its 95 % interval."""
DRAWS = 2000


def common(errors: Errors, sides: list[str]) -> list[str]:
    """The tables on which each of the sides was measured."""
    return [table for table, found in errors.items() if all(side in found for side in sides)]


def shared(found: Mapping[str, list[float]], sides: list[str]) -> np.ndarray:
    """Errors of sides on the splits that each of them has, shape (side, split)."""
    return np.array(list(zip(*(found[side] for side in sides), strict=False))).T


def means(errors: Errors, sides: list[str]) -> np.ndarray:
    """Mean error over the shared splits of each common table, shape (table, side)."""
    found = [shared(errors[table], sides).mean(axis=1) for table in common(errors, sides)]
    return np.array(found).reshape(-1, len(sides))


def resampled(errors: Errors, sides: list[str], seed: int = 0) -> Iterator[np.ndarray]:
    """`means` of tables drawn with replacement, and of splits drawn within each of them."""
    generator = np.random.default_rng(seed)
    splits = [shared(errors[table], sides) for table in common(errors, sides)]
    for _ in range(DRAWS):
        drawn = [splits[i] for i in generator.integers(len(splits), size=len(splits))]
        yield np.array(
            [s[:, generator.integers(s.shape[1], size=s.shape[1])].mean(axis=1) for s in drawn]
        )


def ranks(errors: np.ndarray) -> np.ndarray:
    """Mean rank of each side over the tables; 1 is the best, ties share their ranks."""
    return rankdata(errors, axis=1).mean(axis=0)


def win_share(errors: np.ndarray) -> float:
    """Share of tables on which the first of two sides has the smaller error; a tie is half."""
    first, second = errors.T
    return float(np.mean(np.where(first == second, 0.5, first < second)))


def normalised(errors: np.ndarray) -> np.ndarray:
    """Mean over the tables of each side's error between the least (0) and the last side's (1).

    The last side is a constant prediction. No table counts more than 1, and none is divided by
    nothing: where no side is better than the constant, all count 1.
    """
    best = errors.min(axis=1, keepdims=True)
    range_ = errors[:, -1:] - best
    scaled = np.where(range_ > 0, (errors - best) / np.where(range_ > 0, range_, 1.0), 1.0)
    return np.minimum(scaled, 1.0).mean(axis=0)


def ratio(errors: np.ndarray) -> float:
    """Geometric mean over the tables of the first side's error over the second's."""
    return float(np.exp(np.mean(np.log(errors[:, 0] / errors[:, 1]))))


def interval(value: float, draws: list[float]) -> Interval:
    """A figure with the 2.5th and 97.5th percentile of its draws."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(value), float(low), float(high)


def of_each(errors: Errors, sides: list[str], constant: str) -> dict[str, dict[str, Interval]]:
    """Mean rank and normalised error of each side, with intervals, on the common tables."""
    every = [*sides, constant]
    found, draws = means(errors, every), list(resampled(errors, every))
    rank, error = ranks(found[:, :-1]), normalised(found)
    rank_draws = [ranks(draw[:, :-1]) for draw in draws]
    error_draws = [normalised(draw) for draw in draws]
    return {
        side: {
            "mean rank": interval(rank[i], [draw[i] for draw in rank_draws]),
            "normalised error": interval(error[i], [draw[i] for draw in error_draws]),
        }
        for i, side in enumerate(sides)
    }


def of_pair(errors: Errors, ours: str, theirs: str) -> dict[str, float | Interval]:
    """Tables won, their share and the ratio of errors, of one side against another."""
    found, draws = means(errors, [ours, theirs]), list(resampled(errors, [ours, theirs]))
    return {
        "tables": len(found),
        "won": int(np.sum(found[:, 0] < found[:, 1])),
        "share": interval(win_share(found), [win_share(draw) for draw in draws]),
        "ratio": interval(ratio(found), [ratio(draw) for draw in draws]),
    }
