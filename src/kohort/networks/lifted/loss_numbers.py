"""Numbers of a Keras loss that its configuration leaves out.

Keras 3.15 writes a Huber loss down without its delta. Code that goes by the configuration
takes two losses of different delta for one, and copies, pickles and saves a loss of delta 1.
"""

from __future__ import annotations

import copyreg
from functools import cache
from typing import TYPE_CHECKING, Any

from kohort.networks.lifted.keras_private import function_options

if TYPE_CHECKING:
    import keras


def settings_of(thing: Any) -> dict[str, Any]:
    """Configuration of an object of Keras, with the numbers of a loss that Keras leaves out.

    Examples
    --------
    >>> import keras
    >>> settings_of(keras.losses.Huber(0.5))["delta"]
    0.5
    """
    import keras

    left_out = function_options(thing) if type(thing) is keras.losses.Huber else {}
    return {**left_out, **thing.get_config()}


@cache
def keep_huber_delta() -> None:
    """From now on, copies and pickles of Keras's Huber losses keep their delta."""
    import keras

    def parts(loss: keras.Loss) -> tuple[Any, ...]:
        return keras.losses.Huber, (
            function_options(loss)["delta"],
            loss.reduction,
            loss.name,
            loss.dtype,
        )

    copyreg.pickle(keras.losses.Huber, parts)
