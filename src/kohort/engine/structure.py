"""Structure: what separates compiled programs. Members of equal structure form a group."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kohort.networks.base import Network


@dataclass(frozen=True)
class Structure:
    """Everything that a training program depends on, beside its number of slots.

    Attributes
    ----------
    network : Network
    loss : str
        Name in `kohort.recipe.losses.LOSSES`.
    family : str
        Optimizer family.
    targets : int
        Columns of y.
    batch_size : int
    dtype : str
        `"float32"` or `"float64"`.
    input_dtype : str
        Type that rows of features have before the program computes with them.
    uses : frozenset of str
        Techniques compiled into the program.
    """

    network: Network
    loss: str
    family: str
    targets: int
    batch_size: int
    dtype: str
    input_dtype: str
    uses: frozenset[str]

    def without_uses(self) -> Structure:
        """The same structure before any optional technique is added."""
        return replace(self, uses=frozenset())
