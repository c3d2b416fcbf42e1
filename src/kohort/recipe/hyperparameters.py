"""The table of hyperparameters: default, requirement, documentation and cost of each.

Everything that lists hyperparameters is drawn from this table: the checks of a recipe and its
fields, the estimators' parameters and their documentation, and the page that says which of them
cost a compiled program.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kohort.recipe import initializers
from kohort.recipe.activations import ACTIVATIONS
from kohort.recipe.constraints import AnyOf, Interval, OneOf, flag, optional, sequence_of
from kohort.recipe.hyperparameter import ARRAY, HOST, STRUCTURE, hyperparameter, table_of
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.schedules import SCHEDULES

_WIDTH = Interval(1, math.inf, whole=True)
_COUNT = Interval(0, math.inf, whole=True)
_AT_LEAST_0 = Interval(0, math.inf)
_ABOVE_0 = Interval(0, math.inf, closed="neither")
_SHARE = Interval(0, 1)
_INNER_SHARE = Interval(0, 1, closed="neither")
_WHOLE_SHARE = Interval(0, 1, closed="both")


def _kerass(number: str) -> str:
    """Keras's default of a number for each optimizer that has it."""
    owners: dict[float, list[str]] = {}
    for optimizer in OPTIMIZERS.values():
        if number in dict(optimizer.defaults):
            owners.setdefault(optimizer.default(number), []).append(optimizer.name)
    shares = [f"{value:g} for {', '.join(names)}" for value, names in sorted(owners.items())]
    return f"None for Keras's default: {'; '.join(shares)}"


@dataclass(eq=False, repr=False)
class Hyperparameters:
    """The hyperparameters of a recipe, as an estimator takes them, without the loss's default."""

    # fmt: off
    depth: int = hyperparameter(
        2, "architecture", STRUCTURE, Interval(0, 1000, closed="both", whole=True),
        "Number of hidden layers, in [0, 1000]; a program takes the longer to compile the more.",
    )
    width: int | Sequence[int] = hyperparameter(
        128, "architecture", ARRAY, AnyOf((_WIDTH, sequence_of(_WIDTH))),
        "Units of each hidden layer, >= 1, or one number per hidden layer. Widths share programs "
        "by rounding up to a step of a ladder (16, 32, 64, 96, 128, ...); surplus units are "
        "masked.",
    )
    activation: str = hyperparameter(
        "relu", "activation", STRUCTURE, OneOf(ACTIVATIONS),
        "Activation of the hidden layers, by Keras identifier. Beyond Keras's: prelu trains a "
        "slope per unit (He et al. 2015, arXiv:1502.01852), swish is x * sigmoid(beta * x) "
        "(Ramachandran et al. 2017, arXiv:1710.05941), gelu_tanh is GELU's tanh form (Hendrycks "
        "and Gimpel 2016, arXiv:1606.08415).",
    )
    activation_alpha: float | None = hyperparameter(
        None, "activation", ARRAY, optional(Interval(-math.inf, math.inf)),
        "Slope of leaky_relu for x < 0, alpha of elu and celu, beta of swish and softplus; ignored "
        "by the others. None for Keras's default: 0.2 for leaky_relu, 1 for the rest.",
        column=True,
    )
    batch_norm: str | None = hyperparameter(
        None, "batch normalisation", STRUCTURE, optional(OneOf(("before", "after"))),
        "Batch normalisation of each hidden layer, before or after its activation: gamma * (x - "
        "mean) / sqrt(variance + norm_epsilon) + beta over the rows of a batch in training, over "
        "moving averages in prediction (Ioffe and Szegedy 2015, arXiv:1502.03167).",
    )
    batch_norm_momentum: float = hyperparameter(
        0.99, "batch normalisation", ARRAY, _SHARE,
        "Share of the moving averages that stays at each step, in [0, 1).",
        column=True,
    )
    layer_norm: str | None = hyperparameter(
        None, "layer normalisation", STRUCTURE, optional(OneOf(("before", "after"))),
        "Layer normalisation, over the units of a layer instead of the rows of a batch (Ba et al. "
        "2016, arXiv:1607.06450). Not together with batch_norm.",
    )
    norm_epsilon: float = hyperparameter(
        1e-3, "batch normalisation", ARRAY, _ABOVE_0,
        "Added to the variance by batch_norm and layer_norm, > 0.",
        column=True,
    )
    kernel_initializer: str = hyperparameter(
        "auto", "initialisation", ARRAY, OneOf(initializers.NAMES),
        'Keras identifier, of the hidden layers. `"auto"` takes LeCun normal for SELU, He normal '
        "for the ReLU family in more than four hidden layers, Glorot uniform for the rest "
        "(Klambauer et al. 2017, arXiv:1706.02515; He et al. 2015, arXiv:1502.01852; Glorot and "
        "Bengio 2010). Biases start at 0.",
    )
    output_initializer: str = hyperparameter(
        "zeros", "initialisation", ARRAY, OneOf(initializers.NAMES),
        "Keras identifier, of the output layer: with zeros an untrained network says the same of "
        'each row, and nothing random is to be unlearned. `"auto"` takes kernel_initializer, or '
        "Glorot uniform where that is auto.",
    )
    output_bias: str = hyperparameter(
        "prior", "initialisation", ARRAY, OneOf(("prior", "zeros")),
        'Bias of the output layer before training: `"prior"` is the constant that fits the '
        "training rows best (the mean, the median or the quantile of a target, the log-odds of "
        "a label, the logarithms of the classes' shares), as the loss has it.",
    )
    kernel_scale: float = hyperparameter(
        0.05, "initialisation", ARRAY, _ABOVE_0,
        "Standard deviation of random_normal and truncated_normal, > 0; ignored by the others.",
    )
    huber_delta: float = hyperparameter(
        1.0, "loss", ARRAY, _ABOVE_0,
        "Error beyond which the Huber loss is linear, > 0, in units of the standardised target "
        "(Huber 1964). Ignored by other losses.",
        column=True,
    )
    quantile: float = hyperparameter(
        0.5, "loss", ARRAY, _INNER_SHARE,
        "Quantile that the pinball loss estimates, in (0, 1) (Koenker and Bassett 1978). Ignored "
        "by other losses.",
        column=True,
    )
    label_smoothing: float = hyperparameter(
        0.0, "loss", ARRAY, _WHOLE_SHARE,
        "Share s of each label that is spread over all K classes, in [0, 1]: (1 - s) * y + s / K "
        "(Szegedy et al. 2016, arXiv:1512.00567). Ignored in regression.",
        column=True, compiled="always",
    )
    focal_gamma: float = hyperparameter(
        2.0, "loss", ARRAY, _AT_LEAST_0,
        "Exponent of the focal loss (1 - p)**gamma * cross-entropy, >= 0 (Lin et al. 2017, "
        "arXiv:1708.02002). Ignored by other losses.",
        column=True,
    )
    optimizer: str = hyperparameter(
        "adam", "optimizer", STRUCTURE, OneOf(OPTIMIZERS),
        "Keras's optimizer of that name, to the letter; momentum and nesterov are its SGD with "
        "momentum. sgd, momentum and nesterov share no program with the rest; adam and adamw "
        "are one.",
    )
    learning_rate: float | str = hyperparameter(
        1e-3, "optimizer", ARRAY, _ABOVE_0,
        "Step size, > 0; the peak of a schedule. "
        '"auto" asks `kohort.find_learning_rate`; if that finds none, it warns and keeps 0.001.',
    )
    momentum: float | None = hyperparameter(
        None, "optimizer", ARRAY, optional(_SHARE),
        f"In [0, 1). {_kerass('momentum')}. sgd with a momentum is the optimizer momentum.",
    )
    beta_1: float | None = hyperparameter(
        None, "optimizer", ARRAY, optional(_SHARE),
        f"Decay of the gradients' mean, in [0, 1). {_kerass('beta_1')}.",
    )
    beta_2: float | None = hyperparameter(
        None, "optimizer", ARRAY, optional(_SHARE),
        f"Decay of the squared gradients' mean, in [0, 1). {_kerass('beta_2')}.",
    )
    rho: float | None = hyperparameter(
        None, "optimizer", ARRAY, optional(_SHARE),
        f"Decay of the squared gradients' mean, in [0, 1). {_kerass('rho')}.",
    )
    epsilon: float | None = hyperparameter(
        None, "optimizer", ARRAY, optional(_AT_LEAST_0),
        f"Keeps an adaptive optimizer from dividing by zero, >= 0. {_kerass('epsilon')}.",
    )
    amsgrad: bool = hyperparameter(
        False, "optimizer", ARRAY, flag(),
        "Whether adam and adamw divide by the largest second moment so far (Reddi et al. 2018, "
        "arXiv:1904.09237).",
    )
    centered: bool = hyperparameter(
        False, "optimizer", ARRAY, flag(),
        "Whether rmsprop divides by the gradients' deviation instead of their root mean square "
        "(Graves 2013, arXiv:1308.0850).",
    )
    weight_decay: float | None = hyperparameter(
        None, "weight decay", ARRAY, optional(_AT_LEAST_0),
        "Decoupled decay, >= 0: each step first shrinks every variable by `learning_rate * "
        "weight_decay` of itself (Loshchilov and Hutter 2019, arXiv:1711.05101). "
        f"{_kerass('weight_decay')}; 0 for the others.",
        compiled="always",
    )
    ema_momentum: float | str | None = hyperparameter(
        None, "weight averaging", ARRAY, optional(_SHARE),
        "Weights are averaged over steps, average = ema_momentum * average + (1 - ema_momentum) * "
        "weights, and the average is what is validated and kept (Polyak and Juditsky 1992), as "
        "with Keras's use_ema and SwapEMAWeights. In [0, 1); None for no averaging.",
    )
    clipvalue: float | None = hyperparameter(
        None, "gradient clipping", ARRAY, optional(_ABOVE_0),
        "Each entry of the gradient is cut to [-clipvalue, clipvalue], > 0. At most one of the "
        "three kinds of clipping (Pascanu et al. 2013, arXiv:1211.5063).",
        column=True, compiled="always",
    )
    clipnorm: float | None = hyperparameter(
        None, "gradient clipping", ARRAY, optional(_ABOVE_0),
        "Each variable's gradient is scaled down to this L2 norm, > 0.",
        column=True, compiled="always",
    )
    global_clipnorm: float | None = hyperparameter(
        None, "gradient clipping", ARRAY, optional(_ABOVE_0),
        "The whole gradient is scaled down to this L2 norm, > 0.",
        column=True, compiled="always",
    )
    schedule: str = hyperparameter(
        "constant", "learning-rate schedule", ARRAY, OneOf(SCHEDULES),
        "How the learning rate changes from step to step; `plot_schedule()` draws it. t counts "
        "epochs since the warm-up, s is decay_epochs, r is decay_rate. power: 1 / (1 + t / "
        "s)**decay_power; exponential: r**(t / s); piecewise: factors between boundaries; "
        "performance: times r when the validation loss rests, as Keras's ReduceLROnPlateau; "
        "1cycle: up from 1 / div_factor and down again, momentum against it (Smith 2018, "
        "arXiv:1803.09820); cosine and cosine_restarts (Loshchilov and Hutter 2017, "
        "arXiv:1608.03983); polynomial: (1 - t / s)**decay_power. All are multiples of "
        "learning_rate.",
    )
    decay_epochs: float | None = hyperparameter(
        None, "learning-rate schedule", ARRAY, optional(_ABOVE_0),
        "Length s of a schedule in epochs, > 0. None for all that remains after the warm-up in "
        "cosine and polynomial, for a fifth of epochs in power, exponential and cosine_restarts.",
    )
    decay_rate: float = hyperparameter(
        0.1, "learning-rate schedule", ARRAY, Interval(0, 1, closed="right"),
        "Factor r of exponential, piecewise and performance, in (0, 1].",
    )
    decay_power: float = hyperparameter(
        1.0, "learning-rate schedule", ARRAY, _ABOVE_0,
        "Exponent of power and polynomial, > 0.",
    )
    staircase: bool = hyperparameter(
        False, "learning-rate schedule", ARRAY, flag(),
        "Whether power and exponential change only once every decay_epochs.",
    )
    boundaries: Sequence[float] | None = hyperparameter(
        None, "learning-rate schedule", ARRAY, optional(sequence_of(_ABOVE_0)),
        "Epochs at which piecewise changes the rate, increasing.",
    )
    factors: Sequence[float] | None = hyperparameter(
        None, "learning-rate schedule", ARRAY, optional(sequence_of(_AT_LEAST_0)),
        "Multiples of learning_rate before, between and after the boundaries, one more than those. "
        "None for 1, r, r**2, ...",
    )
    t_mul: float = hyperparameter(
        2.0, "learning-rate schedule", ARRAY, Interval(1, math.inf),
        "How much longer each period of cosine_restarts is than the one before, >= 1.",
    )
    m_mul: float = hyperparameter(
        1.0, "learning-rate schedule", ARRAY, _ABOVE_0,
        "How much higher each period of cosine_restarts starts than the one before, > 0.",
    )
    final_rate: float = hyperparameter(
        0.0, "learning-rate schedule", ARRAY, _WHOLE_SHARE,
        "Least rate of cosine, cosine_restarts, polynomial and performance, as a share of "
        "learning_rate, in [0, 1].",
    )
    pct_start: float = hyperparameter(
        0.3, "learning-rate schedule", ARRAY, _INNER_SHARE,
        "Share of the training in which 1cycle rises, in (0, 1).",
    )
    div_factor: float = hyperparameter(
        25.0, "learning-rate schedule", ARRAY, Interval(1, math.inf),
        "1cycle starts at learning_rate / div_factor, >= 1.",
    )
    final_div_factor: float = hyperparameter(
        1e4, "learning-rate schedule", ARRAY, Interval(1, math.inf),
        "1cycle ends at its first rate / final_div_factor, >= 1.",
    )
    base_momentum: float = hyperparameter(
        0.85, "learning-rate schedule", ARRAY, _SHARE,
        "Momentum (beta_1 in the Adam family) at 1cycle's highest rate, in [0, 1).",
    )
    max_momentum: float = hyperparameter(
        0.95, "learning-rate schedule", ARRAY, _SHARE,
        "Momentum (beta_1 in the Adam family) at 1cycle's lowest rates, in [0, 1).",
    )
    anneal: str = hyperparameter(
        "cos", "learning-rate schedule", ARRAY, OneOf(("cos", "linear")),
        "Form of 1cycle's two slopes.",
    )
    plateau_patience: int = hyperparameter(
        10, "learning-rate schedule", HOST, _COUNT,
        "Epochs without a better validation loss after which performance lowers the rate, >= 0.",
    )
    plateau_min_delta: float = hyperparameter(
        1e-4, "learning-rate schedule", HOST, _AT_LEAST_0,
        "Least decrease of the validation loss that performance counts as better, >= 0.",
    )
    plateau_cooldown: int = hyperparameter(
        0, "learning-rate schedule", HOST, _COUNT,
        "Epochs that performance waits after a reduction before it counts again, >= 0.",
    )
    warmup: float = hyperparameter(
        0, "warm-up", ARRAY, _AT_LEAST_0,
        "Length of the warm-up in front of any schedule: a share of the training in (0, 1), or "
        "epochs, >= 1. The rate rises linearly (Goyal et al. 2017, arXiv:1706.02677).",
    )
    warmup_start: float = hyperparameter(
        0.0, "warm-up", ARRAY, _WHOLE_SHARE,
        "Rate at which the warm-up starts, as a share of learning_rate, in [0, 1].",
    )
    dropout: float = hyperparameter(
        0.0, "dropout", ARRAY, _SHARE,
        "Share of hidden units dropped in training, in [0, 1); the others grow by 1 / (1 - "
        "dropout) (Srivastava et al. 2014).",
        column=True, compiled="hidden",
    )
    input_dropout: float = hyperparameter(
        0.0, "dropout", ARRAY, _SHARE,
        "Share of inputs dropped in training, in [0, 1).",
        column=True, compiled="always",
    )
    alpha_dropout: float = hyperparameter(
        0.0, "dropout", ARRAY, _SHARE,
        "Share of hidden units set to SELU's lower limit, mean and variance kept, in [0, 1); "
        "instead of dropout, for selu (Klambauer et al. 2017, arXiv:1706.02515).",
        column=True, compiled="hidden",
    )
    gaussian_noise: float = hyperparameter(
        0.0, "noise", ARRAY, _AT_LEAST_0,
        "Standard deviation of normal noise added to the (standardised) inputs in training, >= 0 "
        "(Bishop 1995).",
        column=True, compiled="always",
    )
    l1: float = hyperparameter(
        0.0, "L1 and L2", ARRAY, _AT_LEAST_0,
        "Penalty `l1 * sum(abs(kernel))` on every kernel, the output's included, >= 0.",
        column=True, compiled="always",
    )
    l2: float = hyperparameter(
        0.0, "L1 and L2", ARRAY, _AT_LEAST_0,
        "Penalty `l2 * sum(kernel**2)` on every kernel, the output's included, >= 0.",
        column=True, compiled="always",
    )
    max_norm: float | None = hyperparameter(
        None, "max-norm", ARRAY, optional(_ABOVE_0),
        "Largest L2 norm of the weights into each hidden unit, > 0, enforced after each step as "
        "Keras's MaxNorm(axis=0) does (Srivastava et al. 2014). None for no limit.",
        column=True, compiled="hidden",
    )
    batch_size: int | str = hyperparameter(
        32, "batch size", STRUCTURE, _WIDTH,
        "Rows per step, >= 1; the last, partial batch is trained too. "
        '"auto" asks `kohort.plan_batch_size`, and takes its learning rate and warm-up too.',
    )
    epochs: int = hyperparameter(
        100, "early stopping", HOST, _WIDTH,
        "Most passes over the training rows, >= 1.",
    )
    early_stopping: bool = hyperparameter(
        True, "early stopping", HOST, flag(),
        "Whether to stop after `patience` epochs without a better validation loss, and to restore "
        "the best weights, as Keras's `EarlyStopping(restore_best_weights=True)` does.",
    )
    patience: int = hyperparameter(
        10, "early stopping", HOST, _COUNT,
        "Epochs without improvement that are waited for, >= 0.",
    )
    min_delta: float = hyperparameter(
        0.0, "early stopping", HOST, _AT_LEAST_0,
        "Least decrease that counts as an improvement, >= 0.",
    )
    freeze_epochs: int = hyperparameter(
        0, "pretraining", ARRAY, _COUNT,
        "First epochs in which only the output layer is trained, >= 0; for use with pretrain.",
    )
    # fmt: on


PARAMETERS = table_of(Hyperparameters)
"""All of them, in the order of the table."""

DEFAULTS: dict[str, Any] = {parameter.name: parameter.default for parameter in PARAMETERS}
"""Default of each field that does not depend on the task."""
