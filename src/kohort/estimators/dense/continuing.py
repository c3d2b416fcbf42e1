"""scikit-learn's ways to go on with a training, each refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from kohort.errors import ParameterError


class TrainsAnew:
    """Each `fit` of a dense estimator starts anew: `warm_start` and `partial_fit` are refused.

    A member of a cohort leaves its weights and no state of its optimizer, and its scaling is that
    of the rows of its own fit. `KerasRegressor` and `KerasClassifier` have both.
    """

    def __new__(cls, *arguments: object, **parameters: object) -> Self:
        if "warm_start" in parameters:
            raise ParameterError(_refusal(cls, "warm_start"))
        return super().__new__(cls)

    def set_params(self, **parameters: object) -> Self:
        """Set parameters by name, as scikit-learn's estimators do.

        Parameters
        ----------
        **parameters : object
            New values by the parameters' names.

        Returns
        -------
        self
            The estimator with the new values.

        Raises
        ------
        ParameterError
            If `warm_start` is among them.
        """
        if "warm_start" in parameters:
            raise ParameterError(_refusal(type(self), "warm_start"))
        return super().set_params(**parameters)  # type: ignore[misc]

    @property
    def partial_fit(self) -> Callable[..., Self]:
        """Not there.

        Raises
        ------
        AttributeError
            Names the estimator that has it.
        """
        raise AttributeError(_refusal(type(self), "partial_fit"))


def _refusal(cls: type, name: str) -> str:
    kind = cls.__name__.removeprefix("Dense")
    return (
        f"{cls.__name__} has no {name}: each fit starts anew. Use kohort.Keras{kind}, whose "
        "partial_fit and warm_start go on where the last fit ended."
    )
