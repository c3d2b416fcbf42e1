"""Parameters of estimators over Keras models: given, set, cloned, pickled."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

import cloudpickle
from sklearn.base import BaseEstimator, clone

from kohort.arrays import CallbacksLike, LossLike, MetricsLike, OptimizerLike, RandomStateLike
from kohort.estimators.keras_models.routing import further, own_names, refuse_unknown
from kohort.networks.lifted.loss_numbers import keep_huber_delta

if TYPE_CHECKING:
    import keras

_UNKEPT = ("_ready", "_filled", "_build_data", "_own_lock")


class KerasParameters(BaseEstimator):  # type: ignore[misc]
    """Takes, gives, clones and pickles the parameters."""

    def __init__(
        self,
        model: keras.Model = None,
        *,
        optimizer: OptimizerLike = None,
        loss: LossLike = None,
        metrics: MetricsLike = None,
        epochs: int = 1,
        batch_size: int | str | None = 32,
        validation_split: float = 0.0,
        validation_batch_size: int | None = None,
        shuffle: bool = True,
        run_eagerly: bool = False,
        callbacks: CallbacksLike = None,
        warm_start: bool = False,
        diagnose: bool = False,
        random_state: RandomStateLike = None,
        verbose: int = 0,
        **parameters: Any,
    ) -> None:
        keep_huber_delta()
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_split = validation_split
        self.validation_batch_size = validation_batch_size
        self.shuffle = shuffle
        self.run_eagerly = run_eagerly
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.diagnose = diagnose
        self.random_state = random_state
        self.verbose = verbose
        if parameters:
            self._further = tuple(parameters)
        for name, value in parameters.items():
            setattr(self, name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give every parameter, with those of the build function and those with prefixes.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of nested estimators, as in scikit-learn.

        Returns
        -------
        dict
            Values by the parameters' names.
        """
        own = {name: getattr(self, name) for name in own_names(type(self))}
        return {**own, **further(self)}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Parameters
        ----------
        **params : object
            New values by the parameters' names.

        Returns
        -------
        self
            The estimator with the new values.

        Raises
        ------
        ParameterError
            If a name is unknown; the message lists the known ones.
        """
        if "model" in params:
            self.model = params.pop("model")
        known = self.get_params()
        new = [name for name in params if name not in known]
        refuse_unknown(self, new)
        if new:
            self._further = (*further(self), *new)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_clone__(self) -> Self:
        keep_huber_delta()
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
        keep_huber_delta()
        state = {n: v for n, v in super().__getstate__().items() if n not in _UNKEPT}
        for name in self.get_params():
            if name in state and _foreign(state[name]):
                state[name] = _Pickled(cloudpickle.dumps(state[name]))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(
            {n: cloudpickle.loads(v.content) if isinstance(v, _Pickled) else v
             for n, v in state.items()}
        )  # fmt: skip


class _Pickled:
    """A function or an object that pickle could not find by name elsewhere."""

    def __init__(self, content: bytes) -> None:
        self.content = content


def _foreign(value: object) -> bool:
    """Whether a value has a function or class that another process cannot import."""
    if isinstance(value, list | tuple):
        return any(_foreign(part) for part in value)
    if isinstance(value, dict):
        return any(_foreign(part) for part in value.values())
    if isinstance(value, partial):
        return _foreign((value.func, *value.args, value.keywords))
    name = getattr(value, "__qualname__", "")
    modules = getattr(value, "__module__", None), type(value).__module__
    return "<locals>" in name or "<lambda>" in name or "__main__" in modules
