"""Pictures and small figures of `docs/learning_rate.md`: `python docs/pictures/draw.py`."""

from pathlib import Path

from sklearn.datasets import load_diabetes, load_digits

import kohort

FOLDER = Path(__file__).parent
MILD = (
    {"dropout": 0.2}, {"dropout": 0.5}, {"gaussian_noise": 0.2}, {"l1": 1e-4}, {"l2": 1e-3},
    {"optimizer": "adamw", "weight_decay": 0.1}, {"width": 20}, {"width": 17},
)  # fmt: skip


def main() -> None:
    X, y = load_digits(return_X_y=True)
    finding = kohort.find_learning_rate(kohort.DenseClassifier(), X, y)
    print(finding)
    finding.plot().savefig(FOLDER / "range-test.png")
    found = kohort.rate_batch_map(kohort.DenseClassifier(width=32, optimizer="sgd"), X, y)
    print(found)
    found.plot().savefig(FOLDER / "rate-batch-map.png")
    _compare_mild(kohort.DenseClassifier, X, y)
    _compare_mild(kohort.DenseRegressor, *load_diabetes(return_X_y=True))


def _compare_mild(kind, X, y) -> None:
    """Print by what factor parameters that `"auto"` leaves out of its test move the suggestion."""
    plain = kohort.find_learning_rate(kind(width=32), X, y).learning_rate
    for settings in MILD:
        own = kohort.find_learning_rate(kind(**{"width": 32, **settings}), X, y).learning_rate
        print(kind.__name__, settings, f"{own / plain:.2f}")


if __name__ == "__main__":
    main()
