"""Colours, settings and ways to write numbers that all pictures and tables share."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.errors import KohortError

INK, GRAY, FAINT, GRID = "#1f2933", "#7b8794", "#b8c2cc", "#e4e9ee"
COLORS = (
    "#d1495b", "#00798c", "#edae49", "#6a4c93", "#3a7d44",
    "#8d5524", "#457b9d", "#c08497", "#333333", "#999999",
)  # fmt: skip
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
}

BOX = (
    'style="font: 13px system-ui, sans-serif; margin: .6em 0; padding: .6em .9em; '
    'border: 1px solid #8884; border-radius: 8px; width: fit-content"'
)
"""Attribute of the element in which a notebook shows something."""


def matplotlib() -> Any:
    """The matplotlib package.

    Raises
    ------
    KohortError
        If it is not installed.
    """
    try:
        import matplotlib as package
    except ImportError as error:
        raise KohortError(
            'Pictures need matplotlib, which is not installed. Run: pip install "kohort[plot]"'
        ) from error
    return package


def short(value: object) -> str:
    """A parameter's value in few letters.

    Examples
    --------
    >>> short(0.00031), short(0.25), short("relu")
    ('3.1e-4', '0.25', 'relu')
    """
    if not isinstance(value, float | np.floating):
        return str(value)
    number = float(value)
    return f"{number:.1e}".replace("e-0", "e-") if 0 < abs(number) < 0.01 else f"{number:.2g}"
