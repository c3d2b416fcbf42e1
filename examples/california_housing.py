"""The search of Géron's chapter 10 on California housing, with 100 candidates instead of 10.

Run it with `make demo`. The book's run of 10 candidates took a night's coffee: its best
cross-validated score was -0.3204 and its test error 0.3029.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd
from scipy.stats import loguniform, randint
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

import kohort

DATA = Path(__file__).parent / "california_housing.parquet"
SPACE = {
    "depth": randint(0, 4),
    "width": randint(1, 100),
    "learning_rate": loguniform(3e-4, 3e-2),
}
CANDIDATES, FOLDS, SEED = 100, 3, 42
BOOK_SCORE, BOOK_TEST = -0.3204, 0.3029


def search(candidates: int = CANDIDATES) -> kohort.RandomizedSearchCV:
    """The book's randomised search over kohort's dense network."""
    network = kohort.DenseRegressor(
        optimizer="sgd", activation="relu", kernel_initializer="glorot_uniform", loss="mse",
        batch_size=32, epochs=100, patience=10, random_state=SEED,
    )  # fmt: skip
    return kohort.RandomizedSearchCV(
        network, SPACE, n_iter=candidates, cv=FOLDS,
        scoring="neg_mean_squared_error", random_state=SEED, error_score=float("nan"),
    )  # fmt: skip


def main() -> None:
    """Search, test, draw, and say where the pictures are."""
    from kohort.report.leaderboard import leaderboard, learning_curves
    from kohort.report.pictures import draw_search

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=CANDIDATES)
    parser.add_argument("--out", type=Path, default=Path("demo-output"))
    options = parser.parse_args()
    table = pd.read_parquet(DATA)
    y = table.pop("MedHouseVal")
    X_full, X_test, y_full, y_test = train_test_split(table, y, random_state=42)
    X_train, X_valid, y_train, y_valid = train_test_split(X_full, y_full, random_state=42)
    print(f"{options.candidates} candidates x {FOLDS} folds on {len(X_train):,} rows ...")
    start = time.perf_counter()
    found = search(options.candidates).fit(X_train, y_train, validation_data=(X_valid, y_valid))
    seconds = time.perf_counter() - start
    board = leaderboard(found)
    shown = ["rank", "mean_score", "std_score", *SPACE, "epochs", "statuses"]
    print(board.head(10)[shown].to_string(index=False, float_format="{:.4f}".format))
    error = mean_squared_error(y_test, found.best_estimator_.predict(X_test))
    print(f"best CV score {found.best_score_:.4f} (book: {BOOK_SCORE})")
    print(f"test MSE      {error:.4f} (book: {BOOK_TEST})")
    print(f"time          {seconds:.1f} s for {len(found.cohort_record_)} fits")
    options.out.mkdir(parents=True, exist_ok=True)
    picture = options.out / "search.png"
    draw_search(board, learning_curves(found), picture, "negative mean squared error")
    print(f"picture       {picture}")


if __name__ == "__main__":
    main()
