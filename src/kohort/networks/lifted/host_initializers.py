"""Keras's initializers, drawn on the host while a model is built.

Keras draws each kernel by an operation that XLA compiles for its shape: half a second and more for
a model of new widths, in every fit of a search. NumPy needs no compiling. The distributions are
those of `kohort.recipe.initializers`, the numbers come from the initializer's own seed.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri

from kohort.arrays import DTypeLike
from kohort.deferred import jnp
from kohort.networks.lifted.variables import on_device
from kohort.recipe.initializers import draw_scaled, orthogonal

if TYPE_CHECKING:
    import keras

_LOCK = threading.RLock()
_CUT = float(ndtr(-2.0))


def _truncated(
    initializer: keras.Initializer, shape: tuple[int, ...], generator: np.random.Generator
) -> Any:
    return initializer.mean + initializer.stddev * ndtri(generator.uniform(_CUT, 1 - _CUT, shape))


def _scaled(
    initializer: keras.Initializer, shape: tuple[int, ...], generator: np.random.Generator
) -> Any:
    kind = initializer.distribution
    return draw_scaled(shape, generator, initializer.scale, initializer.mode, kind)


def _kinds() -> dict[type, Callable[[Any, tuple[int, ...], np.random.Generator], Any]]:
    from keras import initializers as keras

    return {
        keras.VarianceScaling: _scaled,
        keras.RandomNormal: lambda i, shape, g: g.normal(i.mean, i.stddev, shape),
        keras.TruncatedNormal: _truncated,
        keras.RandomUniform: lambda i, shape, g: g.uniform(i.minval, i.maxval, shape),
        keras.Orthogonal: lambda i, shape, g: i.gain * orthogonal(shape, g),
        keras.Zeros: lambda i, shape, g: np.zeros(shape),
        keras.Ones: lambda i, shape, g: np.ones(shape),
        keras.Constant: lambda i, shape, g: np.broadcast_to(np.asarray(i.value), shape),
    }


def _on_host(original: Any, drawn: Callable[..., Any], thread: int) -> Any:
    def call(self: Any, shape: Sequence[int], dtype: DTypeLike = None, **options: Any) -> Any:
        seed = getattr(self, "seed", 0)
        if threading.get_ident() != thread or not isinstance(seed, int):
            return original(self, shape, dtype=dtype, **options)
        import keras

        kind = jnp.dtype(dtype or keras.config.floatx())
        values = drawn(self, tuple(shape), np.random.default_rng(seed % 2**64))
        return on_device(np.array(values, kind))

    return call


@contextmanager
def host_initializers(seed: int) -> Iterator[None]:
    """Inside the block, this thread's Keras models draw their initial weights by NumPy.

    Parameters
    ----------
    seed : int
        Seeds Python's and NumPy's global random numbers for the length of the block: what a build
        function draws without a seed of its own depends on it alone.

    Examples
    --------
    >>> import keras
    >>> with host_initializers(seed=0):
    ...     kernel = keras.layers.Dense(3)
    ...     kernel.build((None, 4))
    >>> kernel.get_weights()[0].shape
    (4, 3)
    """
    kinds = _kinds()
    with _LOCK:
        states = random.getstate(), np.random.get_state()
        originals = {kind: kind.__call__ for kind in kinds}
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            for kind, drawn in kinds.items():
                kind.__call__ = _on_host(originals[kind], drawn, threading.get_ident())  # type: ignore[method-assign]
            yield
        finally:
            for kind, original in originals.items():
                kind.__call__ = original  # type: ignore[method-assign]
            random.setstate(states[0])
            np.random.set_state(states[1])
