"""Structure: values that separate programs. Members that can share a program form a group."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from kohort.networks.base import Network


@dataclass(frozen=True)
class Structure:
    """Everything that a training program depends on, beside its number of slots.

    Attributes
    ----------
    network : Network
    targets : int
        Columns of y.
    batch_size : int
    dtype : str
        `"float32"` or `"float64"`.
    input_dtype : str
        Type that rows of features have before the program computes with them.
    """

    network: Network
    targets: int
    batch_size: int
    dtype: str
    input_dtype: str

    @property
    def group(self) -> Hashable:
        """Structures of equal group can be joined."""
        rest = (self.targets, self.batch_size, self.dtype, self.input_dtype)
        return type(self.network), self.network.group, *rest

    def joined(self, other: Structure) -> Structure:
        """Return the structure whose program trains members of both; they are of one group."""
        return replace(self, network=self.network.joined(other.network))

    def covers(self, other: Structure) -> bool:
        """Whether its program trains members of another structure as it is."""
        return self.group == other.group and self.joined(other) == self
