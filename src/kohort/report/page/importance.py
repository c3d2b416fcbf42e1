"""How much each searched parameter matters for the score, alone and in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.report.page.searched import Parameter

FEWEST_CANDIDATES = 10
_FENCE = 3.0
"""Interquartile ranges below the lower quartile at which a score is held."""
_MOST_PARAMETERS = 8
_TREES = 100
_GRID = 15


def importance(parameters: Sequence[Parameter], scores: NDArray[np.float64]) -> dict[str, Any]:
    """Share of the scores' variance that each parameter explains alone, by functional ANOVA.

    Optuna's implementation of Hutter, Hoos and Leyton-Brown, "An Efficient Approach for
    Assessing Hyperparameter Importance", ICML 2014. Scores come from `without_outliers`.

    Parameters
    ----------
    parameters : sequence of Parameter
    scores : array of float, shape (candidate,)
        Candidates without a finite score are left out.

    Returns
    -------
    dict
        `status`: `"shown"`, or why there is nothing to show: `"few_candidates"`,
        `"constant_parameters"`, `"constant_scores"` or `"optuna_missing"`; `candidates` that
        count, the `fewest` that are needed and, if shown, `names` and `shares`, largest first.
    """
    usable = np.isfinite(scores)
    varying = _varying(parameters, usable)
    answer = {"candidates": int(usable.sum()), "fewest": FEWEST_CANDIDATES}
    if not varying:
        return answer | {"status": "constant_parameters"}
    if usable.sum() < FEWEST_CANDIDATES:
        return answer | {"status": "few_candidates"}
    if np.ptp(scores[usable]) == 0:
        return answer | {"status": "constant_scores"}
    try:
        shares = _fanova(varying, scores[usable])
    except ImportError:
        return answer | {"status": "optuna_missing"}
    return answer | {"status": "shown", "names": list(shares), "shares": list(shares.values())}


def without_outliers(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores in which no failure drowns the rest: none is below Q1 - 3 (Q3 - Q1).

    R² has no lower bound, so that one network that exploded would explain all of the variance.

    Examples
    --------
    >>> without_outliers(np.array([0.5, 0.6, 0.7, 0.8, -1e9])).min().round(2)
    np.float64(-0.1)
    """
    finite = scores[np.isfinite(scores)]
    if not len(finite):
        return scores
    low, high = np.quantile(finite, (0.25, 0.75))
    raised: NDArray[np.float64] = np.maximum(scores, low - _FENCE * (high - low))
    return raised


def _varying(parameters: Sequence[Parameter], usable: NDArray[np.bool_]) -> list[Parameter]:
    """The parameters that differ among the candidates that count, with those candidates only."""
    kept = [
        Parameter(p.name, [v for v, use in zip(p.values, usable, strict=True) if use], *_kind(p))
        for p in parameters
    ]
    return [parameter for parameter in kept if parameter.varies]


def _kind(parameter: Parameter) -> tuple[bool, bool]:
    return parameter.numeric, parameter.log


def _fanova(parameters: list[Parameter], scores: NDArray[np.float64]) -> dict[str, float]:
    import optuna

    distributions: dict[str, optuna.distributions.BaseDistribution] = {}
    for parameter in parameters:
        if parameter.numeric:
            places = parameter.places
            low, high = float(places.min()), float(places.max())
            distributions[parameter.name] = optuna.distributions.FloatDistribution(low, high)
        else:
            choices = optuna.distributions.CategoricalDistribution(parameter.choices)
            distributions[parameter.name] = choices
    columns = {p.name: p.places.tolist() if p.numeric else p.values for p in parameters}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction="maximize")
    finally:
        optuna.logging.set_verbosity(verbosity)
    study.add_trials(
        optuna.create_trial(
            params={name: values[row] for name, values in columns.items()},
            distributions=distributions,
            value=float(score),
        )
        for row, score in enumerate(scores)
    )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def interactions(
    parameters: Sequence[Parameter], scores: NDArray[np.float64], names: Sequence[str]
) -> dict[str, Any] | None:
    """How two parameters act together, by the partial dependence of a random forest.

    The share of a pair is the variance, over a grid, of its joint partial dependence beyond the
    sum of its row and column means, over the variance of the scores: a second-order term of a
    functional ANOVA, akin to the numerator of Friedman's H² (Friedman and Popescu, "Predictive
    learning via rule ensembles", 2008). scikit-learn computes the partial dependence.

    Parameters
    ----------
    parameters : sequence of Parameter
    scores : array of float, shape (candidate,)
        Candidates without a finite score are left out.
    names : sequence of str
        Parameters by importance; the first 8 are paired.

    Returns
    -------
    dict or None
        `out_of_bag`, the R² of the forest on candidates that its trees have not seen, and
        `pairs`, largest share first: `x` and `y` (names), `share`, `xs` and `ys` (values of the
        grid), and `surface`, predicted scores, shape (y, x). None with fewer than two parameters.
    """
    from sklearn.ensemble import RandomForestRegressor

    usable = np.isfinite(scores)
    by_name = {parameter.name: parameter for parameter in _varying(parameters, usable)}
    chosen = [by_name[name] for name in names if name in by_name][:_MOST_PARAMETERS]
    if len(chosen) < 2:
        return None
    every = list(by_name.values())
    X, y = np.column_stack([parameter.places for parameter in every]), scores[usable]
    mean, spread = y.mean(), y.std()
    forest = RandomForestRegressor(
        _TREES, min_samples_leaf=2, oob_score=True, random_state=0, max_features=0.7
    ).fit(X, (y - mean) / spread)
    pairs = [
        _pair(forest, X, (every.index(a), every.index(b)), (a, b), (mean, spread))
        for a, b in combinations(chosen, 2)
    ]
    pairs.sort(key=lambda pair: -pair["share"])
    return {"out_of_bag": float(forest.oob_score_), "pairs": pairs}


def _pair(
    forest: Any,
    X: NDArray[np.float64],
    positions: tuple[int, int],
    pair: tuple[Parameter, Parameter],
    scale: tuple[float, float],
) -> dict[str, Any]:
    from sklearn.inspection import partial_dependence

    axes = [_axis(parameter) for parameter in pair]
    found = partial_dependence(
        forest, X, positions, kind="average", method="recursion",
        custom_values=dict(zip(positions, axes, strict=True)),
    )  # fmt: skip
    surface = found["average"][0]
    alone = surface.mean(axis=1, keepdims=True) + surface.mean(axis=0, keepdims=True)
    mean, spread = scale
    x, y = (parameter.name for parameter in pair)
    return {
        "x": x,
        "y": y,
        "share": float((surface - alone + surface.mean()).var()),
        "xs": [pair[0].value_at(place) for place in axes[0]],
        "ys": [pair[1].value_at(place) for place in axes[1]],
        "surface": (surface.T * spread + mean).tolist(),
    }


def _axis(parameter: Parameter) -> NDArray[np.float64]:
    """Places to look at: all of few, or a grid from the lowest to the highest."""
    places = np.unique(parameter.places)
    if len(places) <= _GRID:
        return places
    return np.linspace(places[0], places[-1], _GRID)
