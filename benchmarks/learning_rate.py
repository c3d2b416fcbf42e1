"""Is the rate that the range test suggests as good as the best of a sweep? On ten real tables.

For each table and network, 20 constant rates from 1e-5 to 1 and the suggested one are trained from
the same seeds for the same epochs, all as one cohort. Other rules for a suggestion, and other
lengths of the test, are compared on the same sweeps.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import warnings
from typing import Any

import numpy as np

from benchmarks import side
from benchmarks.tables import SHARED, split

NETWORKS: dict[str, dict[str, Any]] = {
    "adam": {},
    "sgd": {"optimizer": "sgd"},
    "adam, batch normalisation": {
        "depth": 3, "width": 64, "batch_norm": "before", "batch_size": 64,
    },
}  # fmt: skip
RATES = np.geomspace(1e-5, 1, 20)
ROWS, VALIDATED, SEEDS, EPOCHS = 3000, 3000, 3, 20
LENGTHS = (200, 400, 800, 1600)
NEAR = 1.1


def _losses(estimator: Any, rates: list[float], rows: Any, validation: Any) -> np.ndarray:
    """Validation loss of each epoch, (rate, seed, epoch); infinite from a divergence on."""
    from joblib import Parallel, delayed
    from sklearn.base import clone

    import kohort

    def fitted(rate: float, seed: int) -> np.ndarray:
        model = clone(estimator).set_params(learning_rate=rate, random_state=seed)
        losses = np.full(EPOCHS, np.inf)
        with contextlib.suppress(kohort.DivergedError):
            model.fit(*rows, validation_data=validation)
        known = model.history_.get("val_loss", [])
        losses[: len(known)] = known
        return losses

    with warnings.catch_warnings(), kohort.together():
        warnings.simplefilter("ignore", kohort.DivergedWarning)
        found = Parallel()(delayed(fitted)(rate, seed) for rate in rates for seed in range(SEEDS))
    return np.reshape(found, (len(rates), SEEDS, EPOCHS))


def _steepest(curve: Any) -> float:
    """The rate at which the smoothed loss falls fastest over the logarithm of the rate."""
    loss, rate = curve["smoothed"].to_numpy(), curve["rate"].to_numpy()
    first, lowest = len(loss) // 10, int(np.argmin(loss))
    slope = np.gradient(loss, np.log(rate))[first : max(lowest, first) + 1]
    return float(rate[first + int(np.argmin(slope))])


def _tenth_of_minimum(curve: Any) -> float:
    return float(curve["rate"].iloc[int(np.argmin(curve["smoothed"]))]) / 10


def _rules(estimator: Any, rows: Any, kept: np.ndarray) -> dict[str, dict[str, float]]:
    """Loss of what each rule suggests, by interpolation in the sweep, over the sweep's best."""
    import kohort

    def ratio(rate: float | None) -> float:
        finite = np.where(np.isfinite(kept), kept, 1e9)
        rate = 1e-3 if rate is None else rate
        return float(np.interp(np.log(rate), np.log(RATES), finite) / kept.min())

    found: dict[str, dict[str, float]] = {}
    for steps in LENGTHS:
        test = kohort.find_learning_rate(estimator, *rows, steps=steps)
        found[str(steps)] = {
            "steepest": ratio(_steepest(test.median)),
            "minimum / 10": ratio(_tenth_of_minimum(test.median)),
            "edge / 10": ratio(test.edge and test.edge / 10),
            "edge / 20": ratio(test.learning_rate),
            "edge / 40": ratio(test.edge and test.edge / 40),
        }
    return found


def table_side(name: str) -> dict[str, Any]:
    import kohort

    found_rows = split(name, 7, ROWS, VALIDATED)
    rows, validation = (found_rows.X, found_rows.y), (found_rows.X_test, found_rows.y_test)
    kind = kohort.DenseRegressor if found_rows.task == "regression" else kohort.DenseClassifier
    begin, found = time.perf_counter(), {}
    for label, settings in NETWORKS.items():
        estimator = kind(**settings, epochs=EPOCHS, early_stopping=False)
        start = time.perf_counter()
        test = kohort.find_learning_rate(estimator, *rows)
        seconds = time.perf_counter() - start
        rate = test.learning_rate or 1e-3
        losses = _losses(estimator, [*RATES, rate], rows, validation)
        kept, final = losses.min(axis=2).mean(axis=1), losses[:, :, -1].mean(axis=1)
        found[label] = {
            "suggestion": test.learning_rate,
            "band": test.band,
            "seconds of the test": seconds,
            "best rate": float(RATES[np.argmin(kept[:-1])]),
            "best loss": float(kept[:-1].min()),
            "loss": float(kept[-1]),
            "ratio": float(kept[-1] / kept[:-1].min()),
            "final ratio": float(final[-1] / final[:-1].min()),
            "default ratio": float(
                np.interp(np.log(1e-3), np.log(RATES), kept[:-1]) / kept[:-1].min()
            ),
            "rules": _rules(estimator, rows, kept[:-1]),
        }
    return {"seconds": time.perf_counter() - begin, "networks": found}


def _lines(sides: dict[str, Any], label: str) -> list[str]:
    """The table of one network."""
    found = {name: result["networks"][label] for name, result in sides.items()}
    near = sum(figures["ratio"] <= NEAR for figures in found.values())
    lines = [
        f"#### {label}: within 10 % on {near} of {len(found)} tables",
        "",
        "| table | suggestion | band | best of the sweep | loss there | loss of the suggestion | "
        "ratio | ratio at the last epoch | ratio of 0.001 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, figures in found.items():
        suggestion, band = figures["suggestion"], figures["band"]
        shown = "none" if suggestion is None else f"{suggestion:.2g}"
        width = "" if band is None else f"{band[0]:.2g} to {band[1]:.2g}"
        mark = "" if figures["ratio"] <= NEAR else " (not within 10 %)"
        lines.append(
            f"| {name} | {shown} | {width} | {figures['best rate']:.2g} | "
            f"{figures['best loss']:.4f} | {figures['loss']:.4f} | {figures['ratio']:.2f}{mark} | "
            f"{figures['final ratio']:.2f} | {figures['default ratio']:.2f} |"
        )
    return [*lines, ""]


def _rule_lines(sides: dict[str, Any]) -> list[str]:
    """On how many tables each rule comes within 10 %, and its worst ratio."""
    lines = []
    for label in NETWORKS:
        every = [result["networks"][label]["rules"] for result in sides.values()]
        names = list(every[0][str(LENGTHS[0])])
        lines += [
            f"#### Rules, {label}: tables within 10 %, worst ratio",
            "",
            f"| rule | {' | '.join(f'{steps} steps' for steps in LENGTHS)} |",
            f"|---|{'---|' * len(LENGTHS)}",
        ]
        for name in names:
            cells = []
            for steps in LENGTHS:
                ratios = np.array([rules[str(steps)][name] for rules in every])
                worst = f"{ratios.max():.2f}" if ratios.max() < 100 else "diverged"
                cells.append(f"{int(np.sum(ratios <= NEAR))}, {worst}")
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def compare() -> dict[str, Any]:
    """Run every table."""
    sides = {name: side.run("benchmarks.learning_rate", name) for name in SHARED}
    lines = [
        f"Up to {ROWS} training rows, {EPOCHS} epochs, mean of {SEEDS} seeds. Loss: the validation "
        "loss of the epoch with the lowest, as early stopping keeps it.",
        "",
    ]
    for label in NETWORKS:
        lines += _lines(sides, label)
    return {
        "title": "Suggested learning rates against the best of a 20-point sweep",
        "sides": sides,
        "more": [*lines, *_rule_lines(sides)],
    }


if __name__ == "__main__":
    print(json.dumps(table_side(sys.argv[1])))
