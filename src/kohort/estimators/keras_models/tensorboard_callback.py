"""Keras's TensorBoard callback where TensorFlow is not installed: TensorBoard's own writer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras


def use_own_writer(callback: keras.callbacks.Callback) -> None:
    """Let a `keras.callbacks.TensorBoard` write without TensorFlow.

    Keras's callback takes its writer from `tensorflow.summary`. The package `tensorboard` writes
    the same files on its own: scalars, histograms of weights and the model's graph.
    """
    if find_spec("tensorflow") is not None:
        return
    if find_spec("tensorboard") is None:
        raise ImportError(
            'The callback TensorBoard needs tensorboard. Run: pip install "kohort[tensorboard]"'
        )
    if callback.write_images:
        raise ImportError(
            "TensorBoard(write_images=True) needs TensorFlow. Run: pip install tensorflow-cpu; "
            "or leave write_images out."
        )
    callback._summary_module = Summaries()
    callback._write_keras_model_summary = lambda: _write_graph(callback)


class Writer:
    """The part of TensorFlow's file writer that the callback uses."""

    def __init__(self, folder: str, summaries: Summaries) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._file, self._summaries = EventFileWriter(folder), summaries

    @contextmanager
    def as_default(self, step: int | None = None) -> Iterator[None]:
        """Take the summaries that are written inside."""
        before, self._summaries.current = self._summaries.current, self
        yield
        self._summaries.current = before

    def add(self, summary: Any, step: int) -> None:
        """Write one summary."""
        from tensorboard.compat.proto.event_pb2 import Event

        self._file.add_event(Event(wall_time=time.time(), step=step, summary=summary))

    def flush(self) -> None:
        """Write the buffered summaries."""
        self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class Summaries:
    """The part of `tensorflow.summary` that the callback uses. As there, nothing is written outside
    of a writer's `as_default`, or while the condition of `record_if` is false.
    """

    def __init__(self) -> None:
        self.current: Writer | None = None
        self._condition: Callable[[], bool] | None = None

    def create_file_writer(self, folder: str) -> Writer:
        """A writer of one folder."""
        return Writer(folder, self)

    @contextmanager
    def record_if(self, condition: Callable[[], bool]) -> Iterator[None]:
        """Write summaries inside only if the condition holds."""
        before, self._condition = self._condition, condition
        yield
        self._condition = before

    def scalar(self, name: str, value: float, step: Any) -> None:
        """Write a number."""
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        self._add(scalar_pb(name, np.float32(value)), step)

    def histogram(self, name: str, values: Any, step: Any) -> None:
        """Write the distribution of an array."""
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb

        self._add(histogram_pb(name, np.asarray(values.value)), step)

    def _add(self, summary: Any, step: Any) -> None:
        if self.current is not None and (self._condition is None or self._condition()):
            self.current.add(summary, int(getattr(step, "value", step)))


def _write_graph(callback: keras.callbacks.Callback) -> None:
    """The layers of a Sequential or functional model, as TensorBoard's graph page shows them."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.util.tensor_util import make_tensor_proto

    if type(callback.model).__name__ not in ("Functional", "Sequential"):
        return
    kind = SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
    value = Summary.Value(
        tag="keras",
        tensor=make_tensor_proto(callback.model.to_json()),
        metadata=SummaryMetadata(plugin_data=kind),
    )
    callback._train_writer.add(Summary(value=[value]), 0)
