"""No program leans on implicit promotion of types, in either precision."""

import contextlib

import jax
import pytest

from kohort.engine.evaluate import evaluation_function, prediction_function
from kohort.engine.structure import Structure
from kohort.engine.train import Chunk, packing_of, training_function
from kohort.networks.dense import DenseNetwork
from kohort.recipe.losses import LOSSES
from kohort.recipe.recipe import NUMBERS

_SLOTS, _STEPS, _BATCH, _FEATURES, _ROWS = 2, 4, 8, 3, 64


def _programs(structure):
    """Each program with the shapes of its arguments."""

    def shape(*lengths, dtype=structure.dtype):
        return jax.ShapeDtypeStruct(lengths, dtype)

    network, state = structure.network, packing_of(structure).size
    params, units = shape(_SLOTS, network.layout.size), shape(_SLOTS, network.hidden, dtype="int32")
    numbers, scalar = shape(_SLOTS, len(NUMBERS)), shape(dtype="int32")
    chunk = Chunk(
        x=shape(_SLOTS, _STEPS, _BATCH, _FEATURES),
        y=shape(_SLOTS, _STEPS, _BATCH, 1),
        weight=shape(_SLOTS, _STEPS, _BATCH),
        rate=shape(_SLOTS, _STEPS),
        numbers=numbers,
        units=units,
        seed=shape(_SLOTS, dtype="uint32"),
        first=shape(_SLOTS, dtype="int32"),
        steps=scalar,
    )
    table = (shape(_ROWS, _FEATURES), shape(_ROWS, 1), shape(_ROWS))
    slots = shape(_SLOTS, dtype="int32")
    return {
        "train": (training_function(structure), params, shape(_SLOTS, state), chunk),
        "evaluate": (
            evaluation_function(structure, _ROWS), params, slots, scalar, table, scalar, numbers,
            units,
        ),
        "predict": (
            prediction_function(network, _ROWS), shape(network.layout.size), table[0], scalar,
            shape(network.hidden, dtype="int32"),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["train", "evaluate", "predict"])
@pytest.mark.parametrize(
    ("loss", "family"), [*((loss, "adam") for loss in LOSSES), ("mse", "momentum"), ("mse", "sgd")]
)
def test_programs_are_traced_under_strict_promotion(loss, family, kind, dtype, double_precision):
    outputs = 4 if loss == "sparse_categorical_crossentropy" else 1
    network = DenseNetwork.of(_FEATURES, outputs, [8, 8], "relu")
    uses = frozenset({"dropout", "l2", "weight_decay"})
    structure = Structure(network, loss, family, 1, _BATCH, dtype, uses)
    precision = double_precision() if dtype == "float64" else contextlib.nullcontext()
    with precision, jax.numpy_dtype_promotion("strict"):
        function, *arguments = _programs(structure)[kind]
        results = jax.tree.leaves(jax.eval_shape(function, *arguments))
    assert {str(result.dtype) for result in results} == {dtype}
