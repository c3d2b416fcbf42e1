"""Run the experiment of a claim, and write down what it gave."""

from __future__ import annotations

import math
import time
from pathlib import Path

from kohort.arrays import PathLike
from kohort.lab.bench import Bench
from kohort.lab.claim import claim_of
from kohort.lab.page import page
from kohort.lab.pictures import draw
from kohort.lab.result import Result, made_here
from kohort.lab.words import checked_language
from kohort.recipe.constraints import Interval, check, optional
from kohort.style import matplotlib

SEEDS, QUICK_SEEDS = 20, 2


def run(
    name: str, *, seeds: int | None = None, quick: bool = False, out: PathLike | None = None,
    language: str = "en", progress: bool | None = None,
) -> Result:  # fmt: skip
    """Test one claim of the textbooks by its experiment.

    Parameters
    ----------
    name : str
        The claim, such as "warm-up"; `claims()` has them all.
    seeds : int or None, default=None
        Repetitions, >= 2: each draws a split, initial weights and the order of rows. None for 20,
        and for 2 in a quick run.
    quick : bool, default=False
        Whether to try the experiment in seconds, with few rows and epochs. A quick run's verdict
        means nothing.
    out : str, path or None, default=None
        A folder for `NAME.json`, `NAME.svg` and `NAME.md`; made if it is missing.
    language : "en" or "ko", default="en"
        Of picture and page.
    progress : bool or None, default=None
        As that of `kohort.together`.

    Returns
    -------
    Result
        `verdict`, `answers` with effects and intervals, and all `outcomes`.

    Raises
    ------
    ParameterError
        If there is no such claim or language, or `seeds` is below 2.
    KohortError
        If `out` is given and matplotlib is not installed.

    Examples
    --------
    >>> from kohort import lab
    >>> lab.run("warm-up", quick=True).quick
    True
    """
    claim, spoken = claim_of(name), checked_language(language)
    check("seeds", seeds, optional(Interval(2, math.inf, whole=True)))
    count = seeds or (QUICK_SEEDS if quick else SEEDS)
    folder = None if out is None else Path(out)
    if folder is not None:
        matplotlib()
        folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    outcomes = claim.measure(Bench(count, quick, progress))
    seconds = time.perf_counter() - start
    result = Result(claim, count, quick, seconds, made_here(), outcomes)
    if folder is not None:
        (folder / f"{name}.json").write_text(result.to_json(), "utf-8")
        draw(claim, outcomes, spoken, folder / f"{name}.svg")
        (folder / f"{name}.md").write_text(page(result, spoken, f"{name}.svg"), "utf-8")
    return result
