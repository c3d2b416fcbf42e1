"""The population loop asks its compiler alone: a fake in NumPy trains, judges and is counted."""

from collections import Counter
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from kohort.engine.batches import HostBatches
from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.executors.base import train_with
from kohort.engine.executors.inline import InlineExecutor
from kohort.engine.executors.local import LocalExecutor
from kohort.engine.plan import structure_of
from kohort.engine.programs import compilations, compiler_options


class FakeCompiler:
    """Adds 1 to every parameter at each step; a loss is what the parameters' first one was."""

    in_turn = False

    def __init__(self):
        self.asked = Counter()

    def serving(self, structure, device):
        return self

    def feed(self, structure, slots, device, resident):
        return HostBatches(structure, slots, device, self, resident)

    def numerics(self, device):
        return "numpy"

    def put(self, array, device):
        return np.array(array)

    def packing(self, structure):
        return SimpleNamespace(size=0, averaged=0, initial=np.zeros(0, structure.dtype))

    def has_train(self, structure, slots, device):
        return True

    def train(self, structure, slots, device):
        self.asked["train"] += 1

        def advance(params, state, chunk):
            steps = int(chunk.steps)
            losses = np.zeros(chunk.pace.shape[:2], params.dtype)
            losses[:, :steps] = params[:, :1] + np.arange(steps)
            return params + steps, state, losses, np.zeros((slots, 0))

        return advance

    def judge(self, structure, slots, device, rows):
        self.asked["judge"] += 1

        def judged(params, ids, count, table, real, numbers, units):
            return np.repeat(params[:, :1], len(structure.network.logs), axis=1)

        return judged


@pytest.fixture(params=[InlineExecutor, LocalExecutor])
def executor(request):
    compiler = FakeCompiler()
    options = {"threads": 1} if request.param is LocalExecutor else {}
    return request.param(**options, compiler=compiler), compiler


def test_members_train_with_the_compiler_that_their_executor_was_given(executor, member, table):
    executor, compiler = executor
    members = [member(seed=seed, epochs=3, validation=table(20)) for seed in range(3)]
    with compilations() as log:
        outcomes = train_with(executor, members)
    executor.join()
    assert log == []  # XLA was not asked.
    for one, outcome in zip(members, outcomes, strict=True):
        before = one.initial_variables()
        for ours, start in zip(outcome.weights, before, strict=True):
            np.testing.assert_allclose(ours, start + 15, rtol=1e-5)  # 3 epochs of 5 steps
        start = before[0].flat[0]
        judged = [start + 5, start + 10, start + 15]
        np.testing.assert_allclose(outcome.history["val_loss"], judged, rtol=1e-5)
    assert compiler.asked["train"] >= 1


def test_compilers_keep_programs_of_their_own(member):
    device = jax.local_devices()[0]
    structure = structure_of(member())
    first, second = XlaCompiler(), XlaCompiler()
    program = first.train(structure, 1, device)
    assert first.train(structure, 1, device) is program
    assert first.has_train(structure, 1, device)
    assert not second.has_train(structure, 1, device)


def test_a_level_of_llvm_that_the_environment_names_is_not_overruled(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    assert compiler_options() == {"xla_backend_optimization_level": 2}
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=3")
    assert compiler_options() == {}
