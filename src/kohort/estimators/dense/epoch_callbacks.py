"""scikit-learn's callbacks, where it has them (1.9 and later)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kohort.arrays import Estimator, TableLike, TargetsLike, WeightsLike

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's mixin, which this version does not have."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Stand in for scikit-learn's decorator."""
        return method


__all__ = ["CallbackSupportMixin", "EpochCallbacks", "with_callbacks"]


class EpochCallbacks:
    """Calls an estimator's callbacks around each epoch of its fit.

    Parameters
    ----------
    estimator : estimator
    attributes : callable
        `attributes(epoch, weights)` gives the fitted attributes as if training had ended there.
    X, y, sample_weight
        Arguments of `fit`.
    """

    def __init__(
        self,
        estimator: Estimator,
        attributes: Callable[[int, Any], dict[str, Any]],
        X: TableLike,
        y: TargetsLike,
        sample_weight: WeightsLike,
    ) -> None:
        self._estimator, self._attributes = estimator, attributes
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._data = {"X": X, "y": y, "metadata": metadata}
        self._context = estimator._init_callback_context(max_subtasks=estimator.epochs)
        self._context.call_on_fit_task_begin(estimator=estimator, **self._data)

    def on_epoch(self, epoch: int, logs: dict[str, float], weights: Callable[[], Any]) -> bool:
        """Run the callbacks of one epoch; true when one of them asks to stop."""
        context = self._context.subcontext(task_name=f"epoch {epoch + 1}")
        context.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        return bool(
            context.call_on_fit_task_end(
                estimator=self._estimator,
                reconstruction_attributes=lambda: self._attributes(epoch, weights()),
                **self._data,
            )
        )

    def end(self) -> None:
        """Run the callbacks of the whole fit."""
        self._context.call_on_fit_task_end(estimator=self._estimator, **self._data)

    @staticmethod
    def wanted(estimator: Estimator) -> bool:
        """Whether the estimator has callbacks of its own or from a search above it."""
        return bool(getattr(estimator, "_skl_callbacks", None))
