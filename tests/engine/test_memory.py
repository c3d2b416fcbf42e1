"""Bytes of a program are known before it runs."""

import subprocess
import sys

import jax
import numpy as np
import pytest

from kohort.engine.memory import available_memory, fitting_slots, footprint, free_on
from kohort.engine.plan import slots_of, structure_of
from kohort.engine.train import empty_chunk

_PROBE = """
import gc, sys
import numpy as np, jax
import kohort
from kohort.engine.fit import Fit
from kohort.engine.member import Member, Rows
from kohort.engine.memory import footprint
from kohort.engine.plan import slots_of, structure_of
from kohort.engine.population import Runner
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe

def status(name):
    with open("/proc/self/status") as file:
        return next(int(l.split()[1]) * 1024 for l in file if l.startswith(name))

depth, width, batch, slots, features = map(int, sys.argv[1:])
recipe = Recipe.of(
    loss="mse", depth=depth, width=width, batch_size=batch, epochs=1, early_stopping=False
)
x = np.random.default_rng(0).random((4 * batch, features), np.float32)
fields, rows = fields_of(recipe, features, 1), Rows(x, x[:, :1].copy())
members = [Member(**fields, rows=rows, seed=seed) for seed in range(slots)]
structure, device = structure_of(members[0]), jax.local_devices()[0]
predicted = footprint(structure, slots, device).total
gc.collect()
open("/proc/self/clear_refs", "w").write("5")
before, waiting = status("VmRSS"), [Fit(member) for member in members]
Runner(structure, slots, device, lambda: waiting.pop() if waiting else None, lambda fit: None).run()
print(predicted, status("VmHWM") - before)
"""


@pytest.mark.rest
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("shape", [(3, 512, 1024, 8, 784), (2, 256, 4096, 4, 100)])
def test_prediction_is_what_the_process_grows_by(shape):
    out = subprocess.run(
        [sys.executable, "-c", _PROBE, *map(str, shape)],
        capture_output=True, text=True, check=True, env=_environment(),
    )  # fmt: skip
    predicted, real = map(int, out.stdout.split())
    assert predicted == pytest.approx(real, rel=0.1)


def _environment():
    import os

    # Freed memory goes back at once, so that the process's size is what it uses.
    return {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "KOHORT_CACHE": "off"}


def test_bytes_grow_with_the_batch_and_the_members(member):
    device = jax.local_devices()[0]
    sizes = [
        footprint(structure_of(member(batch_size=batch)), slots, device).total
        for batch, slots in ((32, 1), (128, 1), (128, 2))
    ]
    assert sizes == sorted(set(sizes))


def test_what_a_member_holds_is_counted(member):
    one = member(batch_size=16)
    structure = structure_of(one)
    bytes_ = footprint(structure, 1, jax.local_devices()[0], streamed=True)
    chunk = sum(array.nbytes for array in empty_chunk(structure, 1))
    adam = 3 * structure.network.layout.size * np.dtype(structure.dtype).itemsize
    assert bytes_.arguments >= adam + chunk - 64
    assert bytes_.total == sum(bytes_)


@pytest.mark.parametrize("compiler", ["kernels"], indirect=True)
def test_kernels_hold_no_copy_of_rows_in_memory(compiler, member):
    structure, device = structure_of(member(batch_size=512)), jax.local_devices()[0]
    features = empty_chunk(structure, 1).x.nbytes
    files, memory = (footprint(structure, 1, device, streamed=s).arguments for s in (True, False))
    assert compiler.serves(structure, device)
    assert memory + features <= files


def test_a_device_says_what_it_has_free():
    class Card:
        platform = "gpu"

        def memory_stats(self):
            return {"bytes_limit": 1000, "bytes_in_use": 300}

    assert free_on(Card()) == 700
    assert free_on(jax.local_devices()[0]) == pytest.approx(available_memory(), rel=0.2)


def test_slots_are_halved_until_they_fit(member):
    structure, device = structure_of(member(batch_size=16)), jax.local_devices()[0]
    two = footprint(structure, 2, device).total
    assert fitting_slots(structure, 8, device, np.inf) == 8
    assert fitting_slots(structure, 8, device, two) == 2
    assert fitting_slots(structure, 8, device, two - 1) == 1
    assert fitting_slots(structure, 1024, device, 1000) == 1


def test_an_accelerator_takes_as_many_members_as_there_are(member):
    structure = structure_of(member())
    assert [slots_of(structure, waiting, "gpu") for waiting in (1, 30, 5000)] == [1, 32, 1024]
