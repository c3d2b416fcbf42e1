"""What the defaults of the dense estimators are worth, and each of their parts, on real tables.

Every setting, the defaults of before among them, is fitted on the same splits of every table, at a
small, a middle and a large size; scikit-learn's network on standardised features and targets is
beside them. Errors are 1 - R2 and the log loss. A table counts once: the geometric mean over its
splits of the error over that of the defaults. `python -m benchmarks.defaults quick` prints a
smaller run, two splits of up to 500 and 2,000 rows, and leaves the results alone.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.tables import NAMES, Split, split

SIZES, SEEDS, HELD_OUT = (500, 4000, 12000), 5, 4000
QUICK_SIZES, QUICK_SEEDS = (500, 2000), 2
MOST_TRIED = 4000
"""Rows up to which all settings are tried; beyond, the defaults and those of before."""
LEAST_GAIN = 0.2
"""Share by which a table has to be larger than the size before, to be trained on again."""

BEFORE: dict[str, Any] = {
    "kernel_initializer": "he_normal", "output_initializer": "auto", "output_bias": "zeros",
    "scale_binary": True, "input_clip": None, "ema_momentum": None,
}  # fmt: skip
"""What the defaults were, by the parameters that say so."""

PARTS: dict[str, dict[str, Any]] = {
    "defaults without clipping": {"input_clip": None},
    "defaults with 0/1 columns scaled": {"scale_binary": True},
    "defaults with a drawn output layer": {"output_initializer": "auto"},
    "defaults without the prior": {"output_bias": "zeros"},
    "defaults with He's kernels": {"kernel_initializer": "he_normal"},
    "defaults without averaging": {"ema_momentum": None},
}
"""The defaults with one of their parts as it was before."""

OTHERS: dict[str, dict[str, Any]] = {
    "clipped at 2": {"input_clip": 2.0},
    "clipped at 5": {"input_clip": 5.0},
    "3 networks": {"n_networks": 3},
    "5 networks": {"n_networks": 5},
    "ema_momentum 0.95": {"ema_momentum": 0.95},
    "ema_momentum 0.99": {"ema_momentum": 0.99},
    "mish": {"activation": "mish"},
    "silu": {"activation": "silu"},
    "selu": {"activation": "selu"},
    "prelu": {"activation": "prelu"},
    "batch 64": {"batch_size": 64},
    "batch 16": {"batch_size": 16},
    "learning rate 0.002": {"learning_rate": 2e-3},
    "learning rate 0.0005": {"learning_rate": 5e-4},
    "cosine over 60 epochs": {"schedule": "cosine", "epochs": 60, "patience": 60},
    "beta_2 0.95": {"beta_2": 0.95},
    "patience 20": {"patience": 20},
    "a fifth validates": {"validation_fraction": 0.2},
    "width 64": {"width": 64},
    "width 256": {"width": 256},
    "1 hidden layer": {"depth": 1},
    "3 hidden layers": {"depth": 3},
    "dropout 0.1": {"dropout": 0.1},
    "noise 0.1": {"gaussian_noise": 0.1},
    "weight decay 0.02": {"optimizer": "adamw", "weight_decay": 0.02},
    "label smoothing 0.05": {"label_smoothing": 0.05},
    "batch normalisation": {"batch_norm": "before"},
    "layer normalisation": {"layer_norm": "before"},
}
"""What else was tried, one change of the defaults each."""

DEFAULTS, SCIKIT_LEARN = "defaults", "scikit-learn's MLP"
ALONE: dict[str, list[str]] = {
    "clipping": ["input_clip"],
    "0/1 columns as they are": ["scale_binary"],
    "the output layer at its prior": ["output_initializer", "output_bias"],
    "Glorot's kernels": ["kernel_initializer"],
    "averaged weights": ["ema_momentum"],
}
"""Parameters that are at their new default in the defaults of before with one change."""

SETTINGS: dict[str, dict[str, Any]] = {
    DEFAULTS: {},
    "before": BEFORE,
    **{
        f"before, with {name}": {k: v for k, v in BEFORE.items() if k not in own}
        for name, own in ALONE.items()
    },
    **PARTS,
    **OTHERS,
}

Errors = dict[str, dict[str, dict[int, list[float]]]]
"""Error of each split, by setting, table and size."""


def _error(part: Split, predicted: np.ndarray) -> float:
    from sklearn.metrics import log_loss, r2_score

    if part.task == "regression":
        return float(1 - r2_score(part.y_test, predicted))
    shares = np.clip(predicted.astype(np.float64), 1e-7, 1)
    shares /= shares.sum(axis=1, keepdims=True)
    return float(log_loss(part.y_test, shares, labels=np.arange(shares.shape[1])))


def fitted_error(part: Split, seed: int, options: Mapping[str, Any]) -> float:
    """Error of a dense estimator with these parameters, the others at their defaults."""
    import kohort

    kind = kohort.DenseRegressor if part.task == "regression" else kohort.DenseClassifier
    model = kind(random_state=seed, **options).fit(part.X, part.y)
    return _error(part, model.predict(part.X_test) if kind is kohort.DenseRegressor
                  else model.predict_proba(part.X_test))  # fmt: skip


def scikit_learns_error(part: Split, seed: int) -> float:
    """Error of scikit-learn's network with early stopping, on standardised features and targets."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(part.X)
    x, x_test = scaler.transform(part.X), scaler.transform(part.X_test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if part.task != "regression":
            network = MLPClassifier(early_stopping=True, random_state=seed).fit(x, part.y)
            return _error(part, network.predict_proba(x_test))
        mean, scale = part.y.mean(), part.y.std()
        model = MLPRegressor(early_stopping=True, random_state=seed)
        model.fit(x, (part.y - mean) / scale)
        return _error(part, model.predict(x_test) * scale + mean)


def _splits(names: Sequence[str], sizes: Sequence[int], seeds: int) -> Iterator[Any]:
    """Name, size, and splits by each seed; a size that adds few rows is left out."""
    for name in names:
        before = 0
        for size in sizes:
            first = split(name, 0, size, HELD_OUT)
            if len(first.y) < (1 + LEAST_GAIN) * before:
                break
            before = len(first.y)
            yield name, size, [first, *(split(name, s, size, HELD_OUT) for s in range(1, seeds))]


def errors(
    names: Sequence[str], sizes: Sequence[int], seeds: int, settings: Mapping[str, Any]
) -> tuple[Errors, dict[str, float]]:
    """Errors of all settings and of scikit-learn's, and seconds of the defaults and of that."""
    from joblib import Parallel, delayed

    import kohort

    found: Errors = {name: {} for name in (*settings, SCIKIT_LEARN)}
    seconds = {DEFAULTS: 0.0, SCIKIT_LEARN: 0.0}
    for name, size, parts in _splits(names, sizes, seeds):
        tried = [*settings] if size <= MOST_TRIED else [DEFAULTS, "before"]
        with kohort.together():
            flat = Parallel()(
                delayed(fitted_error)(part, seed, settings[setting])
                for setting in tried
                for seed, part in enumerate(parts)
            )
        begin = time.perf_counter()
        fitted_error(parts[0], 0, {})
        middle = time.perf_counter()
        peer = [scikit_learns_error(part, seed) for seed, part in enumerate(parts)]
        seconds[DEFAULTS] += middle - begin
        seconds[SCIKIT_LEARN] += (time.perf_counter() - middle) / len(parts)
        rows = [*np.reshape(flat, (len(tried), len(parts))).tolist(), peer]
        for setting, row in zip((*tried, SCIKIT_LEARN), rows, strict=True):
            found[setting].setdefault(name, {})[size] = row
        print(f"{name}, {size} rows", file=sys.stderr, flush=True)
    return found, seconds


def ratios(found: Errors, setting: str, of: str, size: int | None = None) -> dict[str, float]:
    """Error of a setting over that of another, by table; of one size or of all together."""
    result = {}
    for name, by_size in found[setting].items():
        sizes = [at for at in by_size if size in (None, at)]
        if sizes:
            own = np.concatenate([by_size[at] for at in sizes])
            other = np.concatenate([found[of][name][at] for at in sizes])
            result[name] = float(np.exp(np.mean(np.log(own / other))))
    return result


def bootstrapped(values: Sequence[float], resamples: int = 2000) -> dict[str, float]:
    """Geometric mean of ratios and its 95 % interval over tables."""
    logs = np.log(values)
    draws = np.random.default_rng(0).choice(logs, (resamples, len(logs))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return {
        "mean": float(np.exp(logs.mean())), "low": float(np.exp(low)), "high": float(np.exp(high)),
    }  # fmt: skip


def left_out(found: Errors, candidates: Sequence[str]) -> float:
    """Geometric mean, over tables, of the error of what the other tables would have chosen, over
    that of the defaults: above 1 if the choice among candidates is noise.
    """
    by_setting = {name: ratios(found, name, DEFAULTS) for name in candidates}
    tables = list(by_setting[candidates[0]])
    logs = {name: np.log([row[t] for t in tables]) for name, row in by_setting.items()}
    chosen = []
    for place in range(len(tables)):
        others = {name: np.delete(row, place).mean() for name, row in logs.items()}
        chosen.append(logs[min(others, key=lambda name: others[name])][place])
    return float(np.exp(np.mean(chosen)))


def _line(found: Errors, setting: str, of: str, size: int | None = None) -> str:
    values = list(ratios(found, setting, of, size).values())
    all_of = bootstrapped(values)
    wins = sum(value < 1 for value in values)
    return (
        f"| {setting} | {size or 'all'} | {all_of['mean']:.3f} [{all_of['low']:.3f}, "
        f"{all_of['high']:.3f}] | {np.median(values):.3f} | {wins} of {len(values)} | "
        f"{max(values):.2f} |"
    )


def report(found: Errors) -> list[str]:
    """The tables of the page."""
    head = "| size | geometric mean of the ratio, 95 % | median | better | worst table |"
    rule = "|---|---|---|---|---|---|"
    sizes = sorted({at for by_size in found[DEFAULTS].values() for at in by_size})
    ends = [
        _line(found, DEFAULTS, of, size).replace(DEFAULTS, f"defaults over {of}", 1)
        for of in ("before", SCIKIT_LEARN) for size in sizes
    ]  # fmt: skip
    own = [name for name in found if name not in (DEFAULTS, SCIKIT_LEARN)]
    over_before = [_line(found, name, "before") for name in own if name.startswith("before,")]
    over_defaults = [_line(found, name, DEFAULTS) for name in (*PARTS, *OTHERS) if name in found]
    worse = [
        f"{name} at {size} rows"
        for name, by_size in found[DEFAULTS].items() for size, row in by_size.items()
        if name_is_regression(name) and max(row) > 1
    ]  # fmt: skip
    return [
        "Ratios of errors, by table; below 1 the first is better.", "",
        f"| compared {head}", rule, *ends, "",
        f"| each change alone, over before {head}", rule, *over_before, "",
        f"| each over the defaults {head}", rule, *over_defaults, "",
        "What each table would get by the choice of the others, among the defaults and all single "
        f"changes of them: {left_out(found, [DEFAULTS, *PARTS, *OTHERS]):.3f} times the defaults' "
        "error.", "",
        f"Splits on which the defaults do worse than the mean: {', '.join(worse) or 'none'}.",
    ]  # fmt: skip


def name_is_regression(name: str) -> bool:
    """Whether a table's task is a regression."""
    from benchmarks.tables import raw_table

    return raw_table(name)[2] == "regression"


def compare(sizes: Sequence[int] = SIZES, seeds: int = SEEDS) -> dict[str, Any]:
    """Fit all settings on all tables, and relate them."""
    found, seconds = errors(NAMES, sizes, seeds, SETTINGS)
    count = sum(len(by_size) for by_size in found[DEFAULTS].values())
    return {
        "title": f"Defaults: {len(NAMES)} tables, up to {max(sizes):,} rows, {seeds} splits",
        "sides": {name: {"seconds": spent, "fits timed": count} for name, spent in seconds.items()},
        "errors": found,
        "more": report(found),
    }


if __name__ == "__main__":
    if sys.argv[1:] != ["quick"]:
        sys.exit("python -m benchmarks.defaults quick, or python -m benchmarks defaults")
    print("\n".join(compare(QUICK_SIZES, QUICK_SEEDS)["more"]))
