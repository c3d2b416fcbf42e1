"""Keras's own training step with its numbers lifted out, for eight members at once.

Two models: 3x50 ReLU with SGD, and wide and deep with batch norm, dropout and L2, with Adam; batch
32, 8 inputs. Measured: seconds to build a model, to trace and lift its step, to compile it, and
microseconds a step and member, beside Keras's `fit` on one model with the same steps. The members
differ in rates, so that Keras compiles each and the lifted step is compiled once.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks import side

BATCH, STEPS, MEMBERS, ROUNDS, FEATURES = 32, 64, 8, 20, 8
_generator = np.random.default_rng(0)
X = _generator.normal(size=(STEPS * BATCH, FEATURES)).astype(np.float32)
Y = X[:, :1] * 0.5


def deep(rate: float) -> Any:
    import keras

    hidden = [keras.layers.Dense(50, "relu", kernel_initializer="he_normal") for _ in range(3)]
    model = keras.Sequential([keras.Input((FEATURES,)), *hidden, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate / 100), "mse")
    return model


def wide(rate: float) -> Any:
    import keras

    layers = keras.layers
    inputs = keras.Input((FEATURES,))
    x = layers.Dense(30, "relu", kernel_regularizer=keras.regularizers.L2(rate / 100))(inputs)
    x = layers.Dropout(rate)(layers.BatchNormalization()(x))
    x = layers.Concatenate()([inputs, layers.Dense(30, "selu")(x)])
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile("adam", "huber")
    return model


KINDS = {"3x50": deep, "wide and deep": wide}


def lifted_side(kind: str) -> dict[str, Any]:
    import jax
    import jax.numpy as jnp

    from kohort.networks.lifted.lifting import lift

    built, traced, programs, digests = [], [], [], set()
    for rate in np.linspace(0.1, 0.6, MEMBERS):
        start = time.perf_counter()
        model = KINDS[kind](float(rate))
        model._symbolic_build(data_batch=(X[:BATCH], Y[:BATCH]))
        built.append(time.perf_counter() - start)
        variables = [
            [jnp.asarray(variable.value) for variable in part]
            for part in (
                model.trainable_variables,
                model.non_trainable_variables,
                model.optimizer.variables,
            )
        ]
        start = time.perf_counter()
        program, numbers, arrays = lift(_step(model), *variables, X[:BATCH], Y[:BATCH])
        traced.append(time.perf_counter() - start)
        digests.add(program.digest)
        programs.append((jnp.asarray(numbers), [jnp.asarray(a) for a in arrays], variables))
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *programs)
    batches = X.reshape(STEPS, BATCH, -1), Y.reshape(STEPS, BATCH, -1)
    seconds, compiling = _timed(program, stacked, batches)
    return {
        "seconds": seconds,
        "programs": len(digests),
        "build_ms": 1e3 * float(np.median(built)),
        "lift_ms": 1e3 * float(np.median(traced)),
        "compile_s": compiling,
        "us_per_step_and_member": seconds / (ROUNDS * STEPS * MEMBERS) * 1e6,
    }


def _step(model: Any) -> Any:
    """Keras's training step as a pure function."""
    import jax

    metrics = [variable.value for variable in model.metrics_variables]

    def step(trained: Any, other: Any, state: Any, x: Any, y: Any) -> Any:
        gradient = jax.value_and_grad(model.compute_loss_and_updates, has_aux=True)
        (_, (loss, _, other, _)), grads = gradient(
            trained, other, metrics, x, y, None, training=True, optimizer_variables=state
        )
        trained, state = model.optimizer.stateless_apply(state, grads, trained)
        return trained, other, state, loss

    return step


def _timed(program: Any, stacked: Any, batches: Any) -> tuple[float, float]:
    """Seconds of all rounds, and of compiling the loop over steps."""
    import jax
    import jax.numpy as jnp

    from kohort.engine.programs import compilations, compiled

    one = jax.vmap(program, in_axes=(0, 0, 0, 0, 0, None, None))
    x, y = (jnp.asarray(part) for part in batches)

    def chunk(numbers: Any, arrays: Any, variables: Any) -> Any:
        def body(step: Any, carry: Any) -> Any:
            trained, other, state, _ = carry
            return one(numbers, arrays, trained, other, state, x[step], y[step])

        return jax.lax.fori_loop(0, STEPS, body, (*variables, jnp.zeros(MEMBERS)))

    with compilations() as log:
        loop = compiled("train", chunk, stacked)
    numbers, arrays, variables = stacked
    jax.block_until_ready(loop(numbers, arrays, variables))
    start = time.perf_counter()
    for _ in range(ROUNDS):
        variables = list(loop(numbers, arrays, variables)[:3])
    jax.block_until_ready(variables)
    return time.perf_counter() - start, log[0].seconds


def keras_side(kind: str) -> dict[str, Any]:
    model = KINDS[kind](0.3)
    start = time.perf_counter()
    model.fit(X, Y, batch_size=BATCH, epochs=1, verbose=0)
    first = time.perf_counter() - start
    start = time.perf_counter()
    model.fit(X, Y, batch_size=BATCH, epochs=ROUNDS, verbose=0)
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "first_epoch_s": first,
        "us_per_step_and_member": seconds / (ROUNDS * STEPS) * 1e6,
    }


def compare() -> dict[str, Any]:
    """Both sides of both models."""
    sides = {
        f"{kind}, {name}": side.run("benchmarks.lifting", f"{name}:{kind}")
        for kind in KINDS
        for name in ("lifted", "keras")
    }
    return {"title": "Keras's training step, lifted and for 8 members at once", "sides": sides}


if __name__ == "__main__":
    part, _, kind = sys.argv[1].partition(":")
    print(json.dumps({"lifted": lifted_side, "keras": keras_side}[part](kind)))
