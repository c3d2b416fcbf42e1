"""The parts of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kohort.arrays import HostArray
from kohort.searches.ensembles.members import Member


@dataclass(frozen=True, eq=False)
class Part:
    """A candidate of a search as part of an ensemble: its fold models, pooled.

    Attributes
    ----------
    candidate : int
        Position in the search's `cv_results_`.
    parameters : dict
    weight : float
        Share in the average, in (0, 1].
    loss : float
        Of its own predictions of rows left out, what the ensemble was selected by.
    without : float or None
        Loss of the ensemble without this part; None for the only one.
    members : tuple of Member
        Its fitted models, one per fold.
    """

    DESCRIBED: ClassVar[tuple[str, ...]] = ("candidate", "parameters", "weight", "loss", "without")
    """The fields of a part beside its models."""

    candidate: int
    parameters: Mapping[str, Any]
    weight: float
    loss: float
    without: float | None
    members: tuple[Member, ...]

    def knows(self, classes: HostArray | None) -> HostArray | None:
        """Whether each member has seen each class, shape (member, class); None of a regression."""
        if classes is None:
            return None
        return np.array([np.isin(classes, member.head.classes_) for member in self.members])
