"""Summaries of data, a search and a plan that the command line prints."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from kohort.arrays import Estimator
from kohort.cohort.cohort import Cohort
from kohort.report.leaderboard import count_statuses, leaderboard, values_of
from kohort.searches.problems.problem import Problem
from kohort.searches.problems.problem_search import Plan, SearchResult
from kohort.style import short

Follow = Callable[[Cohort], AbstractContextManager[object]]

_SHOWN = 10


def print_about(problem: Problem) -> None:
    """How the data were read, and what was assumed of them."""
    for line in problem.lines:
        print(line, flush=True)


def announced(problem: Problem, plan: Plan, follow: Follow = nullcontext) -> Follow:
    """Follow a search, and say when it begins how the data were read and what is going to run."""

    def begin(cohort: Cohort) -> AbstractContextManager[object]:
        print_about(problem)
        candidates, folds = plan.candidates, plan.cv
        last = "an ensemble of them" if plan.ensemble else "one of the best"
        print(
            f"Search: {candidates} candidates in {folds} folds, {candidates * folds} fits and "
            f"{last}, on {len(problem.labels)} {problem.noun}",
            flush=True,
        )
        return follow(cohort)

    return begin


def print_search(result: SearchResult, seconds: float, out: Path | None) -> None:
    """The best candidates beside the baseline, the winner's parameters and scores, what became of
    the fits, and a warning if the winner is no better than the baseline.
    """
    Console(highlight=False).print(_candidates(result))
    parameters = ", ".join(f"{name}={short(v)}" for name, v in result.best_parameters.items())
    fits = ", ".join(f"{count} {name}" for name, count in count_statuses(result.search).items())
    name, baseline = result.score_name, result.baseline
    lines = [
        f"Best: {parameters}",
        f"{name} over {result.plan.cv} folds: {result.cv_score:.4f}",
    ]
    if result.plan.ensemble:
        lines.append(_ensemble_line(result.search.best_estimator_))
    same = f"Baseline, {baseline.answer}: {baseline.cv_score:.4f} over the folds"
    if result.test_score is not None:
        rows = f"{result.rows['tested']} {result.noun} that the search never saw"
        whose = " of the ensemble" if result.plan.ensemble else ""
        lines.append(f"{name}{whose} on {rows}: {result.test_score:.4f}")
        same = f"{same}, {baseline.test_score:.4f} on the others"
    lines += [same, f"Fits: {fits}; {seconds:.1f} s in all"]
    if out is not None:
        model = "the ensemble" if result.plan.ensemble else "the model, fitted on all rows"
        kept = "no model" if result.model is None else model
        lines.append(f"Written: {out} ({kept}; search.png; tables)")
    print("\n".join(lines))
    for warning in _warnings(result):
        print(warning)
    for remark in result.remarks:
        print(f"{remark} {_where_kept(out)}", file=sys.stderr)


def _ensemble_line(ensemble: Estimator) -> str:
    return (
        f"Ensemble: {len(ensemble.parts_)} candidates; {ensemble.loss_name_} of rows that their "
        f"folds left out: {ensemble.loss_:.4f}, of the best alone: {ensemble.best_single_loss_:.4f}"
    )


def _candidates(result: SearchResult) -> Table:
    board, baseline = leaderboard(result.search), result.baseline
    grid = Table(
        title=f"{min(_SHOWN, len(board))} of {len(board)} candidates, by {result.score_name}",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    columns = {"rank": "rank", "mean_score": "score", "std_score": "std"}
    columns |= {name: name.replace("_", "\n") for name in result.plan.space}
    for heading in columns.values():
        grid.add_column(heading, justify="right", vertical="bottom")
    shown = board.head(_SHOWN)
    cells = [[*map(short, values_of(shown, name))] for name in result.plan.space]
    for place, row in enumerate(shown.to_dict("records")):
        scores = [f"{row[name]:.4f}" for name in ("mean_score", "std_score")]
        grid.add_row(str(row["rank"]), *scores, *(column[place] for column in cells))
    grid.add_row("baseline", f"{baseline.cv_score:.4f}", f"{baseline.cv_std:.4f}")
    return grid


def _warnings(result: SearchResult) -> list[str]:
    """A sentence if the best candidate has learned nothing that the baseline does not know."""
    baseline, where = result.baseline, ""
    if result.cv_score <= baseline.cv_score:
        where = "over the folds"
    elif result.test_score is not None and baseline.test_score is not None:
        where = "on rows it never saw" if result.test_score <= baseline.test_score else ""
    if not where:
        return []
    return [
        f"Warning: {where} the best candidate is no better than the baseline, {baseline.answer}. "
        "It has learned nothing of use: try columns that tell more, more rows, or a wider --space."
    ]


def _where_kept(out: Path | None) -> str:
    if out is None:
        return "The search's results stand above; --out DIR keeps them in a folder."
    return f"The search's results are kept in {out}."


def print_plan(plan: Any) -> None:
    """The measurements as a table, and the advice."""
    grid = Table(box=box.SIMPLE_HEAD, padding=0)
    for name in plan.table.columns:
        grid.add_column(name.replace("_", "\n"), justify="right", vertical="bottom")
    for row in plan.table.itertuples(index=False):
        grid.add_row(*(_amount(value) for value in row))
    Console(highlight=False).print(grid)
    print(plan, flush=True)


def _amount(value: float) -> str:
    whole = abs(value) >= 100 or float(value).is_integer()
    return f"{value:,.0f}" if whole else f"{value:.3g}"
