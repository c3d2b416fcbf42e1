"""What a network of Dense layers is, said without code: kernels that know no JAX read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DenseChain:
    """Hidden layers of one activation, each perhaps normalised, and one linear output layer.

    Attributes
    ----------
    features, outputs : int
    widths : tuple of int
        Width at which the variables of each hidden layer lie in a row of parameters.
    activation : str
        A key of `kohort.recipe.activations.ACTIVATIONS`.
    norm : {"none", "batch_before", "batch_after", "layer_before", "layer_after"}
        Normalisation of each hidden layer, before or after its activation.
    numbers : tuple of str
        Names of the columns of a member's row of numbers.
    uses : frozenset of str
        Techniques that members may use.
    loss : str
        A key of `kohort.recipe.losses.LOSSES`; any for a network that only predicts.
    family : str
        Optimizer family; any for a network that only predicts.
    """

    features: int
    outputs: int
    widths: tuple[int, ...]
    activation: str
    norm: str
    numbers: tuple[str, ...]
    uses: frozenset[str] = frozenset()
    loss: str = "mse"
    family: str = "sgd"
