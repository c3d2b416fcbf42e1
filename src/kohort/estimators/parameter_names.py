"""Names of an estimator's parameters, checked where they are set."""

from __future__ import annotations

from typing import Self

from kohort.errors import ParameterError, suggest
from kohort.recipe.synonyms import PARAMETERS


class CheckedNames:
    """Adds to a scikit-learn estimator a `set_params` that names what was meant."""

    def set_params(self, **params: object) -> Self:
        """Set parameters by name.

        Parameters
        ----------
        **params : object
            New values by the parameters' names; `network__width` is the `width` of the estimator
            that is the parameter `network`.

        Returns
        -------
        self
            The estimator with the new values.

        Raises
        ------
        ParameterError
            If a name is unknown; the message has the nearest ones.

        Examples
        --------
        >>> import kohort
        >>> try:
        ...     kohort.DenseRegressor().set_params(widht=3)
        ... except kohort.ParameterError as error:
        ...     print(error)
        `widht` is no parameter of DenseRegressor. Did you mean 'width'?
        """
        known = self._get_param_names()  # type: ignore[attr-defined]
        for name in params:
            own, _, inner = name.partition("__")
            if own not in known:
                raise ParameterError(
                    f"`{own}` is no parameter of {type(self).__name__}. "
                    f"{suggest(own, known, PARAMETERS)}"
                )
            value = params.get(own, getattr(self, own))
            if inner and not hasattr(value, "set_params"):
                raise ParameterError(
                    f"`{own}` must be an estimator for `{name}` to be set; got {value!r}. Give the "
                    f"estimator as `{own}`."
                )
        return super().set_params(**params)  # type: ignore[misc]
