"""A made-up search in which everything occurs that a page must bear."""

import numpy as np
import pandas as pd
import pytest

from kohort.report.page.facts import facts
from kohort.report.page.source import Source

CANDIDATES, FOLDS, EPOCHS = 24, 2, 6
HOSTILE = "</script><img src=x onerror=document.title='hacked'>"


def _board(rng):
    rates = np.geomspace(1e-4, 1e-1, CANDIDATES)
    widths = rng.integers(4, 64, CANDIDATES)
    scores = -((np.log10(rates) + 2) ** 2)[:, None] + 0.05 * rng.normal(size=(CANDIDATES, FOLDS))
    scores[-1] = np.nan
    mean = scores.mean(axis=1)
    board = pd.DataFrame(
        {
            "rank": 1 + np.argsort(np.argsort(-mean)),
            "candidate": np.arange(CANDIDATES),
            "mean_score": mean,
            "std_score": scores.std(axis=1),
            "learning_rate": rates,
            "width": widths,
            "activation": np.where(np.arange(CANDIDATES) % 3, "relu", HOSTILE),
            "depth": 2,
            "epochs": float(EPOCHS),
            "statuses": "2 finished",
            **{f"score_fold_{fold + 1}": scores[:, fold] for fold in range(FOLDS)},
        }
    )
    board.loc[CANDIDATES - 1, "statuses"] = "2 diverged"
    return board.sort_values(["rank", "candidate"], ignore_index=True)


def _curves(rng, best):
    members = [(c, f) for c in range(CANDIDATES) for f in range(1, FOLDS + 1)] + [(best, 0)]
    frames = []
    for candidate, fold in members:
        diverged = candidate == CANDIDATES - 1
        values = np.exp(-np.arange(EPOCHS) / 3) * (1 + candidate / 10) + 0.01 * rng.random(EPOCHS)
        frames.append(
            pd.DataFrame(
                {
                    "candidate": candidate,
                    "fold": fold,
                    "status": "diverged" if diverged else "finished",
                    "best_epoch": 4,
                    "epoch": np.arange(1, EPOCHS + 1),
                    "loss": values / 2,
                    "val_loss": np.where(diverged & (np.arange(EPOCHS) > 2), np.nan, values),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _description():
    return {
        "versions": {"python": "3.11", "kohort": "0.1.0"},
        "command": "kohort search table.csv --target price",
        "data": {"target": "price", "rows": {"searched": 80, "tested": 20, "all": 100}},
        "method": "random",
        "candidates": CANDIDATES,
        "cv": FOLDS,
        "seed": 0,
        "space": {"learning_rate": {"low": 1e-4, "high": 0.1, "log": True}, "width": [4, 64]},
        "settings": {"depth": 2},
        "best_parameters": {"learning_rate": 0.01, "width": 32, "depth": 2},
        "score": "R²",
        "test_score": 0.5,
        "statuses": {"finished": 47, "diverged": 2},
        "seconds": {"search": 12.5},
        "ensemble": {
            "loss_name": "squared error",
            "loss": 0.3,
            "best_single_loss": 0.4,
            "parts": [
                {"candidate": 3, "weight": 0.75, "loss": 0.4, "without": 0.5},
                {"candidate": 5, "weight": 0.25, "loss": 0.45, "without": 0.4},
            ],
        },
        "times": {
            "wall": 10.0,
            "threads": 2,
            "programs": 4,
            "programs_from_cache": 1,
            "seconds": {"compile": 4.0, "train": 12.0, "host": 1.0, "idle": 3.0},
        },
        "schedule": {
            "name": "1cycle",
            "epoch": [0.0, 1.0, 2.0, 3.0],
            "rate": [0.001, 0.01, 0.005, 0.0],
            "momentum": [0.95, 0.85, 0.9, 0.95],
            "momentum_name": "beta_1",
            "warmup": 1.0,
            "trained": 2,
            "kept": 2,
        },
    }


@pytest.fixture(scope="session")
def source():
    rng = np.random.default_rng(0)
    board = _board(rng)
    findings = pd.DataFrame(
        [
            {
                "member": "3.0",
                "candidate": 3,
                "fold": 1,
                "code": "vanishing_gradients",
                "severity": 0.9,
                "layer": "dense_1",
                "evidence": "ratio 1e-7 < 1e-4",
                "explanation": "The first layers hardly learn.",
                "remedy": "initializer='he_normal'",
                "reference": "He et al. 2015",
            }
        ]
    )
    layers = pd.DataFrame(
        [
            {"member": "3.0", "step": step, "layer": f"dense_{n}", "gradient": 10.0**n / step}
            for step in (1, 2, 3)
            for n in range(4)
        ]
    )
    curves = _curves(rng, int(board["candidate"][0]))
    return Source(board, curves, _description(), findings, layers)


@pytest.fixture(scope="session")
def found(source):
    """The facts that a page shows of the source."""
    return facts(source)
