"""The lab's tables: real data that comes with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kohort.engine.member import Floats
from kohort.lab.words import Words

Task = Literal["regression", "classification"]


class Rows(NamedTuple):
    """Rows of a table: X of shape (row, feature), y of shape (row,)."""

    X: Floats
    y: NDArray[Any]


class Parts(NamedTuple):
    """Rows to train on, to choose settings by, and to report on.

    `unlabelled`, of shape (row, feature), are further rows for unsupervised pretraining; None where
    a condition makes none.
    """

    train: Rows
    valid: Rows
    test: Rows
    unlabelled: Floats | None = None


Change = Callable[[Parts, np.random.Generator], Parts]


def scaled(parts: Parts, draws: np.random.Generator) -> Parts:
    """A change: features of mean 0 and deviation 1 by the training rows, constant ones of 0."""
    center, spread = parts.train.X.mean(axis=0), parts.train.X.std(axis=0)
    spread = np.where(spread > 0, spread, 1)
    train, valid, test = (Rows((rows.X - center) / spread, rows.y) for rows in parts[:3])
    return parts._replace(train=train, valid=valid, test=test)


class Table(NamedTuple):
    """A table of the lab.

    Attributes
    ----------
    name
    words
        Description of the rows, for a page.
    task
        "regression" or "classification".
    load
        Gives X and y; called once.
    rows
        Rows to train on, at most; the rest is split into equal halves to choose by and to report
        on, of at most 2,000 rows each.
    """

    name: str
    words: Words
    task: Task
    load: Callable[[], Rows]
    rows: int

    def parts(self, seed: int, rows: int | None = None, change: Change | None = None) -> Parts:
        """A random split.

        Parameters
        ----------
        seed : int
            Draws the split and what `change` draws.
        rows : int or None
            Rows to train on, >= 1; None for the table's own number.
        change : callable or None
            Changes the parts as a condition demands, such as by outliers in the training targets.
        """
        X, y = self.load()
        draws = np.random.default_rng(seed)
        order = draws.permutation(len(y))
        first = min(self.rows, len(y) // 2)
        held_out = order[first:]
        half = min(len(held_out) // 2, 2000)
        places = order[: min(rows or first, first)], held_out[:half], held_out[half : 2 * half]
        train, valid, test = (Rows(X[place], y[place]) for place in places)
        parts = Parts(train, valid, test)
        return parts if change is None else change(parts, draws)


@cache
def _bundled(name: str) -> Rows:
    """A table that comes with scikit-learn, by the name of its loader."""
    from sklearn import datasets

    return Rows(*getattr(datasets, f"load_{name}")(return_X_y=True))


def photo(name: str) -> Floats:
    """A photograph that comes with scikit-learn, in grey, shape (427, 640), values in [0, 1]."""
    from sklearn.datasets import load_sample_image

    return np.asarray(load_sample_image(name), np.float64).mean(axis=2) / 255


def _patches(grey: Floats, size: int, count: int, seed: int) -> Floats:
    """Square patches from random places, shape (count, size, size)."""
    draws = np.random.default_rng(seed)
    tops, lefts = (draws.integers(edge - size, size=count) for edge in grey.shape)
    offsets = np.arange(size)
    return grey[tops[:, None, None] + offsets[:, None], lefts[:, None, None] + offsets]


@cache
def _pixels() -> Rows:
    patches = _patches(photo("china.jpg"), 9, 12_000, 0)
    y = patches[:, 4, 4].copy()
    ring = patches[:, ::2, ::2].reshape(len(patches), -1)
    return Rows(np.delete(ring, 12, axis=1), y)


@cache
def _photos() -> Rows:
    of_both = [
        _patches(photo(name), 8, 6_000, k) for k, name in enumerate(("china.jpg", "flower.jpg"))
    ]
    y = np.repeat(np.arange(2), 6_000)
    return Rows(np.concatenate(of_both).reshape(len(y), -1), y)


DIGITS = Table(
    "digits",
    Words("handwritten digits, 1,797 images of 8x8 pixels", "손글씨 숫자, 8x8 픽셀 이미지 1,797장"),
    "classification", partial(_bundled, "digits"), 900,
)  # fmt: skip
BREAST_CANCER = Table(
    "breast cancer",
    Words("breast cancer, 569 rows, 30 features", "유방암 진단, 569행, 특성 30개"),
    "classification", partial(_bundled, "breast_cancer"), 280,
)  # fmt: skip
WINE = Table(
    "wine",
    Words("wines, 178 rows, 13 features", "와인 분류, 178행, 특성 13개"),
    "classification", partial(_bundled, "wine"), 88,
)  # fmt: skip
PHOTOS = Table(
    "photos",
    Words(
        "which of two photographs a patch of 8x8 grey pixels is from, 12,000 patches",
        "8x8 회색 조각이 두 사진 가운데 어느 쪽에서 왔는지, 조각 12,000개",
    ),
    "classification", _photos, 4_000,
)  # fmt: skip
DIABETES = Table(
    "diabetes",
    Words("progress of diabetes, 442 rows, 10 features", "당뇨병 진행도, 442행, 특성 10개"),
    "regression", partial(_bundled, "diabetes"), 220,
)  # fmt: skip
PIXELS = Table(
    "pixels",
    Words(
        "a pixel of a photograph from 24 around it, 12,000 places",
        "사진의 한 픽셀을 주변 24개 픽셀로 예측, 위치 12,000곳",
    ),
    "regression", _pixels, 4_000,
)  # fmt: skip
TABLES = (DIGITS, BREAST_CANCER, WINE, PHOTOS, DIABETES, PIXELS)
