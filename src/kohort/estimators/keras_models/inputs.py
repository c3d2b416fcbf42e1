"""Tables, arrays and targets in the form that a Keras model takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from kohort.arrays import DTypeLike, Estimator, HostArray, Integers, LossLike, TableLike
from kohort.deferred import jax
from kohort.engine.rows import LazyRows
from kohort.errors import DataError, ModelError
from kohort.estimators.text_in_tables import refuse_text
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.keras_private import function_options, outputs_of_call
from kohort.networks.lifted.names import snake_case
from kohort.recipe.losses import ALIASES, LOSSES

if TYPE_CHECKING:
    import keras

Arrays = list[Any]
"""NumPy arrays, or one `LazyRows`."""

# Losses that compare a distribution over the classes with another.
_ONE_HOT = frozenset(
    "categorical_crossentropy categorical_focal_crossentropy categorical_hinge kl_divergence "
    "kullback_leibler_divergence".split()
)

# Losses that take classes as numbers. Keras's others compare an output with a target unit by unit.
_OF_CODES = ("sparse_categorical_crossentropy", "circle")


@dataclass(frozen=True)
class Inputs:
    """The form of X at `fit`: arrays whose first axis is the row, and their keys, if any."""

    arrays: Arrays
    names: tuple[str, ...] | None
    table: bool

    @property
    def structured(self) -> Any:
        """The arrays as a model takes them: one, a list or a dict."""
        if self.names is not None:
            return dict(zip(self.names, self.arrays, strict=True))
        return self.arrays[0] if len(self.arrays) == 1 else list(self.arrays)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.arrays[0])


def inputs_of(estimator: Estimator, X: TableLike, reset: bool) -> Inputs:
    """Check X: a table, an array of more axes, or a dict or tuple of arrays.

    `reset` says whether the estimator learns the form of X, or X must have the form of before.
    """
    if isinstance(X, LazyRows):
        if reset:
            estimator._given_form = None  # The form is checked as files are read.
        return Inputs([X], None, False)
    inputs = _checked(estimator, X, reset)
    shapes = [array.shape[1:] for array in inputs.arrays]
    if reset:
        estimator._given_form = inputs.names, shapes
    if estimator._given_form is None:
        return inputs
    known = estimator._given_form[1]
    if [len(shape) for shape in shapes] != [len(shape) for shape in known] or (
        len(shapes[0]) > 1 and shapes != known
    ):
        raise DataError(
            f"X must have rows of shape {_shown(known)}, as in fit; got {_shown(shapes)} (X has "
            f"{inputs.arrays[0].ndim} dimensions). Reshape X, or fit anew."
        )
    return inputs


def _checked(estimator: Estimator, X: TableLike, reset: bool) -> Inputs:
    keyed = isinstance(X, dict) and not issparse(X)
    names = None if reset or estimator._given_form is None else estimator._given_form[0]
    if keyed and names is not None:
        if set(X) != set(names):
            raise DataError(
                f"X must have the keys {sorted(names)}, as in fit; got {sorted(X)}. Rename, add or "
                "remove keys."
            )
        X = {name: X[name] for name in names}
    names = tuple(X) if keyed else None
    parts = list(X.values()) if keyed else X
    several = keyed or isinstance(parts, tuple) or (
        isinstance(parts, list) and len(parts) > 0 and all(np.ndim(p) > 1 for p in parts[:8])
        and all(isinstance(p, np.ndarray) for p in parts)
    )  # fmt: skip
    if not several:
        kinds = [np.float64, np.float32, *getattr(estimator, "_kept_dtypes", ())]
        try:
            table = validate_data(estimator, X, dtype=kinds, reset=reset, allow_nd=True)
        except (ValueError, TypeError) as error:
            refuse_text(X, error)
            raise
        return Inputs([table], None, table.ndim == 2)
    arrays = [
        check_array(part, dtype=None, ensure_2d=False, allow_nd=True, input_name="X")
        for part in parts
    ]
    check_consistent_length(*arrays)
    arrays = [array[:, None] if array.ndim == 1 else array for array in arrays]
    features = sum(math.prod(array.shape[1:]) for array in arrays)
    if reset:
        estimator.n_features_in_ = features
    elif features != estimator.n_features_in_:
        raise ValueError(
            f"X has {features} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input."
        )
    return Inputs(arrays, names, False)


def input_columns(model: keras.Model, inputs: Inputs) -> Columns:
    """How flat rows hold the model's inputs.

    A table is dealt to several inputs in their order, and reshaped to an input of more axes.

    Raises
    ------
    ModelError
        If the model takes other shapes.
    """
    shapes = [array.shape[1:] for array in inputs.arrays]
    declared = _declared(model, inputs.names)
    if declared is None:
        kinds = ["float32" if a.dtype.kind == "f" else str(a.dtype) for a in inputs.arrays]
        return Columns(tuple(shapes), tuple(kinds), inputs.names)
    wanted = [shape for shape, _ in declared]
    if len(shapes) == len(wanted):
        filled = [
            tuple(s if w is None and len(shape) == len(want) else w
                  for s, w in zip((*shape, *[None] * len(want)), want, strict=False))
            for shape, want in zip(shapes, wanted, strict=True)
        ]  # fmt: skip
    else:
        filled = wanted
    total = sum(math.prod(shape) for shape in shapes)
    known = all(None not in shape for shape in filled)
    if not known or sum(math.prod(shape) for shape in filled) != total:
        raise ModelError(
            f"The model {model.name!r} takes rows of shape {_shown(wanted)}, but a row of X has "
            f"the shape {_shown(shapes)}. Build the model for {_shown(shapes)}, for example by "
            "`keras.Input((n_features_in_,))` with `n_features_in_` as a parameter of the build "
            "function, which kohort fills in."
        )
    return Columns(tuple(filled), tuple(kind for _, kind in declared), inputs.names)


def _shown(shapes: Sequence[Any]) -> str:
    return str(shapes[0]) if len(shapes) == 1 else str([tuple(shape) for shape in shapes])


def _declared(model: keras.Model, names: tuple[str, ...] | None) -> list[tuple[Any, str]] | None:
    """Shape and type of each declared input of a model; None if it declares none."""
    tensors = getattr(model, "inputs", None) if model.built else None
    if not tensors:
        return None
    if names is not None:
        by_name = {tensor.name: tensor for tensor in tensors}
        if set(by_name) != set(names):
            raise ModelError(
                f"X must be a dict with the names of the model's inputs, {sorted(by_name)}; got "
                f"{sorted(names)}. Rename the keys, or the inputs with `keras.Input(name=...)`."
            )
        tensors = [by_name[name] for name in names]
    return [(tuple(tensor.shape[1:]), str(tensor.dtype)) for tensor in tensors]


def loss_name(loss: LossLike) -> str:
    """Keras's name of a loss, whatever form it is given in; of a subclass that of Keras's class."""
    import keras

    if isinstance(loss, str):
        return {"cce": "categorical_crossentropy", "kld": "kl_divergence"}.get(
            loss, snake_case(loss) if loss[:1].isupper() else loss
        )
    if isinstance(loss, keras.losses.Loss):
        keras_s = (kind for kind in type(loss).__mro__ if kind.__module__.startswith("keras."))
        return snake_case(next(keras_s).__name__)
    return str(getattr(plain_function(loss), "__name__", ""))


def known_loss(loss: LossLike) -> str:
    """Kohort's own name of a loss of Keras; "" of one that kohort lacks or that is the user's."""
    if isinstance(loss, str):
        name = loss
    elif str(getattr(loss, "__module__", "")).startswith("keras."):
        name = getattr(loss, "__name__", type(loss).__name__)
    else:
        return ""
    name = ALIASES.get(snake_case(name), snake_case(name))
    return name if name in LOSSES else ""


def is_own_loss(loss: LossLike) -> bool:
    """Whether a loss is the user's own from the ground up."""
    import keras

    if isinstance(loss, keras.losses.Loss):
        return loss_name(loss) == "loss"
    module = str(getattr(plain_function(loss), "__module__", ""))
    return callable(loss) and not module.startswith("keras.")


def plain_function(loss: LossLike) -> Any:
    """The function that a `functools.partial` holds on to; anything else as it is."""
    return plain_function(loss.func) if isinstance(loss, partial) else loss


def losses_of(model: keras.Model, outputs: int) -> list[Any]:
    """The loss of each output of a compiled model."""
    loss = model.loss
    if isinstance(loss, dict):
        return [loss.get(name) for name in model.output_names]
    return list(loss) if isinstance(loss, list | tuple) else [loss] * outputs


def takes_one_hot(loss: keras.Loss) -> bool:
    """Whether a loss, or the only one of a list or dict, compares distributions over classes."""
    losses = jax.tree.leaves(loss)
    return len(losses) == 1 and loss_name(losses[0]) in _ONE_HOT


def tells_classes_apart(loss: LossLike) -> bool:
    """Whether a loss compares distributions over classes, or takes classes as numbers."""
    return loss_name(loss) in (*_ONE_HOT, *_OF_CODES)


def takes_logits(loss: LossLike) -> bool:
    """Whether a loss expects outputs that are no probabilities yet."""
    given = {**function_options(loss), **(getattr(loss, "keywords", None) or {})}
    return bool(getattr(loss, "from_logits", False) or given.get("from_logits", False))


def output_names(model: keras.Model) -> tuple[str, ...] | None:
    """Keys of a model's outputs, in their order, if they are a dict."""
    found = outputs_of_call(model)
    return tuple(sorted(found)) if isinstance(found, dict) else None


def class_columns(
    losses: Sequence[Any],
    outputs: Sequence[tuple[int, ...]],
    counts: Sequence[int],
    indicator: bool,
    names: tuple[str, ...] | None,
) -> tuple[Columns, list[bool]]:
    """How flat rows hold class codes for each output, and which outputs take one-hot rows.

    Parameters
    ----------
    losses : sequence
        The loss of each output.
    outputs : sequence of tuples
        Shape of a row of each output.
    counts : sequence of int
        Number of classes of each target column.
    indicator : bool
        Whether the targets are indicators of several labels.
    names : tuple of str or None
        Keys of the outputs.

    Raises
    ------
    ModelError
        If an output has not as many units as there are classes.
    """
    if indicator:
        _check_outputs(outputs, [(len(counts),)])
        return Columns(((len(counts),),), ("float32",), names), [False] * len(counts)
    if len(outputs) != len(counts):
        raise ModelError(
            f"y has {len(counts)} target(s), but the model has {len(outputs)} output(s). Give the "
            "model one output per target."
        )
    shapes, kinds, encoded = [], [], []
    for output, count, one in zip(outputs, counts, losses, strict=True):
        units = output[-1] if output else 1
        name = loss_name(one)
        hot = name in _ONE_HOT or (
            units == count > 1 and name not in _OF_CODES and not is_own_loss(one)
        )
        single = units == 1 and not hot
        if units != count and not (single and count <= 2):
            wanted = f"{count} units" + (" or 1" if count == 2 else "")
            raise ModelError(
                f"y has {count} classes, so the model's last layer must have {wanted}; it has "
                f"{units}. Let the build function take `n_classes_`, which kohort fills in. If y "
                f"lacks classes that the model knows, number all from 0 to {units - 1} and train "
                "with a crossentropy of classes."
            )
        encoded.append(hot)
        shapes.append((count,) if hot else (1,))
        kinds.append("float32" if hot or single else "int32")
    return Columns(tuple(shapes), tuple(kinds), names), encoded


def value_columns(
    outputs: Sequence[tuple[int, ...]], targets: int, names: tuple[str, ...] | None
) -> Columns:
    """How flat rows hold real targets: one output, or the columns dealt to several in order."""
    widths = [math.prod(output) for output in outputs]
    if sum(widths) != targets:
        raise ModelError(
            f"y has {targets} target(s), but the model gives {sum(widths)} value(s) a row. Let the "
            "build function take `n_outputs_`, which kohort fills in, for the last layer's units."
        )
    return Columns(tuple(outputs), ("float32",) * len(outputs), names)


def _check_outputs(outputs: Sequence[tuple[int, ...]], wanted: Sequence[tuple[int, ...]]) -> None:
    if list(outputs) != list(wanted):
        raise ModelError(
            f"The model's output must have the shape {_shown(wanted)} a row; it has "
            f"{_shown(outputs)}. Change the units of its last layer."
        )


def flat(columns: Columns, arrays: Arrays, dtype: DTypeLike) -> NDArray[Any] | LazyRows:
    """Arrays as one matrix of floats; pixels as they are, bytes or still in files.

    Raises
    ------
    DataError
        If a float cannot hold a number exactly that the model takes as a whole one, or at all.
    """
    first = arrays[0]
    if isinstance(first, LazyRows):
        return first
    if len(arrays) == 1 and first.dtype == np.uint8 and columns.dtypes[0].startswith("float"):
        return np.ascontiguousarray(first.reshape(len(first), -1))
    most = 2 ** (np.finfo(dtype).nmant + 1)
    for array, kind in zip(arrays, columns.dtypes, strict=False):
        whole = len(arrays) == len(columns.dtypes) and not kind.startswith("float")
        if whole and array.size and np.abs(array.astype(np.float64)).max() > most:
            raise DataError(
                f"A whole number in X must be at most {most} for {np.dtype(dtype).name} rows; got "
                f"{np.abs(array.astype(np.float64)).max():.0f}. Number the categories from 0."
            )
    return floats(columns.join(arrays, dtype))


def floats(array: NDArray[Any]) -> NDArray[Any]:
    """The array, unless a number in it overflows Keras's float type.

    Raises
    ------
    DataError
    """
    import keras

    kind = np.dtype(keras.config.floatx())
    with np.errstate(over="ignore"):
        result = np.asarray(array, kind)
    if not np.isfinite(result).all():
        worst = np.abs(np.asarray(array, np.float64)).max()
        raise DataError(f"A value is too large for {kind.name}: {worst:.3g}. Rescale the column.")
    return result


def positions_of(labels: HostArray, classes: HostArray) -> Integers:
    """The position of each label among the sorted classes.

    Raises
    ------
    DataError
        If a label is no class.
    """
    positions = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    if not np.array_equal(classes[positions], labels):
        unknown = sorted(set(labels.tolist()) - set(classes.tolist()), key=str)
        raise DataError(
            f"y holds labels that were not there at the first fit: {unknown[:5]}. Give all "
            "of them as `classes` at the first call of `partial_fit`."
        )
    return positions
