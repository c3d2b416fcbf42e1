"""Parts of rows made by worker processes, through Grain."""

from __future__ import annotations

import threading
from typing import Any

from numpy.typing import NDArray

from kohort.data import decoding, parquet_rows, parts, standardising
from kohort.data.spawning import change_spawning
from kohort.engine import order
from kohort.errors import DataError, KohortError

_AHEAD = 2
"""Parts that a worker makes before they are asked for."""
_RESTARTS = 3
_lock = threading.Lock()
_prepared = False


class Loader:
    """Iterator over `parts`, from one of them on.

    The same parts come in the same order whatever the number of workers. A worker that was killed
    is replaced, three times at most.

    Parameters
    ----------
    made : Parts
    workers : int
        Processes; 0 to make each part when it is asked for.
    start : int, default=0
        Number of the first part.
    """

    def __init__(self, made: parts.Parts, workers: int, start: int = 0) -> None:
        self._parts, self._workers, self._next = made, workers, start
        self._restarts = 0
        self._iterator: Any = None
        if workers:
            _prepare()

    def __next__(self) -> NDArray[Any]:
        while True:
            try:
                made = self._make()
            except ValueError as error:
                raise DataError(_first_line(error)) from error
            except RuntimeError as error:
                if "terminated unexpectedly" not in str(error):
                    raise
                self._replace(error)
                continue
            self._next += 1
            return made

    def _make(self) -> NDArray[Any]:
        if not self._workers:
            return self._parts[self._next]
        if self._iterator is None:
            self._iterator = _iterator(self._parts, self._workers, self._next)
        return next(self._iterator)

    def _replace(self, error: RuntimeError) -> None:
        self.close()
        self._restarts += 1
        if self._restarts > _RESTARTS:
            raise DataError(
                f"A worker that reads files was killed {self._restarts} times ({error}). The "
                "memory may be too small for this number: use fewer workers, or workers=0."
            ) from error

    def close(self) -> None:
        """End the workers."""
        iterator, self._iterator = self._iterator, None
        if iterator is not None:
            iterator.close()


def require_grain() -> Any:
    """The grain package.

    Raises
    ------
    KohortError
        If it is not installed.
    """
    try:
        import grain
    except ImportError as error:
        raise KohortError(
            "Worker processes need Grain, which is not installed. Run: pip install "
            '"kohort[streaming]", or set workers=0.'
        ) from error
    return grain


def _iterator(made: parts.Parts, workers: int, start: int) -> Any:
    grain = require_grain()
    none = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    source = grain.MapDataset.source(made)[start:]
    options = grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=_AHEAD)
    return iter(source.to_iter_dataset(none).mp_prefetch(options))


def _prepare() -> None:
    """Make Grain's workers small and independent of the user's script, once per process."""
    global _prepared
    with _lock:
        if _prepared:
            return
        require_grain()
        import cloudpickle
        from absl import flags

        if not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()  # Grain asks for flags, which absl refuses until then.
        for module in (order, decoding, parts, parquet_rows, standardising):
            cloudpickle.register_pickle_by_value(module)
        change_spawning()
        _prepared = True


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
