"""A small ResNet on Fashion-MNIST, two learning rates, against Keras's `fit`; and what the order of
a convolution's axes costs inside a loop.

6,000 images to train on and 2,000 to validate on, 3 epochs, batch 32, Adam.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from sklearn.model_selection import PredefinedSplit

from benchmarks import side
from benchmarks.fashion_mnist import data, fetch

RATES, EPOCHS, TRAIN, VALIDATION = [0.001, 0.003], 3, 6000, 2000


def _images() -> tuple[np.ndarray, np.ndarray]:
    X, y = data()
    rows = TRAIN + VALIDATION
    return (X[:rows].reshape(-1, 28, 28, 1) * 255).astype(np.uint8), y[:rows]


def _estimator() -> Any:
    import kohort

    return kohort.ConvClassifier("resnet", depth=1, width=8, epochs=EPOCHS, random_state=0)


def kohort_side() -> dict[str, Any]:
    import kohort

    X, y = _images()
    split = PredefinedSplit(np.r_[np.full(TRAIN, -1), np.zeros(VALIDATION, int)])
    search = kohort.GridSearchCV(_estimator(), {"learning_rate": RATES}, cv=split, refit=False)
    start = time.perf_counter()
    search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    return {"seconds": time.perf_counter() - start, "best_accuracy": float(scores.max())}


def keras_side() -> dict[str, Any]:
    X, y = _images()
    start, best = time.perf_counter(), 0.0
    for rate in RATES:
        estimator = _estimator().set_params(learning_rate=rate)
        model = estimator.initialize(X[:64], y[:64]).model_
        model.compile(model.optimizer, model.loss, metrics=["accuracy"])
        x = X.astype(np.float32)
        model.fit(x[:TRAIN], y[:TRAIN], batch_size=32, epochs=EPOCHS, verbose=0)
        best = max(best, model.evaluate(x[TRAIN:], y[TRAIN:], verbose=0)[1])
    return {"seconds": time.perf_counter() - start, "best_accuracy": best}


def loop_side() -> dict[str, Any]:
    """The gradient of a 3x3 kernel, 16 to 32 channels on 14 x 14 places, batch 32."""
    import jax
    import jax.numpy as jnp

    from kohort.networks.lifted.lifting import lift

    generator = np.random.default_rng(0)
    image = generator.random((32, 14, 14, 16), np.float32)
    kernel = generator.random((3, 3, 16, 32), np.float32)
    axes = ("NHWC", "HWIO", "NHWC")

    def gradient(kernel: Any, image: Any) -> Any:
        def loss(kernel: Any) -> Any:
            result = jax.lax.conv_general_dilated(image, kernel, (1, 1), "SAME",
                                                  dimension_numbers=axes)  # fmt: skip
            return jnp.sum(jnp.square(result))

        return jax.grad(loss)(kernel)

    program, numbers, arrays = lift(gradient, kernel, image)
    lifted = jnp.asarray(numbers, jnp.float32)

    def canonical(kernel: Any, image: Any) -> Any:
        return program(lifted, arrays, kernel, image)

    def looped(function: Any) -> Any:
        def body(index: Any, total: Any) -> Any:
            return total + function(kernel, image + total.reshape(-1)[0] * 1e-30)

        return lambda kernel, image: jax.lax.fori_loop(0, 4, body, jnp.zeros_like(kernel))

    rates = {}
    for name, function, rows in (
        ("alone", gradient, 32), ("in_a_loop", looped(gradient), 128),
        ("in_a_loop_canonical", looped(canonical), 128),
    ):  # fmt: skip
        compiled = jax.jit(function).lower(kernel, image).compile()
        jax.block_until_ready(compiled(kernel, image))
        start = time.perf_counter()
        for _ in range(10):
            jax.block_until_ready(compiled(kernel, image))
        rates[f"{name}_rows_per_second"] = 10 * rows / (time.perf_counter() - start)
    return {"seconds": 0.0, **rates}


def compare() -> dict[str, Any]:
    """All sides."""
    fetch()
    sides = {
        name: side.run("benchmarks.convolutions", name.split()[0].lower())
        for name in ("kohort", "Keras", "loop of a kernel's gradient")
    }
    return {
        "title": "A small ResNet on 6,000 images of Fashion-MNIST, two rates",
        "sides": sides,
        "ratios": {"Keras": sides["Keras"]["seconds"] / sides["kohort"]["seconds"]},
        "wanted": {"Keras": "none"},
    }


if __name__ == "__main__":
    sides = {"kohort": kohort_side, "keras": keras_side, "loop": loop_side}
    print(json.dumps(sides[sys.argv[1]]()))
