"""Optimizers: update rules whose hyperparameters are arrays.

Each optimizer follows Keras's of the same name to the letter. Its rule is made for the techniques
that its program contains (`uses`), and receives a member's `numbers`, each a scalar array, so that
one compiled program serves every setting. Factors that all entries of a step share are computed
once per step, as scalars. `gain_1`, `gain_2` and `gain_rho` are 1 - beta_1, 1 - beta_2 and 1 - rho,
taken in double precision where Keras does so. Every rule leaves zeros at zero, so that variables
may be padded with zeros.

In the rules' formulas, g is the gradient, p the variable, t the step counted from 1, eta the
learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from kohort.deferred import jax, jnp, optax
from kohort.recipe.clipping import CLIPPINGS, clipped

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe

Tree = Any
Numbers: TypeAlias = "Mapping[str, jax.Array]"
Shapes = Sequence[tuple[Any, ...]]
Uses = frozenset[str]
Pairs = tuple[tuple[str, Any], ...]
"""A mapping that can be hashed."""

NUMBERS_WITH_DEFAULT = ("momentum", "beta_1", "beta_2", "rho", "epsilon", "weight_decay")
"""Hyperparameters whose default depends on the optimizer."""


def over(function: Callable[..., Any], *trees: Tree) -> Tree:
    """Call a function for each variable of some trees of one form."""
    return jax.tree.map(function, *trees)


class Point(NamedTuple):
    """Where a step is taken.

    Attributes
    ----------
    params : list of arrays
        The variables.
    numbers : mapping of scalar arrays
        The member's hyperparameters.
    shapes : sequence of tuples
        Real dimensions of each variable.
    """

    params: Tree
    numbers: Numbers
    shapes: Shapes


class Rule(NamedTuple):
    """An update rule: `init(params)`, and `update(grads, state, point)`.

    `update` returns what is to be added to the variables, and the next state.
    """

    init: Callable[[Tree], Any]
    update: Callable[[Tree, Any, Point], tuple[Tree, Any]]


@dataclass(frozen=True)
class Optimizer:
    """One of Keras's optimizers.

    Attributes
    ----------
    name : str
        Its name in a recipe.
    keras_class : str
        Its class in `keras.optimizers`.
    family : str
        Optimizers of one family share a rule and compiled programs.
    rule : callable
        `rule(uses)` makes the update rule.
    defaults : mapping, kept as pairs
        Keras's default of each name in `NUMBERS_WITH_DEFAULT` that means something to it.
    fixed : mapping, kept as pairs
        Numbers that the name itself sets, such as `nesterov`.
    options : tuple of str
        Hyperparameters that a program contains only where a member switches them on.
    cycled : str
        The number that 1cycle moves against the rate; "" for none.
    adaptive : bool
        Whether steps are divided by the gradients' own size.
    keras_names : mapping, kept as pairs
        Keras's name of a number where it is not the recipe's.
    keras_more : mapping, kept as pairs
        Further arguments of Keras's class, and the number that each takes.
    """

    name: str
    keras_class: str
    family: str
    rule: Callable[[Uses], Rule]
    defaults: Any = ()
    fixed: Any = ()
    options: tuple[str, ...] = ()
    cycled: str = ""
    adaptive: bool = True
    keras_names: Any = ()
    keras_more: Any = ()

    def __post_init__(self) -> None:
        for name in ("defaults", "fixed", "keras_names", "keras_more"):
            object.__setattr__(self, name, tuple(dict(getattr(self, name)).items()))

    def default(self, name: str) -> float:
        """Keras's default of a number; 0 where the optimizer has no such number.

        Raises
        ------
        KeyError
            If the number's default does not depend on the optimizer.
        """
        if name not in NUMBERS_WITH_DEFAULT:
            raise KeyError(name)
        return dict(self.defaults).get(name, 0.0)

    def cycled_in(self, recipe: Recipe) -> str:
        """The number that 1cycle moves in a recipe: an option only where it is switched on."""
        unused = self.cycled in self.options and not getattr(recipe, self.cycled)
        return "" if unused else self.cycled

    def to_keras(self, recipe: Recipe) -> Any:
        """A `keras.optimizers.Optimizer` with the recipe's numbers, at its (peak) rate."""
        import keras

        decays = "weight_decay" in dict(self.defaults)
        own = [name for name, _ in self.defaults if name != "weight_decay"]
        names = dict(self.keras_names)
        arguments = {names.get(n, n): getattr(recipe, n) for n in (*own, *self.options)}
        arguments |= {name: bool(value) for name, value in self.fixed if value}
        arguments |= {name: getattr(recipe, number) for name, number in self.keras_more}
        # Keras's AdamW refuses None; to the others 0 is a decay that they carry out.
        none = 0.0 if decays else None
        arguments["weight_decay"] = recipe.weight_decay if recipe.weight_decay > 0 else none
        limits = {name: getattr(recipe, name) for name in CLIPPINGS}
        arguments |= {name: limit for name, limit in limits.items() if math.isfinite(limit)}
        if recipe.ema_momentum is not None:
            arguments |= {"use_ema": True, "ema_momentum": recipe.ema_momentum}
        arguments["learning_rate"] = recipe.learning_rate
        # Keras takes whole numbers, and NumPy's, for mistakes.
        plain = {
            n: v if v is None or isinstance(v, bool) else float(v) for n, v in arguments.items()
        }
        return getattr(keras.optimizers, self.keras_class)(**plain)


def transformation(rule: Rule, uses: Uses) -> optax.GradientTransformationExtraArgs:
    """A rule with what all optimizers of Keras do around it: clip first, decay the weights.

    Parameters
    ----------
    rule : Rule
        Made for `uses`.
    uses : frozenset of str
        Options that the program contains: `"weight_decay"`, `"clipvalue"`, `"clipnorm"`,
        `"global_clipnorm"` and the optimizer's own; others do not matter. An option that is absent
        costs nothing. Of one that is present, a neutral number (0, and infinity for limits) gives
        the result that its absence gives, up to how the compiler rounds where it fuses.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        `update(grads, state, params, numbers=..., shapes=None)`; add its result to `params`.
        `shapes` holds a tuple of real dimensions per variable, where arrays are padded with zeros.

    References
    ----------
    Loshchilov and Hutter 2019 (arXiv:1711.05101) for decoupled weight decay.
    """

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
            shapes = over(jnp.shape, grads)
        steps, state = rule.update(grads, state, Point(params, numbers, shapes))
        if "weight_decay" in uses:
            shrink = numbers["learning_rate"] * numbers["weight_decay"]
            steps = over(lambda s, p: s - shrink * p, steps, params)
        return steps, state

    return optax.GradientTransformationExtraArgs(rule.init, update)


def zeros(params: Tree) -> Tree:
    """An array of zeros for each variable."""
    return over(jnp.zeros_like, params)


def first_step() -> jax.Array:
    """The number of steps taken before the first, an int32 scalar."""
    return jnp.zeros((), jnp.int32)


def adam_rate(step: jax.Array, numbers: Numbers) -> jax.Array:
    """Adam's learning rate with the bias corrections of both moments."""
    beta_1, beta_2 = numbers["beta_1"], numbers["beta_2"]
    count = step.astype(beta_1.dtype)
    return numbers["learning_rate"] * jnp.sqrt(1 - beta_2**count) / (1 - beta_1**count)
