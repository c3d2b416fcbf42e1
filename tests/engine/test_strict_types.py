"""No program leans on implicit promotion of types, in either precision."""

import contextlib

import jax
import pytest

from kohort.engine.evaluate import evaluation_function, prediction_function, sampling_function
from kohort.engine.probe import probe_function
from kohort.engine.structure import Structure
from kohort.engine.train import Chunk, StatePacking, training_function
from kohort.networks.own.dense import DenseNetwork
from kohort.networks.own.network import OwnNetwork
from kohort.recipe.activations import ACTIVATIONS
from kohort.recipe.losses import LINKS, LOSSES
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.pace import PACE
from kohort.recipe.recipe import NUMBERS

_SLOTS, _STEPS, _BATCH, _FEATURES, _ROWS = 2, 4, 8, 3, 64


def _programs(structure):
    """Each program with the shapes of its arguments."""

    def shape(*lengths, dtype=structure.dtype):
        return jax.ShapeDtypeStruct(lengths, dtype)

    network, state = structure.network, StatePacking(structure).size
    params, units = shape(_SLOTS, network.layout.size), shape(_SLOTS, network.hidden, dtype="int32")
    numbers, scalar = shape(_SLOTS, len(NUMBERS)), shape(dtype="int32")
    chunk = Chunk(
        x=shape(_SLOTS, _STEPS, _BATCH, _FEATURES),
        y=shape(_SLOTS, _STEPS, _BATCH, 1),
        weight=shape(_SLOTS, _STEPS, _BATCH),
        rows=shape(_SLOTS, _STEPS, dtype="int32"),
        pace=shape(_SLOTS, _STEPS, len(PACE)),
        numbers=numbers,
        units=units,
        seed=shape(_SLOTS, dtype="uint32"),
        first=shape(_SLOTS, dtype="int32"),
        steps=scalar,
    )
    batches = tuple(shape(_SLOTS, *leaf.shape[2:], dtype=leaf.dtype) for leaf in chunk[:5])
    batches += (numbers, units, chunk.seed, chunk.first)
    table = (shape(_ROWS, _FEATURES), shape(_ROWS, 1), shape(_ROWS))
    slots = shape(_SLOTS, dtype="int32")
    return {
        "train": (training_function(structure), params, shape(_SLOTS, state), chunk),
        "probe": (probe_function(structure), params, shape(_SLOTS, state), batches),
        "evaluate": (
            evaluation_function(structure, _ROWS), params, slots, scalar, table, scalar, numbers,
            units,
        ),
        "predict": (
            prediction_function(network.predictor, _ROWS), shape(network.layout.size), table[0],
            scalar, shape(len(NUMBERS)), shape(network.hidden, dtype="int32"),
        ),
        "sample": (
            sampling_function(network.sampler, _ROWS, 3),
            shape(network.layout.size), table[0], scalar, shape(len(NUMBERS)),
            shape(network.hidden, dtype="int32"), shape(dtype="uint32"), scalar,
        ),
    }  # fmt: skip


_EVERYTHING = frozenset(
    "dropout input_dropout alpha_dropout gaussian_noise l1 l2 max_norm weight_decay clipvalue "
    "clipnorm global_clipnorm label_smoothing amsgrad centered momentum averaging freezing".split()
)
_CHOICES = {
    "loss": LOSSES,
    "family": sorted({optimizer.family for optimizer in OPTIMIZERS.values()}),
    "activation": ACTIVATIONS,
    "batch_norm": (None, "before", "after", None),
    "layer_norm": (None, None, None, "after"),
}
# Each choice of each kind once or more: what is traced together need not be traced alone.
_CASES = [
    {kind: list(choices)[number % len(choices)] for kind, choices in _CHOICES.items()}
    for number in range(max(map(len, _CHOICES.values())))
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", _CASES, ids=lambda case: "-".join(filter(None, case.values())))
def test_programs_are_traced_under_strict_promotion(case, dtype, double_precision):
    loss, family, *shaped = case.values()
    outputs = 4 if LINKS[loss] == "softmax" else 1
    shape = DenseNetwork(_FEATURES, outputs, (16, 16), *shaped)
    network = OwnNetwork(shape, loss, family, _EVERYTHING)
    structure = Structure(network, 1, _BATCH, dtype, dtype)
    precision = double_precision() if dtype == "float64" else contextlib.nullcontext()
    with precision, jax.numpy_dtype_promotion("strict"):
        for function, *arguments in _programs(structure).values():
            results = jax.tree.leaves(jax.eval_shape(function, *arguments))
            assert {str(result.dtype) for result in results} == {dtype}
