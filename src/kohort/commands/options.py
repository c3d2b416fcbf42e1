"""Options that several commands take, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="CSV or Parquet file, or folder with a sub-folder of images per class."
    ),
]
Target = Annotated[str | None, typer.Option(help="Column to predict; for tables.")]
Task = Annotated[str, typer.Option(help="auto, classification or regression.")]
Seed = Annotated[int, typer.Option(help="Fixes everything that is random.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Parameter of the network; repeatable."),
]
Encoding = Annotated[
    str | None, typer.Option(help="Of a table of text, such as cp949. [default: found]")
]
Separator = Annotated[
    str | None, typer.Option(help="Of a table of text, such as ; or tab. [default: found]")
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a search.")]
Language = Annotated[str, typer.Option(help="en or ko, to begin with.")]
Track = Annotated[
    list[str] | None,
    typer.Option(metavar="KIND:PLACE", help="tensorboard:DIR, mlflow:URI, optuna:URL; repeatable."),
]
Ray = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Cluster: auto, HOST:PORT, local.")
]
Fraction = Annotated[float, typer.Option(help="Share of rows to test the winner on; 0 for none.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a folder that exists.")]
Ensemble = Annotated[
    bool, typer.Option("--ensemble", help="Average what the folds have trained; no refit.")
]
Trials = Annotated[
    int | None, typer.Option(help="Candidates, but of a grid. [default: 50, for images 20]")
]
