"""The command line: parse, call, print."""

from __future__ import annotations

import shlex
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from kohort._version import VERSION
from kohort.data.tables import read_table, resolve_task, split_target, target_array
from kohort.errors import DivergedWarning, KohortError, ParameterError, explain
from kohort.estimators.spaces import default_space, read_settings, read_space
from kohort.estimators.tabular import TabularModel, tabular_pipeline
from kohort.estimators.tabular_search import Plan, SearchResult, search_table
from kohort.report.description import describe_plan
from kohort.report.leaderboard import count_statuses, leaderboard
from kohort.report.progress_file import PROGRESS, recording
from kohort.report.run_folder import new_folder, write_file, write_search
from kohort.report.search_report import search_report
from kohort.report.watching import HOST, server
from kohort.style import short

app = typer.Typer(
    help="Train every fit of a hyperparameter search as a member of one compiled program.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Data = Annotated[Path, typer.Argument(metavar="DATA", help="CSV or Parquet file.")]
Target = Annotated[str, typer.Option(help="Column to predict.")]
Task = Annotated[str, typer.Option(help="auto, classification or regression.")]
Seed = Annotated[int, typer.Option(help="Fixes everything that is random.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Parameter of the network; repeatable."),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a search.")]
Language = Annotated[str, typer.Option(help="en or ko, to begin with.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a folder that exists.")]

_SHOWN = 10


def main() -> None:
    """Run the command line; bad input ends with one line and exit code 2."""
    try:
        app()
    except (KohortError, ValueError) as error:
        message = " ".join(str(error).split())
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(2)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"kohort {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    pass


@app.command()
def search(
    data: Data,
    target: Target,
    task: Task = "auto",
    space: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Parameters to search.")
    ] = None,
    method: Annotated[str, typer.Option(help="random or grid.")] = "random",
    trials: Annotated[
        int | None, typer.Option(help="Candidates of a random search. [default: 50]")
    ] = None,
    cv: Annotated[int, typer.Option(help="Folds.")] = 5,
    seed: Seed = 0,
    test_fraction: Annotated[
        float, typer.Option(help="Share of the rows to test the winner on; 0 for none.")
    ] = 0.2,
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the results.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Search for the best network for a table."""
    started = time.perf_counter()
    table = read_table(data)
    resolved = resolve_task(task, split_target(table, target)[1])
    if trials is not None and method == "grid":
        raise ParameterError(
            explain("trials", "left out when method is 'grid'", trials, "A grid tries every point.")
        )
    plan = Plan(
        space=default_space(method) if space is None else read_space(space, resolved, method),
        method=method,
        trials=50 if trials is None else trials,
        cv=cv,
        seed=seed,
        test_fraction=test_fraction,
        settings=read_settings(settings or [], resolved),
    )
    if out is None:
        result = search_table(table, target, plan, resolved)
    else:
        with new_folder(out, overwrite) as folder:
            source = {"path": str(data), "columns": table.shape[1], "target": target}
            command = shlex.join(["kohort", *sys.argv[1:]])
            known = describe_plan(plan, resolved, source, command)
            with recording(folder / PROGRESS, known) as follow:
                result = search_table(table, target, plan, resolved, follow=follow)
                write_search(result, folder, known)
    _print_search(result, time.perf_counter() - started, out)


def _print_search(result: SearchResult, seconds: float, out: Path | None) -> None:
    console = Console(highlight=False)
    board = leaderboard(result.search)
    grid = Table(
        title=f"{min(_SHOWN, len(board))} of {len(board)} candidates, by {result.score_name}",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    columns = {"rank": "rank", "mean_score": "score", "std_score": "std"}
    columns |= {name: name.replace("_", "\n") for name in result.plan.space}
    for heading in columns.values():
        grid.add_column(heading, justify="right", vertical="bottom")
    for row in board.head(_SHOWN).to_dict("records"):
        scores = [f"{row[name]:.4f}" for name in ("mean_score", "std_score")]
        chosen = [short(row[name]) for name in result.plan.space]
        grid.add_row(str(row["rank"]), *scores, *chosen)
    console.print(grid)
    parameters = ", ".join(f"{name}={short(v)}" for name, v in result.best_parameters.items())
    fits = ", ".join(f"{count} {name}" for name, count in count_statuses(result.search).items())
    lines = [
        f"Best: {parameters}",
        f"{result.score_name} over {result.plan.cv} folds: {result.cv_score:.4f}",
        f"Fits: {fits}; {seconds:.1f} s in all",
    ]
    if result.test_score is not None:
        rows = f"{result.rows['tested']} rows that the search never saw"
        lines.insert(2, f"{result.score_name} on {rows}: {result.test_score:.4f}")
    if out is not None:
        lines.append(f"Written: {out} (the model, fitted on all rows; search.png; tables)")
    print("\n".join(lines))


@app.command()
def fit(
    data: Data,
    target: Target,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the model.")],
    task: Task = "auto",
    settings: Settings = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Train one network on a table."""
    table = read_table(data)
    X, y = split_target(table, target)
    resolved = resolve_task(task, y)
    values = read_settings(settings or [], resolved)
    with new_folder(out, overwrite) as folder:
        pipeline = tabular_pipeline(resolved, random_state=seed, settings=values)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DivergedWarning)  # The status below says it.
            pipeline.fit(X, target_array(y, resolved))
        model = TabularModel.of(pipeline, X, target, resolved)
        model.save(folder)
    network = model.estimator
    loss = ", ".join(
        f"{name} {log[network.best_epoch_]:.4g}" for name, log in network.history_.items()
    )
    print(f"{network.status_} after {network.n_epochs_} epochs; best epoch: {loss}")
    print(f"Written: {out}")


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a search or a fit.")],
    data: Data,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Instead of the standard output.")
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Probability of each class.")] = False,
) -> None:
    """Predict the target of a table's rows, as CSV."""
    fitted = TabularModel.load(model)
    table = read_table(data)
    if proba:
        predictions = fitted.predict_proba(table)
    else:
        predictions = table[[]].assign(**{fitted.target: fitted.predict(table)})
    text = predictions.to_csv(index=False, lineterminator="\n")
    if out is None:
        sys.stdout.write(text)
    else:
        write_file(out, text)


@app.command()
def report(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="The page to write. [default: RUN/report.html]"),
    ] = None,
    language: Language = "en",
) -> None:
    """Make one page about a search: an HTML file that needs no server."""
    path = run / "report.html" if out is None else out
    search_report(run, path, language)
    print(f"Written: {path}")


@app.command()
def watch(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The --out of a search.")],
    port: Annotated[int, typer.Option(help="0 takes any that is free.")] = 0,
    language: Language = "en",
) -> None:
    """Show a search in the browser while it runs; only this machine can see it."""
    with server(run, port, language) as answering:
        print(f"Open http://{HOST}:{answering.server_port}/ (Ctrl-C ends)", flush=True)
        with suppress(KeyboardInterrupt):
            answering.serve_forever()


if __name__ == "__main__":
    main()
