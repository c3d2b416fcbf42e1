"""A user's Keras callbacks, run for one member of a cohort with the member's own model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.arrays import CallbacksLike, Estimator
from kohort.engine.member import Floats, Logs, Outcome, Verdict
from kohort.errors import ParameterError, explain
from kohort.estimators.keras_models.assembly import assembled, called
from kohort.estimators.keras_models.configured_callbacks import digest_of_callbacks
from kohort.estimators.keras_models.routing import further, routed
from kohort.estimators.keras_models.shared_callbacks import kept_apart
from kohort.estimators.keras_models.tensorboard_callback import use_own_writer
from kohort.networks.lifted.variables import Variables, on_device, value_of

if TYPE_CHECKING:
    import keras

_BATCH_HOOKS = (
    "on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end",
    "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end",
)  # fmt: skip
_PREDICT_HOOKS = (
    "on_predict_begin", "on_predict_end", "on_predict_batch_begin", "on_predict_batch_end",
)  # fmt: skip
_BLIND = frozenset(
    "LearningRateScheduler ReduceLROnPlateau TerminateOnNaN CSVLogger History ProgbarLogger "
    "RemoteMonitor".split()
)


def _of_keras(callback: keras.callbacks.Callback) -> str:
    """Name of a callback that is Keras's own; "" of any other."""
    kind = type(callback)
    return kind.__name__ if kind.__module__.startswith("keras.") else ""


def needs_batches(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback wants to hear of every batch, which a cohort does not tell."""
    name = _of_keras(callback)
    if name in ("ModelCheckpoint", "BackupAndRestore"):
        return bool(callback.save_freq != "epoch")
    if name == "TensorBoard":
        return bool(callback.update_freq != "epoch" or getattr(callback, "_should_trace", False))
    if name in (*_BLIND, "EarlyStopping"):
        return False
    return _hears(callback, _BATCH_HOOKS)


def _asks_for_weights(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback reads weights by `model.get_weights` alone, and only now and then."""
    return _of_keras(callback) == "EarlyStopping"


def _reads_model(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback may read anything of the model at each end of an epoch."""
    return not _asks_for_weights(callback) and _of_keras(callback) not in _BLIND


class ModelState:
    """A Keras model's variables as the list of arrays that a member carries."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self._variables = Variables(model)
        self._written: dict[int, Any] = {}

    def put(self, values: Sequence[Floats]) -> None:
        """Write a member's variables into the model."""
        for variable, value in zip(self._variables.carried, values, strict=False):
            variable.assign(on_device(np.asarray(value, variable.dtype)))
            self._written[id(variable)] = variable._value

    def weights_from(self, values: Sequence[Floats]) -> list[Floats]:
        """The result of the model's `get_weights` with a member's variables."""
        known = {id(v): value for v, value in zip(self._variables.carried, values, strict=False)}
        return [known[id(variable)].copy() for variable in self.model.weights]

    def read(self) -> list[Floats]:
        """The variables' values."""
        return [value_of(variable) for variable in self._variables.carried]

    @property
    def changed(self) -> bool:
        """Whether anyone wrote a variable since `put`."""
        written = self._written
        return any(written.get(id(v)) is not v._value for v in self._variables.carried)

    @property
    def rate(self) -> float | None:
        """The learning rate; None if a schedule of the optimizer computes it."""
        variable = self._variables.rate
        return None if variable is None else float(value_of(variable))


def _early_stoppings(callbacks: Sequence[Any]) -> list[Any]:
    """The early stoppings among callbacks."""
    import keras

    return [one for one in callbacks if isinstance(one, keras.callbacks.EarlyStopping)]


def _restoring(callbacks: Sequence[Any]) -> Any:
    """The early stopping whose weights a model has at the end; None if none gives any back.

    Each writes its own into the model, one after the other.
    """
    stoppings = [one for one in _early_stoppings(callbacks) if one.restore_best_weights]
    return next((one for one in reversed(stoppings) if one.best_weights is not None), None)


def stopped_early(callbacks: Sequence[Any], epoch: int) -> bool:
    """Whether early stopping has ended the training with this epoch."""
    return any(0 < stopping.stopped_epoch == epoch for stopping in _early_stoppings(callbacks))


def restored_epoch(callbacks: Sequence[Any]) -> int | None:
    """The epoch whose weights early stopping gives back at the end; None if it gives none back."""
    restoring = _restoring(callbacks)
    return None if restoring is None else int(restoring.best_epoch)


class CallbackRun:
    """The callbacks of one fit.

    Attributes
    ----------
    history : dict of lists
        Logs of each epoch, those that callbacks added included.
    digest : str or None
        Equal for callbacks that decide the same of equal fits; None if that cannot be told.
    """

    def __init__(
        self, callbacks: Sequence[Any], state: ModelState, epochs: int, steps: int
    ) -> None:
        self._callbacks, self._state, self._epochs = list(callbacks), state, epochs
        self._reads = any(_reads_model(callback) for callback in callbacks)
        self._rate = state.rate
        self.history: dict[str, list[float]] = {}
        self.digest: str | None = None
        self._last: Logs = {}
        model = state.model
        model.stop_training, model._initial_epoch = False, None
        for callback in self._callbacks:
            callback.set_params({"verbose": 0, "epochs": epochs, "steps": steps})
            callback.set_model(model)

    def begin(self, first: int) -> int:
        """Start of the training; the epoch to start with."""
        for callback in self._callbacks:
            callback.on_train_begin({})
        first = self._state.model._initial_epoch or first
        self.digest = digest_of_callbacks(self._callbacks, self._state.model)
        self._start_epoch(first)
        self._rate = self._state.rate
        return first

    def _start_epoch(self, epoch: int) -> None:
        for callback in self._callbacks:
            callback.on_epoch_begin(epoch, {})

    def __call__(self, epoch: int, logs: Logs, weights: Callable[[], list[Floats]]) -> Verdict:
        """End of an epoch, and start of the next."""
        state = self._state
        arrays: list[Floats] | None = None
        if self._reads:
            arrays = weights()
            state.put(arrays)
        logs = dict(logs)
        with _answering(state, None if self._reads else weights):
            for callback in self._callbacks:
                callback.on_epoch_end(epoch, logs)
        self._last = logs
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        stop = bool(state.model.stop_training)
        if not stop and epoch + 1 < self._epochs:
            self._start_epoch(epoch + 1)
        rate = state.rate
        verdict = Verdict(
            stop=stop,
            rate=None if rate == self._rate else rate,
            weights=self._rewritten(arrays),
            early=stop and stopped_early(self._callbacks, epoch),
            kept=getattr(_restoring(self._callbacks), "best_weights", None),
        )
        self._rate = rate
        return verdict

    def _rewritten(self, arrays: list[Floats] | None) -> list[Floats] | None:
        """The variables, if a callback wrote any."""
        if arrays is None or not self._state.changed:
            return None
        own = self._state.read()
        return [*own, *arrays[len(own) :]]

    def catch_up(self, outcome: Outcome, first: int) -> None:
        """Call the callbacks for epochs trained before, in another fit; they end as they did there.

        Parameters
        ----------
        outcome : Outcome
        first : int
            The epoch that its history begins with.
        """
        heard = max(map(len, self.history.values()), default=0)
        for number in range(heard, outcome.epochs):
            logs = {name: values[number] for name, values in outcome.history.items()}
            self(first + number, logs, self._state.read)
        if outcome.epochs > heard and outcome.kept is not None:
            _restoring(self._callbacks).best_weights = outcome.kept

    def restore(self) -> None:
        """Give the model the weights that early stopping would restore if training ended here."""
        restoring = _restoring(self._callbacks)
        if restoring is not None:
            self._state.model.set_weights(restoring.best_weights)

    def end(self) -> None:
        """End of the training; the model has the final weights."""
        for callback in self._callbacks:
            callback.on_train_end(self._last)
            callback._model = None  # A fitted estimator shall not hold a second model.


@contextmanager
def _answering(state: ModelState, weights: Callable[[], list[Floats]] | None) -> Iterator[None]:
    """The model answers `get_weights` with the member's, which are fetched only if it is asked."""
    if weights is None:
        yield
        return
    object.__setattr__(state.model, "get_weights", lambda: state.weights_from(weights()))
    try:
        yield
    finally:
        object.__delattr__(state.model, "get_weights")


def callbacks_of_fit(estimator: Estimator, given: CallbacksLike = None) -> list[Any]:
    """The callbacks that hear of a fit.

    Parameters
    ----------
    given
        Those of the call itself, which take the place of the estimator's `callbacks` and
        `fit__callbacks`.
    """
    if given is not None:
        return kept_apart(_callbacks(given, routed(estimator, "callbacks")))
    callbacks = _callbacks(estimator.callbacks, routed(estimator, "callbacks"))
    more = further(estimator).get("fit__callbacks")
    return callbacks + _callbacks(more, routed(estimator, "fit__callbacks"))


def callbacks_of_predict(estimator: Estimator) -> list[Any]:
    """The callbacks among `callbacks` and `predict__callbacks` that hear of predictions."""
    more = further(estimator).get("predict__callbacks")
    return [
        *_callbacks(estimator.callbacks, routed(estimator, "callbacks"), _PREDICT_HOOKS),
        *_callbacks(more, routed(estimator, "predict__callbacks"), _PREDICT_HOOKS),
    ]


def stops_early(estimator: Estimator) -> bool:
    """Whether `EarlyStopping`, or its class, is among the callbacks of a fit."""
    given = [estimator.callbacks, further(estimator).get("fit__callbacks")]
    kinds = (each if inspect.isclass(each) else type(each) for each in _leaves(given))
    return any(kind.__name__ == "EarlyStopping" for kind in kinds)


def _callbacks(
    given: CallbacksLike, options: dict[str, Any], hooks: Sequence[str] = ()
) -> list[Any]:
    """Callbacks as a list of objects; a class, or a function that makes a callback, is called with
    the options. Only those that have one of the hooks, if any are named.
    """
    import keras

    def one(callback: keras.callbacks.Callback, own: dict[str, Any]) -> Any:
        made = callback
        if inspect.isclass(callback) and hooks and not _hears(callback, hooks):
            return None
        if callable(callback) and not isinstance(callback, keras.callbacks.Callback):
            try:
                made = called(callback, own)
            except TypeError as error:
                raise ParameterError(
                    explain("callbacks__*", f"parameters of {callback!r}", own, str(error))
                ) from error
        if not isinstance(made, keras.callbacks.Callback):
            remedy = "Give objects or classes of keras.callbacks.Callback."
            raise ParameterError(explain("callbacks", "made of callbacks", made, remedy))
        return made if not hooks or _hears(made, hooks) else None

    if given is None:
        return []
    callbacks = [each for each in _leaves(assembled(given, options, one)) if each is not None]
    for callback in callbacks:
        if _of_keras(callback) == "TensorBoard":
            use_own_writer(callback)
    return callbacks


def _leaves(tree: Any) -> Iterator[Any]:
    """The objects in lists and dicts of any depth, in their order."""
    if isinstance(tree, list | tuple | dict):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(part)
    else:
        yield tree


def _hears(callback: keras.callbacks.Callback, hooks: Sequence[str]) -> bool:
    """Whether a callback, or a class of callbacks, has a method of its own for one of the hooks."""
    import keras

    kind = callback if inspect.isclass(callback) else type(callback)
    return any(
        hook in vars(callback)
        or getattr(kind, hook, None) is not getattr(keras.callbacks.Callback, hook)
        for hook in hooks
    )
