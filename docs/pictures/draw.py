"""Draw the pictures of `docs/learning_rate.md`: `python docs/pictures/draw.py`."""

from pathlib import Path

from sklearn.datasets import load_digits

import kohort

FOLDER = Path(__file__).parent


def main() -> None:
    X, y = load_digits(return_X_y=True)
    finding = kohort.find_learning_rate(kohort.DenseClassifier(), X, y)
    print(finding)
    finding.plot().savefig(FOLDER / "range-test.png")
    found = kohort.rate_batch_map(kohort.DenseClassifier(width=32, optimizer="sgd"), X, y)
    print(found)
    found.plot().savefig(FOLDER / "rate-batch-map.png")


if __name__ == "__main__":
    main()
