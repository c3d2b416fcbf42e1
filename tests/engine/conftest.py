"""Builders of small members, shared by the engine's tests."""

from dataclasses import dataclass

import numpy as np
import pytest

from kohort.engine.compilers.current import best_compiler, lend, lent_compiler
from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.member import Member, Rows
from kohort.networks.own.fields import fields_of
from kohort.recipe.losses import CLASSIFICATION, LINKS
from kohort.recipe.recipe import Recipe

FEATURES = 3
CLASSES = 4

_COMPILERS = {"kernels": best_compiler(), "xla": XlaCompiler()}


@pytest.fixture(scope="module", autouse=True, params=list(_COMPILERS))
def compiler(request):
    """Each test runs on the kernels and on XLA; a module that is about one of them says so."""
    before = lent_compiler()
    lend(_COMPILERS[request.param])
    yield _COMPILERS[request.param]
    lend(before)


_SMALL = {
    "loss": "mse",
    "depth": 1,
    "width": 8,
    "batch_size": 8,
    "epochs": 3,
    "early_stopping": False,
}


def _targets(loss, x, generator):
    signal = x[:, :1] - 0.5 * x[:, 1:2] ** 2 + 0.3 * generator.normal(size=(len(x), 1))
    if LINKS[loss] == "sigmoid":
        return (signal > 0).astype(x.dtype)
    if LINKS[loss] == "exponential":
        return np.floor(np.abs(3 * signal))
    if LINKS[loss] == "softmax":
        return np.clip(np.floor(signal + CLASSES / 2), 0, CLASSES - 1)
    return signal


@dataclass(frozen=True, eq=False)
class RecipeMember(Member):
    """A member that knows its recipe, for oracles that train the same by hand."""

    recipe: Recipe | None = None


@pytest.fixture(scope="session")
def table():
    """Makes a table of random rows: `table(count, loss, weighted, dtype, seed)`."""

    def make(count=37, loss="mse", weighted=False, dtype=np.float32, seed=0):
        generator = np.random.default_rng(seed)
        x = generator.normal(size=(count, FEATURES))
        y = _targets(loss, x, generator)
        weight = generator.integers(1, 128, count) / 64 if weighted else None
        return Rows(x.astype(dtype), y.astype(dtype), weight)

    return make


@pytest.fixture(scope="session")
def member(table):
    """Makes a member: `member(rows=..., train=..., validation=..., seed=..., **recipe fields)`."""

    def make(rows=None, train=None, validation=None, seed=0, initial=None, on_epoch=None, **fields):
        recipe = Recipe.of(**{**_SMALL, **fields})
        rows = table(loss=recipe.loss) if rows is None else rows
        outputs = CLASSES if LINKS[recipe.loss] == "softmax" else 1
        assert recipe.loss in CLASSIFICATION or rows.y.shape[1] == outputs
        known = {"rows": rows, "train": train, "validation": validation, "seed": seed}
        if initial is not None:
            known["initial"] = initial
        return RecipeMember(
            **{**fields_of(recipe, FEATURES, outputs), **known}, on_epoch=on_epoch, recipe=recipe
        )

    return make


@pytest.fixture(scope="session")
def distance():
    """Largest difference of two lists of variables, relative to each variable's largest entry.

    A variable's rounding error belongs to the steps that made it, which may cancel: one that is
    smaller than a `step` is measured by the step.
    """

    def measure(actual, expected, step=5e-324):
        assert [a.shape for a in actual] == [e.shape for e in expected]
        return max(
            float(np.abs(a - e).max()) / max(float(np.abs(e).max()), step)
            for a, e in zip(actual, expected, strict=True)
        )

    return measure
