"""Findings about how signals and gradients change from layer to layer in an untrained network."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.recipe.initializers import resolve
from kohort.studies.diagnosis.findings.evidence import (
    hidden,
    largest,
    learned,
    middle,
    parameters,
    severity,
)
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Array, Measurements
from kohort.studies.diagnosis.thresholds import limit

_HARMLESS = 10.0  # Ratio of mean squares at which the first and the last layer suit one rate.
_REPLACED = 2.0
"""Growth of a layer's weights after which the layer is no longer what it started as."""
_DEEP = 1000
"""Layers of a network whose weights have to keep the signal's size."""
_SLOPELESS = ("sigmoid", "hard_sigmoid")


def _wanted(activation: str, fan_in: float, fan_out: float) -> float:
    """Variance of a kernel's weights that suits the activation behind it."""
    initializer = resolve("auto", activation, _DEEP)
    if initializer.startswith("he"):
        return 2 / fan_in
    return 1 / fan_in if initializer.startswith("lecun") else 2 / (fan_in + fan_out)


def gains(m: Measurements) -> Array:
    """Variance of the initial weights of each hidden kernel over what suits the activation that
    follows it, shape (kernel,).
    """
    weight, places = m.of_layers("weight")[0], m.kernels[:-1]
    found = []
    for place in places:
        fan_in, fan_out = m.setting.fans[place]
        following = (name for name in m.setting.activations[place:-1] if name != "linear")
        wanted = _wanted(next(following, "linear"), fan_in, fan_out)
        found.append(weight[place] ** 2 / m.setting.sizes[place] / wanted)
    return np.asarray(found)


def backward_ratio(m: Measurements) -> Array:
    """Mean square of the first hidden layer's backward signal over the last one's, (probe,).

    An output layer that starts at 0 passes nothing back at first: such a probe has the ratio of
    the next one that has any.
    """
    places = hidden(m)
    backward = m.of_layers("backward")
    if len(places) < 2:
        return np.ones(len(backward))
    first, last = backward[:, places[0]], backward[:, places[-1]]
    smallest = np.finfo(np.float32).tiny
    ratios = np.maximum(first, smallest) / np.maximum(last, smallest)
    passed = np.flatnonzero(last > 0)
    if not len(passed):
        return ratios
    after = np.minimum(np.searchsorted(passed, np.arange(len(last))), len(passed) - 1)
    return np.asarray(ratios[passed[after]])


def _ratio_of_the_start(m: Measurements) -> float:
    """The first backward ratio; 1 if the first steps had replaced the weights it was measured with.

    Where the output layer starts at 0, the first ratio comes from a later probe. If a far too high
    rate has made the weights many times as large by then, the ratio tells of the rate alone.
    """
    places = hidden(m)
    if len(places) < 2:
        return 1.0
    passed = np.flatnonzero(m.of_layers("backward")[:, places[-1]] > 0)
    weights = m.of_layers("weight")[:, places]
    replaced = len(passed) > 0 and bool(np.any(weights[passed[0]] > _REPLACED * weights[0]))
    return 1.0 if replaced else float(backward_ratio(m)[0])


def _forward_ratio(m: Measurements) -> float:
    signal = m.of_layers("signal")[0, hidden(m)]
    tiny = float(np.finfo(np.float32).tiny)
    return max(float(signal[-1]), tiny) / max(float(signal[0]), tiny)


def wrong_initialisation(m: Measurements) -> Finding | None:
    """Initial weights whose size does not suit the activation."""
    ratios, places = gains(m), hidden(m)
    if not len(ratios) or not places:
        return None
    product = float(np.exp(np.abs(np.log(np.maximum(ratios, 1e-30)).sum())))
    forward, backward = _forward_ratio(m), float(backward_ratio(m)[0])
    signal = max(forward, 1 / forward, backward, 1 / backward)
    saturated = float(np.nan_to_num(largest(m.of_layers("saturated")[0, places])))
    shown = signal >= limit("gain_signal") or saturated >= limit("saturated")
    if not (product >= limit("gain_product") and shown) and ratios.min() > 0:
        return None
    worst = int(np.abs(np.log(np.maximum(ratios, 1e-30))).argmax())
    activation = next(m.setting.activations[place] for place in places)
    changes = {"kernel_initializer": "auto"}
    more = ""
    if activation in _SLOPELESS and len(places) > 4:
        changes["activation"] = "relu"
        more = f", and relu instead of {activation}, whose gradients vanish with any weights"
    return Finding(
        "wrong_initialisation",
        severity(product / limit("gain_product"), 0.8),
        m.setting.layers[m.kernels[worst]],
        {
            "variance_over_what_suits": [float(ratio) for ratio in ratios],
            "product": product,
            "threshold": limit("gain_product"),
            "forward_ratio": forward,
            "backward_ratio": backward,
            "saturated": saturated,
        },
        f"The initial weights have {ratios[worst]:.3g} times the variance that suits {activation}; "
        f"over {len(ratios)} layers the signal changes {product:.2g} times more than it should.",
        f'Draw them as the activation wants it: kernel_initializer="auto"{more}.',
        parameters(m, **changes),
        "Glorot and Bengio 2010; He et al. 2015 (arXiv:1502.01852)",
    )


def vanishing_gradients(m: Measurements) -> Finding | None:
    """Gradients that die out on their way to the first layer, for a quarter of the training:
    a network that wakes up sooner has lost little.
    """
    ratios = backward_ratio(m)
    start, later = float(ratios[0]), float(ratios[m.steps <= len(m.losses) / 4][-1])
    worst = max(start, later)
    if worst > limit("vanishing"):
        return None
    places = hidden(m)
    activation = m.setting.activations[places[0]]
    changes: dict[str, Any] = {"activation": "relu", "kernel_initializer": "auto"}
    if activation not in (*_SLOPELESS, "tanh", "softsign"):
        changes = {"layer_norm": "before", "batch_norm": None}
    words = ", ".join(f"{name}={value!r}" for name, value in changes.items())
    return Finding(
        "vanishing_gradients",
        severity(limit("vanishing") / worst, 0.7),
        m.setting.layers[places[0]],
        {
            "ratio_at_the_start": start,
            "ratio_after_a_quarter": later,
            "threshold": limit("vanishing"),
        },
        f"The gradient that reaches {m.setting.layers[places[0]]} is {np.sqrt(worst):.1g} times "
        f"that of {m.setting.layers[places[-1]]}: the first layers hardly learn.",
        f"Use an activation that passes gradients on, or normalise the layers: {words}.",
        parameters(m, **changes),
        "Hochreiter 1991; Glorot and Bengio 2010",
    )


def exploding_gradients(m: Measurements) -> Finding | None:
    """Gradients that grow on their way to the first layer, or in single steps."""
    start = _ratio_of_the_start(m)
    norms = m.of_steps("gradient")
    median = middle(norms)
    spike = largest(norms) / median if median > 0 else 1.0
    if learned(m) < limit("unlearned"):
        spike = 1.0  # Large steps ruin this training, not its start.
    excess = max(start / limit("exploding"), spike / limit("spike"))
    if excess < 1:
        return None
    places = hidden(m)
    changes: dict[str, Any]
    if start >= limit("exploding"):
        depth = max(1, int(len(places) * np.log(_HARMLESS) / np.log(start)))
        changes = {"depth": depth}
        text = (
            f"The gradient that reaches {m.setting.layers[places[0]]} is {np.sqrt(start):.2g} "
            f"times that of {m.setting.layers[places[-1]]}: no rate suits both."
        )
        remedy = f"Use fewer layers: with depth={depth} the ratio would be about 3."
    else:
        changes = {"global_clipnorm": float(f"{max(median, 1e-3):.2g}")}
        text = f"Single steps have {spike:.3g} times the gradient of the others."
        remedy = f"Clip the gradients: global_clipnorm={changes['global_clipnorm']:g}."
    return Finding(
        "exploding_gradients",
        severity(excess, 0.6),
        m.setting.layers[places[0]] if places else None,
        {
            "ratio_at_the_start": start,
            "threshold": limit("exploding"),
            "largest_norm_over_median": spike,
            "threshold_of_norms": limit("spike"),
        },
        text,
        remedy,
        parameters(m, **changes),
        "Pascanu et al. 2013 (arXiv:1211.5063); Yang et al. 2019 (arXiv:1902.08129)",
    )


RULES = (wrong_initialisation, vanishing_gradients, exploding_gradients)
