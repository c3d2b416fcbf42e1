"""Lifted programs as bytes that another process with the same JAX can read.

A program names JAX's primitives. Another process knows them by the same names, but by no copies:
what lowers and batches a primitive belongs to the object itself. So a primitive travels as the
module and the name that it is found under, as functions and classes do.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import cloudpickle
from jax.extend import core

_CALLBACK = "callback"


@cache
def _home(primitive: core.Primitive) -> tuple[str, str]:
    """Module and name that a primitive is found under.

    Raises
    ------
    pickle.PicklingError
        If it calls back into this process, or is nowhere to be found.
    """
    if _CALLBACK in primitive.name:
        raise pickle.PicklingError(f"{primitive.name} calls into this process")
    for module, content in sorted(sys.modules.items()):
        for name, value in list(getattr(content, "__dict__", {}).items()):
            if value is primitive and module.partition(".")[0] == "jax":
                return module, name
    raise pickle.PicklingError(f"{primitive.name} is no primitive of JAX's own")


def _found(module: str, name: str) -> core.Primitive:
    """The primitive of this process."""
    primitive: core.Primitive = getattr(import_module(module), name)
    return primitive


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """A pickler that writes where primitives are found."""

    def reducer_override(self, value: object) -> Any:
        """How a primitive is pickled. Those with equations inside (recurrent layers) are refused:
        JAX interns parts of them, so that their copies would differ from the originals.
        """
        if isinstance(value, core.Primitive):
            return _found, _home(value)
        if isinstance(value, core.Jaxpr | core.ClosedJaxpr):
            raise pickle.PicklingError("JAX cannot pickle a loop or a branch of it")
        return super().reducer_override(value)


def as_bytes(value: object) -> bytes:
    """A value that may hold primitives, as bytes.

    Raises
    ------
    Exception
        Any, if something in it cannot be pickled.
    """
    file = io.BytesIO()
    _Pickler(file, protocol=5).dump(value)
    return file.getvalue()


def restored(build: Callable[..., Any], data: bytes) -> Any:
    """Call a function with the values that `as_bytes` has pickled, and return its result."""
    return build(*pickle.loads(data))
