"""A Keras estimator after `fit`: its weights, its model, its predictions, its pickle."""

from __future__ import annotations

import tempfile
import threading
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kohort.arrays import TableLike
from kohort.deferred import jax
from kohort.engine.member import Floats, fitting_batch
from kohort.engine.predict import Trained, raw_outputs
from kohort.estimators.keras_models.build import build, outputs_of
from kohort.estimators.keras_models.callbacks import callbacks_of_predict
from kohort.estimators.keras_models.compilation import compile_model
from kohort.estimators.keras_models.constructor import KerasParameters
from kohort.estimators.keras_models.encoders import encoded_inputs
from kohort.estimators.keras_models.inputs import Inputs, flat, inputs_of
from kohort.estimators.keras_models.routing import arguments, asks_for_data
from kohort.estimators.keras_models.training import (
    Ready,
    put_rate,
    put_weights,
    rate_of,
    weights_of,
)
from kohort.estimators.preparation import floating_dtype
from kohort.estimators.reprs import RichReprMixin, training_html
from kohort.estimators.scaling import Scaling
from kohort.networks.lifted.variables import Variables
from kohort.runtime import require_own_process
from kohort.scratch import scratch_folder

if TYPE_CHECKING:
    import keras


class FittedModel(RichReprMixin, KerasParameters):
    """A trained Keras model. The user may change the model that `model_` gives; later calls use
    it as changed.
    """

    _ready: Ready
    _form: tuple[Any, Any, int]
    _table_rows: int
    _meta: dict[str, Any]
    _seed: int
    _variables: list[int]
    _current_epoch = 0
    _target = Scaling.identity(1)
    _found_rate: float | None = None

    @property
    def _lock(self) -> Any:
        """Held while the model is built, filled or read: several threads may share an estimator
        that has just been loaded.
        """
        own: threading.RLock = self.__dict__.setdefault("_own_lock", threading.RLock())
        return own

    @abstractmethod
    def _made_ready(self, model: keras.Model) -> Ready:
        """A compiled model, ready for the engine."""

    def _take(self, weights: Sequence[Floats], history: dict[str, list[float]]) -> None:
        model = self._ready.model
        with self._lock:
            self.weights_ = list(weights) or weights_of(model)
            self._rate = rate_of(model)
            self._filled = False
            self.history_ = history
            self._epochs_seen = self._current_epoch = 0

    def _fitted(self) -> Ready:
        """The model, built anew where the estimator was pickled."""
        check_is_fitted(self, "weights_")
        with self._lock:
            if not hasattr(self, "_ready"):
                if hasattr(self, "_archive"):
                    model = _unpacked(self._archive)
                else:
                    model = build(self, self._meta, self._seed)
                ready = self._compiled(model, self._seed, self._found_rate)
                put_rate(model, self._rate)
                self._ready, self._filled = ready, False
            return self._ready

    def _compiled(self, model: keras.Model, seed: int, rate: float | None) -> Ready:
        """A model that the build function has just given, as `fit` makes it ready."""
        outputs = outputs_of(model, self._form[0], seed)
        compile_model(self, model, self._meta, outputs, rate)
        return self._made_ready(model)

    def _anew(self, seed: int, rate: float | None, **data: Any) -> Ready:
        """The model with the initial weights of another seed, compiled with a rate if given."""
        return self._compiled(self._built(data, seed), seed, rate)

    @abstractmethod
    def _built(self, data: Mapping[str, Any], seed: int) -> Any:
        """Call the build function with `X`, as a model takes it, and `y`; return its model."""

    def _synchronised(self) -> Ready:
        """The model; its user's changes to it are taken over."""
        with self._lock:
            ready = self._fitted()
            if self._filled:
                if [id(v) for v in Variables(ready.model).carried] != self._variables:
                    self._ready = ready = self._made_ready(ready.model)
                self.weights_, self._rate = weights_of(ready.model), rate_of(ready.model)
                self._variables = [id(v) for v in Variables(ready.model).carried]
            return ready

    def _go_on(self, batch_size: int | str, rows: int) -> Ready:
        """Make ready to train further, with another batch size if that has changed."""
        ready = self._synchronised()
        x, targets, known = self._form
        size = rows if batch_size == -1 else batch_size
        if not isinstance(size, int):
            size = known
        if size != known or fitting_batch(size, rows) > fitting_batch(known, self._table_rows):
            self._form, self._table_rows = (x, targets, size), rows
            self._ready = ready = self._made_ready(ready.model)
        put_weights(ready.model, self.weights_)
        return ready

    @property
    def model_(self) -> Any:
        """The Keras model with the trained weights."""
        with self._lock:
            ready = self._fitted()
            if not self._filled:
                put_weights(ready.model, self.weights_)
                self._variables = [id(v) for v in Variables(ready.model).carried]
                self._filled = True
            return ready.model

    @property
    def initialized_(self) -> bool:
        """Whether the model is there: after `fit`, `partial_fit` or `initialize`."""
        return hasattr(self, "weights_")

    @property
    def current_epoch(self) -> int:
        """Epochs of the last `fit` and of each `partial_fit` since."""
        return self._current_epoch

    @property
    def n_epochs_(self) -> int:
        """Epochs trained in all."""
        check_is_fitted(self, "weights_")
        return self._epochs_seen

    def _learned_html(self) -> str:
        return training_html(self)

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            if hasattr(self, "_ready"):
                self._synchronised()
            state = super().__getstate__()
            if hasattr(self, "_ready") and asks_for_data(self):
                state["_archive"] = _packed(self.model_)
            return state

    def _inputs(self, X: TableLike) -> Inputs:
        """X of the form that the estimator was fitted with."""
        return encoded_inputs(self, inputs_of(self, X, reset=False))

    def _predicted(self, X: TableLike, options: Mapping[str, Any]) -> list[Floats]:
        """Outputs of the model, one array per output, shape (row, ...)."""
        require_own_process()
        check_is_fitted(self, "weights_")
        inputs = self._inputs(X)
        ready = self._synchronised()
        rows = flat(ready.x, inputs.arrays, floating_dtype())
        callbacks = options.get("callbacks") or callbacks_of_predict(self)
        if ready.tracing is None or callbacks:
            own = {"verbose": 0, "batch_size": ready.batch_size, **arguments(self, "predict")}
            own = {**own, **options, "callbacks": callbacks}
            if own["batch_size"] == -1:
                own["batch_size"] = len(rows)
            x = jax.tree.map(np.asarray, ready.x.split(rows))
            with self._lock:  # Keras's `predict` keeps its state in the model.
                predicted = self.model_.predict(x, **own)
            return [np.asarray(part) for part in jax.tree.leaves(predicted)]
        tracing = ready.tracing
        weights = [*self.weights_[: tracing.network.carried], *tracing.arrays]
        trained = Trained(tracing.network, weights, tracing.numbers, tracing.units)
        outputs = raw_outputs(trained, rows)
        parts, start = [], 0
        for shape in self._shapes:
            width = int(np.prod(shape))
            parts.append(outputs[:, start : start + width].reshape(len(outputs), *shape))
            start += width
        return parts


def _own_folder() -> AbstractContextManager[Path]:
    """A temporary folder that does not stay, even if the process is killed."""
    return scratch_folder(Path(tempfile.gettempdir(), "kohort-model"))


def _packed(model: keras.Model) -> bytes:
    """A model as the content of a `.keras` file."""
    with _own_folder() as folder:
        path = folder / "model.keras"
        model.save(path)
        return path.read_bytes()


def _unpacked(content: bytes) -> Any:
    import keras

    with _own_folder() as folder:
        path = folder / "model.keras"
        path.write_bytes(content)
        return keras.models.load_model(path)
