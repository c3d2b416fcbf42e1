"""Keras's optimizers as optax transformations whose hyperparameters are arrays.

Each `update` receives a member's `numbers` (learning rate included) as an extra argument, so that
one compiled program serves every setting. The order of operations is Keras's: clipping of the
gradients, decoupled weight decay on the variables, then the optimizer's own step.

References: `keras.optimizers`; Loshchilov and Hutter 2019 (arXiv:1711.05101) for weight decay;
`kohort.recipe.update_rules` names the sources of each rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from kohort.recipe.clipping import clipped
from kohort.recipe.update_rules import RULES, Numbers, Shapes, Tree

NUMBERS_WITH_DEFAULT = ("momentum", "beta_1", "beta_2", "rho", "epsilon", "weight_decay")
"""Hyperparameters whose default depends on the optimizer."""

Pairs = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Optimizer:
    """One of Keras's optimizers: its compiled family and the numbers that tell it from others.

    Attributes
    ----------
    family : str
        Optimizers of one family share a compiled program.
    fixed : tuple of (str, float)
        Numbers that the name itself sets, such as `nesterov`.
    defaults : tuple of (str, float)
        Keras's default of each name in `NUMBERS_WITH_DEFAULT` that means something to the
        optimizer; given as a mapping or as pairs.
    """

    family: str
    fixed: Pairs = ()
    defaults: Pairs | Mapping[str, float] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "defaults", tuple(dict(self.defaults).items()))

    def default(self, name: str) -> float:
        """Keras's default of a number; 0 where the optimizer has no such number.

        Examples
        --------
        >>> OPTIMIZERS["adadelta"].default("rho"), OPTIMIZERS["adadelta"].default("beta_1")
        (0.95, 0.0)
        """
        if name not in NUMBERS_WITH_DEFAULT:
            raise KeyError(name)
        return dict(self.defaults).get(name, 0.0)


_MOMENTUM = {"momentum": 0.9}
_ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer("sgd"),
    "momentum": Optimizer("momentum", (("nesterov", 0.0),), _MOMENTUM),
    "nesterov": Optimizer("momentum", (("nesterov", 1.0),), _MOMENTUM),
    "adagrad": Optimizer("adagrad", defaults={"epsilon": 1e-7}),
    "rmsprop": Optimizer("rmsprop", defaults={"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7}),
    "adam": Optimizer("adam", defaults=_ADAM),
    "adamw": Optimizer("adam", defaults={**_ADAM, "weight_decay": 0.004}),
    "adamax": Optimizer("adamax", defaults=_ADAM),
    "nadam": Optimizer("nadam", defaults=_ADAM),
    "adadelta": Optimizer("adadelta", defaults={"rho": 0.95, "epsilon": 1e-7}),
    "lion": Optimizer("lion", defaults={"beta_1": 0.9, "beta_2": 0.99}),
    "muon": Optimizer("muon", defaults={**_ADAM, "momentum": 0.95, "weight_decay": 0.004}),
}
"""Every optimizer by its name in a recipe."""


def transformation(family: str, uses: frozenset[str]) -> optax.GradientTransformationExtraArgs:
    """The transformation of an optimizer family.

    Parameters
    ----------
    family : str
        `Optimizer.family`.
    uses : frozenset of str
        Options that the program contains: `"weight_decay"`, `"clipvalue"`, `"clipnorm"`,
        `"global_clipnorm"`, `"amsgrad"`, `"centered"`, and `"momentum"` for RMSprop; others do
        not matter. An option that is absent costs nothing. Of one that is present, a neutral
        number (0, and infinity for limits) gives the result that its absence gives, up to how
        the compiler rounds where it fuses.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        `update(grads, state, params, numbers=..., shapes=None)`; add its result to `params`.
        `shapes` holds a tuple of real dimensions per variable, where arrays are padded with zeros.
    """
    rule = RULES[family](uses)

    def update(
        grads: Tree,
        state: Any,
        params: Tree = None,
        *,
        numbers: Numbers,
        shapes: Shapes | None = None,
        **extra: Any,
    ) -> tuple[Tree, Any]:
        leaves, tree = jax.tree.flatten(grads)
        grads = jax.tree.unflatten(tree, clipped(leaves, numbers, uses))
        if shapes is None:
            shapes = jax.tree.map(jnp.shape, grads)
        steps, state = rule.update(grads, state, numbers, shapes)
        if "weight_decay" in uses:
            shrink = numbers["learning_rate"] * numbers["weight_decay"]
            steps = jax.tree.map(lambda s, p: s - shrink * p, steps, params)
        return steps, state

    return optax.GradientTransformationExtraArgs(rule.init, update)
