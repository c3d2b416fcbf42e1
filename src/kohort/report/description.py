"""A search in plain values: its settings, results, times, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sklearn.base import is_classifier

from kohort._version import VERSION
from kohort.arrays import Search
from kohort.report.installation import installed_version
from kohort.report.leaderboard import count_statuses, search_members
from kohort.report.schedule import schedule_of
from kohort.report.trials import different
from kohort.searches.ensembles.keeping import ENSEMBLE
from kohort.searches.problems.problem_search import Plan, SearchResult, without_prefix
from kohort.searches.spaces import describe_space

_PACKAGES = "jax keras numpy optax pandas scikit-learn scipy skrub".split()


def describe_search(search: Search) -> dict[str, Any]:
    """The description that any fitted search has.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        Fitted.
    """
    times = getattr(search, "cohort_times_", None)
    return {
        "versions": versions(),
        "command": _command(search),
        "space": _space(search),
        "candidates": len(search.cv_results_["params"]),
        "cv": search.n_splits_,
        "best_parameters": without_prefix(search.best_params_),
        "score": _score_name(search),
        "cv_score": float(search.best_score_),
        "statuses": count_statuses(search),
        "failures": getattr(search, "fit_failures_", {}),
        "seconds": {"search": round(times["wall"], 3)} if times else {},
        "times": times,
        "schedule": _schedule(search),
        "ensemble": _ensemble(search),
    }


def describe_plan(plan: Plan, task: str, source: dict[str, Any], command: str) -> dict[str, Any]:
    """The description of a search at its start.

    Parameters
    ----------
    plan : Plan
    task : str
    source : dict
        Where the data came from, and the target.
    command : str
        The command line that runs the search again.
    """
    return {
        "versions": versions(),
        "command": command,
        "data": source,
        "task": task,
        "method": plan.method,
        "candidates": plan.candidates,
        "cv": plan.cv,
        "seed": plan.seed,
        "test_fraction": plan.test_fraction,
        "space": describe_space(plan.space),
        "settings": dict(plan.settings),
    }


def describe_result(result: SearchResult, started: dict[str, Any]) -> dict[str, Any]:
    """The content of `run.json` for a search, from the description at its start."""
    return {
        **started,
        **describe_search(result.search),
        **{name: started[name] for name in ("command", "space")},
        "data": {**started["data"], "rows": result.rows} | _target(result),
        "best_parameters": result.best_parameters,
        "score": result.score_name,
        "test_score": result.test_score,
        "baseline": asdict(result.baseline),
        "remarks": list(result.remarks),
        "seconds": {name: round(value, 3) for name, value in result.seconds.items()},
    }


def _target(result: SearchResult) -> dict[str, str]:
    """Name of the model's target; empty if there is no model, so that the plan's target stays."""
    return {} if result.model is None else {"target": result.model.target}


def _choices(search: Search) -> dict[str, Any]:
    """The distributions or grid of a search; empty if it has a list of several spaces."""
    given = getattr(search, "param_distributions", getattr(search, "param_grid", {}))
    return dict(given) if isinstance(given, Mapping) else {}


def _command(search: Search) -> str:
    """The search as Python, distributions written out."""
    text = repr(search)
    for choices in _choices(search).values():
        if hasattr(choices, "dist"):
            named = {f"{name}={value!r}" for name, value in choices.kwds.items()}
            arguments = ", ".join([*map(repr, choices.args), *sorted(named)])
            text = text.replace(repr(choices), f"{choices.dist.name}({arguments})")
    return text


def _space(search: Search) -> dict[str, Any]:
    given = without_prefix(_choices(search))
    if not given:  # Several spaces: the values tried of all of them.
        tried = [without_prefix(one) for one in search.cv_results_["params"]]
        names = dict.fromkeys(name for one in tried for name in one)
        return {n: different(one[n] for one in tried if n in one) for n in names}
    space: dict[str, Any] = {}
    for name, choices in given.items():
        try:
            space |= describe_space({name: choices})
        except AttributeError:  # A distribution of somebody's own.
            space[name] = str(choices)
    return space


def _score_name(search: Search) -> str:
    if isinstance(search.scoring, str):
        return search.scoring
    if search.scoring is not None:
        return "score"
    return "accuracy" if is_classifier(search.estimator) else "R²"


def _ensemble(search: Search) -> dict[str, Any] | None:
    """The parts of the ensemble that a search ended in, if it did."""
    if search.refit != ENSEMBLE:
        return None
    model = search.best_estimator_
    names = ("candidate", "weight", "loss", "without")
    return {
        "loss_name": model.loss_name_,
        "loss": model.loss_,
        "best_single_loss": model.best_single_loss_,
        "parts": [{name: getattr(part, name) for name in names} for part in model.parts_],
    }


def _schedule(search: Search) -> dict[str, Any] | None:
    """The learning rate of the best candidate's fit on all searched rows."""
    refits = [member.record for member in search_members(search) if member.fold is None]
    if not refits or not hasattr(search, "best_estimator_"):
        return None
    return schedule_of(search.best_estimator_, refits[0].steps_per_epoch)


def versions() -> dict[str, str]:
    """Versions of Python, of kohort and of what it computes with."""
    found = {"python": platform.python_version(), "kohort": VERSION}
    for package in _PACKAGES:
        if known := installed_version(package):
            found[package] = known
    return found
