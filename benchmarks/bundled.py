"""Real tables that scikit-learn bundles, and further questions put to them and to larger tables.

A derived table asks for another column of a real one, so that a choice that is made on few tables
is judged on more: `NAME` in `DERIVED` is a table, the column to predict and the task.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from sklearn import datasets

Raw = tuple[pd.DataFrame, pd.Series, str]
"""Features, target and task (`"regression"`, `"binary"` or `"multiclass"`)."""

BUNDLED = {
    "diabetes": (datasets.load_diabetes, "regression"),
    "breast_cancer": (datasets.load_breast_cancer, "binary"),
    "wine": (datasets.load_wine, "multiclass"),
    "iris": (datasets.load_iris, "multiclass"),
    "digits": (datasets.load_digits, "multiclass"),
}

DERIVED = {
    "diabetes_sugar": ("diabetes", "s6", "regression"),
    "breast_cancer_texture": ("breast_cancer", "mean texture", "regression"),
    "wine_proline": ("wine", "proline", "regression"),
    "iris_petal": ("iris", "petal width (cm)", "regression"),
    "diamonds_cut": ("diamonds", "cut", "multiclass"),
    "bank_balance": ("bank", "balance", "regression"),
    "adult_hours": ("adult", "hours-per-week", "regression"),
    "bikeshare_damp": ("bikeshare", "hum", "regression"),
    "ames_age": ("ames", "Year.Built", "regression"),
}

PHOTOGRAPH = "photograph"
"""The red of a pixel of `china.jpg` (CC BY 2.0, Mr. Fink) from the pixels around it."""

NAMES = (*BUNDLED, *DERIVED, PHOTOGRAPH)


def bundled_table(name: str, other: Callable[[str], Raw]) -> Raw:
    """A table of `NAMES`; `other` reads those that the repository does not hold."""
    if name == PHOTOGRAPH:
        return _photograph()
    if name in BUNDLED:
        load, task = BUNDLED[name]
        found = load(as_frame=True)
        return found.data.copy(), found.target, task
    source, column, task = DERIVED[name]
    frame, target, source_task = other(source)
    y = frame.pop(column)
    asked = target.astype(str) if source_task != "regression" else target
    return frame.assign(**{f"target of {source}": asked}), y, task


def _photograph() -> Raw:
    pixels = datasets.load_sample_image("china.jpg")[..., 0].astype(float)
    height, width = pixels.shape
    around = {
        f"{down:+d},{right:+d}": pixels[
            2 + down : height - 2 + down, 2 + right : width - 2 + right
        ].ravel()
        for down in range(-2, 3)
        for right in range(-2, 3)
        if max(abs(down), abs(right)) == 2
    }
    return pd.DataFrame(around), pd.Series(pixels[2:-2, 2:-2].ravel()), "regression"
