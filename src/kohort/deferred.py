"""Large modules that are imported when something of them is first used.

`from kohort.deferred import jax, jnp` costs nothing; `jnp.zeros` imports JAX. So a search of dense
networks on a CPU, which needs neither JAX nor Keras, does not wait for them. A type checker sees
the modules themselves.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kohort.runtime import imported

__all__ = ["jax", "jnp", "keras", "optax", "pd"]


_one_at_a_time = threading.RLock()


class _Deferred:
    """Stands for a module: an attribute is that of the module, which is imported then."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute == "_name":  # Of a copy that has nothing yet.
            raise AttributeError(attribute)
        module = imported(self._name)
        if module is None:
            with _one_at_a_time:  # Threads that import parts of a package wait for each other.
                module = import_module(self._name)
        return getattr(module, attribute)

    def __repr__(self) -> str:
        return f"<module {self._name!r}, imported when it is used>"


if TYPE_CHECKING:
    import jax
    import jax.numpy as jnp
    import keras
    import optax
    import pandas as pd
else:
    jax, jnp = _Deferred("jax"), _Deferred("jax.numpy")
    keras, optax, pd = _Deferred("keras"), _Deferred("optax"), _Deferred("pandas")
