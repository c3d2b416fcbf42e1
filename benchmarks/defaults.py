"""Errors of the dense estimators' defaults, and of each of their parts, on real tables.

`python -m benchmarks defaults [--tables NAME ...] [--sizes N ...] [--seeds N ...] [--add]`

Every setting, the defaults of before among them, is fitted on the same splits of every table, at a
small and a middle size, with `--seeds` splits of each; beyond `--most-tried` rows only the
defaults, their parts and those of before are. scikit-learn's network on standardised features and
targets is beside them. Errors are 1 - R2 and the log loss. A table counts once: the geometric mean
over its splits of the error over that of the defaults. The result file is written when a table
ends, and `--add` goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import NAMES, Split, split

SIZES, SEEDS, HELD_OUT = (500, 4000), (5, 3), 4000
MOST_TRIED = 500
"""Rows up to which all is tried; beyond, the defaults, their parts and those of before."""
LEAST_GAIN = 0.2
"""Share by which a table has to be larger than the size before, to be trained on again."""
RESULT = Path(__file__).parent / "results" / "defaults.json"

BEFORE: dict[str, Any] = {
    "kernel_initializer": "he_normal", "output_initializer": "auto", "output_bias": "zeros",
    "scale_binary": True, "input_clip": None, "ema_momentum": None,
}  # fmt: skip
"""The former defaults, by parameter."""

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
    "8 bins": {"n_bins": 8},
    "16 bins": {"n_bins": 16},
    "3 networks": {"n_networks": 3},
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
    "the same with 3 epochs of warm-up": {
        "schedule": "cosine",
        "epochs": 60,
        "patience": 60,
        "warmup": 3,
    },
    "cosine restarts after 1, 3, 7, 15 and 31 epochs": {
        "schedule": "cosine_restarts",
        "decay_epochs": 1,
        "t_mul": 2.0,
        "epochs": 63,
        "patience": 63,
    },
    "300 epochs": {"epochs": 300},
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
"""Further settings that were tried, one change of the defaults each."""

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
Records = list[dict[str, Any]]
"""Table, size and task; errors of each setting's splits; seconds of a fit."""


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


def _measured(
    parts: Sequence[Split], settings: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Errors on each split, and seconds of a fit of the defaults and of scikit-learn's."""
    from joblib import Parallel, delayed

    import kohort

    with kohort.together():
        flat = Parallel()(
            delayed(fitted_error)(part, seed, options)
            for options in settings.values()
            for seed, part in enumerate(parts)
        )
    begin = time.process_time()
    fitted_error(parts[0], 0, {})
    middle = time.process_time()
    peer = [scikit_learns_error(part, seed) for seed, part in enumerate(parts)]
    spent = (time.process_time() - middle) / len(parts)
    rows = np.reshape(flat, (len(settings), len(parts))).tolist()
    found = dict(zip(settings, rows, strict=True))
    return {**found, SCIKIT_LEARN: peer}, {DEFAULTS: middle - begin, SCIKIT_LEARN: spent}


def errors(
    names: Sequence[str], sizes: Mapping[int, int], known: Records, most_tried: int
) -> Iterator[Records]:  # fmt: skip
    """The known records and, one more at a time, errors and seconds of each table and size.

    A size that adds few rows to a table is left out.
    """
    records, before = list(known), dict.fromkeys(names, 0)
    for size, seeds in sizes.items():
        for name in names:
            first = split(name, 0, size, HELD_OUT)
            adds = len(first.y) >= (1 + LEAST_GAIN) * before[name]
            before[name] = len(first.y)
            if not adds or any((r["table"], r["size"]) == (name, size) for r in records):
                continue
            parts = [first, *(split(name, seed, size, HELD_OUT) for seed in range(1, seeds))]
            tried = {n: o for n, o in SETTINGS.items() if n not in OTHERS or size <= most_tried}
            found, seconds = _measured(parts, tried)
            at = {"table": name, "size": size, "task": first.task}
            records.append({**at, "errors": found, "seconds": seconds})
            print(f"{name}, {size} rows", file=sys.stderr, flush=True)
            yield records


def by_setting(records: Records) -> Errors:
    """Errors of each split, by setting, table and size."""
    found: Errors = {}
    for record in records:
        for setting, row in record["errors"].items():
            found.setdefault(setting, {}).setdefault(record["table"], {})[record["size"]] = row
    return found


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


def report(records: Records) -> list[str]:
    """The tables of the page."""
    found = by_setting(records)
    head = "| size | geometric mean of the ratio, 95 % | median | better | worst table |"
    rule = "|---|---|---|---|---|---|"
    sizes = sorted({record["size"] for record in records})
    ends = [
        _line(found, DEFAULTS, of, size).replace(DEFAULTS, f"defaults over {of}", 1)
        for of in ("before", SCIKIT_LEARN) for size in sizes
    ]  # fmt: skip
    own = [name for name in found if name not in (DEFAULTS, SCIKIT_LEARN)]
    alone = [_line(found, name, "before", size) for name in own if name.startswith("before,")
             for size in sizes]  # fmt: skip
    tried = [name for name in (*PARTS, *OTHERS) if name in found]
    over = [
        _line(found, name, DEFAULTS, size)
        for name in tried for size in sizes if ratios(found, name, DEFAULTS, size)
    ]  # fmt: skip
    worse = [
        f"{record['table']} at {record['size']} rows ({sum(e > 1 for e in row)} of {len(row)})"
        for record in records
        if record["task"] == "regression" and max(row := record["errors"][DEFAULTS]) > 1
    ]
    return [
        "Ratios of errors, by table; below 1 the first is better.", "",
        f"| compared {head}", rule, *ends, "",
        f"| each change alone, over before {head}", rule, *alone, "",
        f"| each over the defaults {head}", rule, *over, "",
        "What each table would get by the choice of the others, among the defaults and all single "
        f"changes of them: {left_out(found, [DEFAULTS, *tried]):.3f} times the defaults' error.",
        "",
        f"Regressions that the defaults predict worse than the mean, and on how many of their "
        f"splits: {', '.join(worse) or 'none'}.",
    ]  # fmt: skip


def options(arguments: list[str]) -> dict[str, Any]:
    """Arguments of `compare`, from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks defaults")
    parser.add_argument("--tables", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--most-tried", type=int, default=MOST_TRIED)
    parser.add_argument("--add", action="store_true")
    return vars(parser.parse_args(arguments))


def compare(
    tables: Sequence[str] = NAMES, sizes: Sequence[int] = SIZES, seeds: Sequence[int] = SEEDS,
    add: bool = False, most_tried: int = MOST_TRIED,
) -> dict[str, Any]:  # fmt: skip
    """Fit all settings on all tables, and relate them."""
    known = json.loads(RESULT.read_text())["records"] if add and RESULT.exists() else []
    asked = dict(zip(sizes, seeds, strict=True))
    records = known
    for records in errors(tables, asked, known, most_tried):
        RESULT.write_text(json.dumps(_result(records), indent=1) + "\n")
    return _result(records)


def _result(records: Records) -> dict[str, Any]:
    count = len({record["table"] for record in records})
    return {
        "title": f"Defaults: {count} tables, up to {max(r['size'] for r in records):,} rows",
        "sides": {
            name: {"seconds": sum(r["seconds"][name] for r in records), "fits timed": len(records)}
            for name in (DEFAULTS, SCIKIT_LEARN)
        },
        "records": records,
        "more": report(records),
    }
