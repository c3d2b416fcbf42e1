"""A network of Dense layers as data without code, which the kernels read without JAX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class ChainLayer(NamedTuple):
    """A Dense layer, then normalisation and activation in either order, then dropout.

    Numbers are told by their column in a member's row of numbers; -1 stands for none.

    Attributes
    ----------
    width : int
        As its variables lie in a row of parameters.
    activation : str
        A key of `kohort.recipe.activations.ACTIVATIONS`.
    norm : {"none", "batch_before", "batch_after", "layer_before", "layer_after"}
        Normalisation before or after the activation.
    bias : bool
    stream : int
        Which random numbers its dropout draws.
    alpha : int
        Number of the activation.
    momentum, epsilon : int
        Numbers of the normalisation.
    dropout, alpha_dropout, l1, l2, max_norm : int
    """

    width: int
    activation: str
    norm: str = "none"
    bias: bool = True
    stream: int = 0
    alpha: int = -1
    momentum: int = -1
    epsilon: int = -1
    dropout: int = -1
    alpha_dropout: int = -1
    l1: int = -1
    l2: int = -1
    max_norm: int = -1


class ChainMetric(NamedTuple):
    """A mean over rows that training or judging tells.

    Attributes
    ----------
    name : str
        Which; "hits" is the share of rows that a classifier gets right.
    weighted : bool
        Whether rows count by their weights.
    place : int
        Where total and count lie in a row of parameters; -1 where only judging asks.
    """

    name: str
    weighted: bool = False
    place: int = -1


class ChainState(NamedTuple):
    """Where an optimizer's state lies in a row of parameters.

    Attributes
    ----------
    scalars : tuple of int
        Of the number of steps, then of Nadam's product of momenta.
    trees : tuple of tuples of int
        Of each array that runs parallel to the trained variables.
    """

    scalars: tuple[int, ...]
    trees: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class DenseChain:
    """Hidden layers, and an output layer whose activation the loss takes away again or not.

    Attributes
    ----------
    features : int
    layers : tuple of ChainLayer
        The output layer last.
    numbers : tuple of str
        Names of the columns of a member's row of numbers; "" for those that layers refer to.
    places : tuple of int
        Where variables begin in a row of parameters: of each layer its kernel, bias, gamma, beta
        and trained slopes; then of each layer its moving mean and variance; then, for
        `standardised`, what is subtracted from the features and what they are multiplied by.
    size : int
        Length of a row of parameters.
    uses : frozenset of str
        Techniques that members may use.
    loss : str
        A key of `kohort.recipe.losses.LOSSES`, or "categorical_crossentropy"; any for a network
        that only predicts.
    family : str
        Optimizer family; any for a network that only predicts.
    state : ChainState or None, default=None
        None where the optimizer's state has a row of its own.
    metrics : tuple of ChainMetric
    input_stream : int
        Which random numbers the dropout of features draws.
    standardised : bool
    """

    features: int
    layers: tuple[ChainLayer, ...]
    numbers: tuple[str, ...]
    places: tuple[int, ...]
    size: int
    uses: frozenset[str] = frozenset()
    loss: str = "mse"
    family: str = "sgd"
    state: ChainState | None = None
    metrics: tuple[ChainMetric, ...] = ()
    input_stream: int = 1 << 20
    standardised: bool = False

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.layers[-1].width
