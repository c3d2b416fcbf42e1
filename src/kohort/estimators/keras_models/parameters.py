"""Parameters of estimators over Keras models: given, set, cloned, pickled."""

from __future__ import annotations

from typing import Any, Self

import cloudpickle
from sklearn.base import BaseEstimator, clone

from kohort.estimators.keras_models.routing import further, refuse_unknown

_UNKEPT = ("_ready", "_filled")


class KerasParameters(BaseEstimator):  # type: ignore[misc]
    """Takes, gives, clones and pickles the parameters."""

    def __init__(
        self,
        model: Any = None,
        *,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        epochs: int = 1,
        batch_size: int | str | None = 32,
        validation_split: float = 0.0,
        shuffle: bool = True,
        callbacks: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
        **parameters: Any,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_split = validation_split
        self.shuffle = shuffle
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        for name, value in parameters.items():
            setattr(self, name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every parameter, those of the build function and those with prefixes included.

        Parameters
        ----------
        deep : bool, default=True
            As in scikit-learn.

        Returns
        -------
        dict
        """
        return {**super().get_params(deep=deep), **further(self)}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Raises
        ------
        ParameterError
            If a name is unknown; the message lists the known ones.
        """
        if "model" in params:
            self.model = params.pop("model")
        refuse_unknown(self, [name for name in params if not hasattr(self, name)])
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_clone__(self) -> Self:
        params = {
            name: value if name == "model" else clone(value, safe=False)
            for name, value in self.get_params(deep=False).items()
        }
        copy = type(self)(**params)
        for name in ("_metadata_request", "_sklearn_output_config"):
            if name in vars(self):
                setattr(copy, name, getattr(self, name))
        return copy

    def __getstate__(self) -> dict[str, Any]:
        state = {n: v for n, v in super().__getstate__().items() if n not in _UNKEPT}
        if getattr(state["model"], "__module__", None) == "__main__" or _local(state["model"]):
            state["model"] = _Pickled(cloudpickle.dumps(state["model"]))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state.get("model"), _Pickled):
            state = {**state, "model": cloudpickle.loads(state["model"].content)}
        super().__setstate__(state)


class _Pickled:
    """A build function that pickle could not find by name elsewhere."""

    def __init__(self, content: bytes) -> None:
        self.content = content


def _local(function: Any) -> bool:
    """Whether a function is defined inside another, or is a lambda."""
    name = getattr(function, "__qualname__", "")
    return "<locals>" in name or "<lambda>" in name
