"""Pictures of formulas, drawn by the functions that training uses."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from canvas import panels, picture
from matplotlib import pyplot

import kohort
from kohort.recipe import initializers, losses
from kohort.recipe.activations import ACTIVATIONS, default_alpha
from kohort.style import COLORS, GRAY


@picture
def loss_functions() -> Any:
    figure, (left, right) = panels(2)
    error = np.linspace(-3, 3, 301)
    numbers = {"huber_delta": 1.0, "quantile": 0.8}
    for name in ("mse", "mae", "huber", "log_cosh", "quantile"):
        values = losses.loss_of(name, frozenset())(
            jnp.zeros((301, 1)), jnp.asarray(error[:, None]), numbers
        )
        left.plot(error, values, label=name)
    left.set(ylim=(0, 4), xlabel="prediction - target", ylabel="loss of a row")
    left.set_title("Regression (huber_delta 1, quantile 0.8)")
    left.legend()
    logit = np.linspace(-4, 6, 301)
    for gamma in (0, 0.5, 1, 2, 5):
        values = losses.loss_of("binary_focal_crossentropy", frozenset())(
            jnp.ones((301, 1)), jnp.asarray(logit[:, None]), {"focal_gamma": gamma}
        )
        right.plot(1 / (1 + np.exp(-logit)), values, label=f"focal_gamma={gamma}")
    right.set(ylim=(0, 3), xlabel="probability of the true class", ylabel="loss of a row")
    right.set_title("Focal loss (0: cross-entropy)")
    right.legend()
    return figure


@picture
def activations() -> Any:
    names = [n for n in ACTIVATIONS if n not in ("prelu", "gelu_tanh", "exponential", "linear")]
    figure, grid = pyplot.subplots(
        3, 6, figsize=(13, 6.4), layout="constrained", sharex=True, sharey=True
    )
    x = jnp.linspace(-4, 4, 401)
    for axes, name in zip(grid.flat, names, strict=False):
        alpha = jnp.float32(default_alpha(name))
        function = ACTIVATIONS[name].function
        axes.plot(x, function(x, alpha), color=COLORS[0])
        slope = np.gradient(np.asarray(function(x, alpha)), np.asarray(x))
        axes.plot(x, slope, color=GRAY, linewidth=1, linestyle="--")
        axes.set(title=name, ylim=(-2, 4))
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    figure.suptitle("Activations and, dashed, their slopes (default activation_alpha)")
    return figure


@picture
def initialisation() -> Any:
    figure, (axes,) = panels(1, 7.5)
    depth, units = 50, 128
    pairs = [("relu", "he_normal"), ("relu", "glorot_uniform"), ("relu", "orthogonal"),
             ("tanh", "glorot_uniform"), ("tanh", "he_normal"), ("selu", "lecun_normal"),
             ("sigmoid", "random_normal")]  # fmt: skip
    for activation, initializer in pairs:
        generator = np.random.default_rng(0)
        x = generator.normal(size=(256, units))
        variances = [1.0]
        for _ in range(depth):
            kernel = initializers.draw(initializer, (units, units), generator, 1.0)
            z = x @ kernel
            variances.append(z.var())
            x = np.asarray(ACTIVATIONS[activation].function(jnp.asarray(z), jnp.float32(1.0)))
        scale = " (scale 1)" if initializer == "random_normal" else ""
        axes.plot(variances, label=f"{activation}, {initializer}{scale}")
    axes.set(yscale="log", xlabel="layer", ylabel="variance before the activation")
    axes.set_title(f"Signal through {depth} layers of {units} units")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8.5)
    return figure


@picture
def schedules() -> Any:
    def model(schedule: str, **more: Any) -> Any:
        return kohort.DenseClassifier(schedule=schedule, epochs=30, learning_rate=0.01, **more)

    return kohort.plot_schedule(
        model("power"), model("exponential"), model("piecewise", boundaries=[10, 20]),
        model("performance"), model("1cycle"), model("cosine"),
        model("cosine_restarts"), model("polynomial"),
    )  # fmt: skip
