"""The table of hyperparameters: default, requirement, documentation and cost of each.

Everything that lists hyperparameters is drawn from this table: the checks of a recipe, the
estimators' documentation and the page that says which of them cost a compiled program.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from kohort.recipe import initializers
from kohort.recipe.activations import ACTIVATIONS
from kohort.recipe.constraints import (
    AnyOf,
    Constraint,
    Interval,
    OneOf,
    flag,
    optional,
    sequence_of,
)
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.schedules import SCHEDULES

ARRAY = "array"
STRUCTURE = "structure"
HOST = "host"

_WIDTH = Interval(1, math.inf, whole=True)
_COUNT = Interval(0, math.inf, whole=True)
_AT_LEAST_0 = Interval(0, math.inf)
_ABOVE_0 = Interval(0, math.inf, closed="neither")
_SHARE = Interval(0, 1)
_INNER_SHARE = Interval(0, 1, closed="neither")
_WHOLE_SHARE = Interval(0, 1, closed="both")


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter.

    Attributes
    ----------
    name, technique : str
    kind : {"array", "structure", "host"}
        `"array"`: a number with a member axis, or what only changes arrays; any mix of values
        trains in one program. `"structure"`: each value has a program of its own. `"host"`: read
        between steps, outside any program.
    default : object
    constraint : Constraint
    type, text : str
        For the documentation: what values it takes, and what it does.
    """

    name: str
    technique: str
    kind: str
    default: Any
    constraint: Constraint
    type: str
    text: str


def _quoted(names: Any) -> str:
    return "{" + ", ".join(f'"{name}"' for name in names) + "}"


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "depth", "architecture", STRUCTURE, 2, _COUNT, "int",
        "Number of hidden layers, >= 0.",
    ),
    Parameter(
        "width", "architecture", ARRAY, 128, AnyOf((_WIDTH, sequence_of(_WIDTH))),
        "int or list of int",
        "Units of each hidden layer, >= 1, or one number per hidden layer. Widths share programs "
        "by rounding up to a step of a ladder (16, 32, 64, 96, 128, ...); surplus units are "
        "masked.",
    ),
    Parameter(
        "activation", "activation", STRUCTURE, "relu", OneOf(ACTIVATIONS), _quoted(ACTIVATIONS),
        "Activation of the hidden layers, by Keras identifier. Beyond Keras's: prelu trains a "
        "slope per unit (He et al. 2015, arXiv:1502.01852), swish is x * sigmoid(beta * x) "
        "(Ramachandran et al. 2017, arXiv:1710.05941), gelu_tanh is GELU's tanh form (Hendrycks "
        "and Gimpel 2016, arXiv:1606.08415).",
    ),
    Parameter(
        "activation_alpha", "activation", ARRAY, None, optional(Interval(-math.inf, math.inf)),
        "float or None",
        "Slope of leaky_relu for x < 0, alpha of elu and celu, beta of swish and softplus; ignored "
        "by the others. None for Keras's default: 0.2 for leaky_relu, 1 for the rest.",
    ),
    Parameter(
        "batch_norm", "batch normalisation", STRUCTURE, None, optional(OneOf(("before", "after"))),
        '{"before", "after"} or None',
        "Batch normalisation of each hidden layer, before or after its activation: gamma * (x - "
        "mean) / sqrt(variance + norm_epsilon) + beta over the rows of a batch in training, over "
        "moving averages in prediction (Ioffe and Szegedy 2015, arXiv:1502.03167).",
    ),
    Parameter(
        "batch_norm_momentum", "batch normalisation", ARRAY, 0.99, _SHARE, "float",
        "Share of the moving averages that stays at each step, in [0, 1).",
    ),
    Parameter(
        "layer_norm", "layer normalisation", STRUCTURE, None, optional(OneOf(("before", "after"))),
        '{"before", "after"} or None',
        "Layer normalisation, over the units of a layer instead of the rows of a batch (Ba et al. "
        "2016, arXiv:1607.06450). Not together with batch_norm.",
    ),
    Parameter(
        "norm_epsilon", "batch normalisation", ARRAY, 1e-3, _ABOVE_0, "float",
        "Added to the variance by batch_norm and layer_norm, > 0.",
    ),
    Parameter(
        "kernel_initializer", "initialisation", ARRAY, "auto", OneOf(initializers.NAMES),
        _quoted(initializers.NAMES),
        'Keras identifier. `"auto"` takes He normal for the ReLU family, LeCun normal for SELU, '
        "Glorot uniform for the rest and for the output layer (He et al. 2015, arXiv:1502.01852; "
        "Klambauer et al. 2017, arXiv:1706.02515; Glorot and Bengio 2010). Biases start at 0.",
    ),
    Parameter(
        "kernel_scale", "initialisation", ARRAY, 0.05, _ABOVE_0, "float",
        "Standard deviation of random_normal and truncated_normal, > 0; ignored by the others.",
    ),
    Parameter(
        "huber_delta", "loss", ARRAY, 1.0, _ABOVE_0, "float",
        "Error beyond which the Huber loss is linear, > 0, in units of the standardised target "
        "(Huber 1964). Ignored by other losses.",
    ),
    Parameter(
        "quantile", "loss", ARRAY, 0.5, _INNER_SHARE, "float",
        "Quantile that the pinball loss estimates, in (0, 1) (Koenker and Bassett 1978). Ignored "
        "by other losses.",
    ),
    Parameter(
        "label_smoothing", "loss", ARRAY, 0.0, _WHOLE_SHARE, "float",
        "Share s of each label that is spread over all K classes, in [0, 1]: (1 - s) * y + s / K "
        "(Szegedy et al. 2016, arXiv:1512.00567). Ignored in regression.",
    ),
    Parameter(
        "focal_gamma", "loss", ARRAY, 2.0, _AT_LEAST_0, "float",
        "Exponent of the focal loss (1 - p)**gamma * cross-entropy, >= 0 (Lin et al. 2017, "
        "arXiv:1708.02002). Ignored by other losses.",
    ),
    Parameter(
        "optimizer", "optimizer", STRUCTURE, "adam", OneOf(OPTIMIZERS), _quoted(OPTIMIZERS),
        "Keras's optimizer of that name, to the letter; momentum and nesterov are its SGD with "
        "momentum. sgd, momentum and nesterov share no program with the rest; adam and adamw "
        "are one.",
    ),
    Parameter(
        "learning_rate", "optimizer", ARRAY, 1e-3, _ABOVE_0, 'float or "auto"',
        "Step size, > 0; the peak of a schedule. "
        '"auto" asks `kohort.find_learning_rate`; if that finds none, it warns and keeps 0.001.',
    ),
    Parameter(
        "momentum", "optimizer", ARRAY, None, optional(_SHARE), "float or None",
        "In [0, 1); used by momentum, nesterov, rmsprop and muon. None for Keras's default: 0.9 "
        "for momentum and nesterov, 0 for rmsprop, 0.95 for muon.",
    ),
    Parameter(
        "beta_1", "optimizer", ARRAY, None, optional(_SHARE), "float or None",
        "Decay of the gradients' mean, in [0, 1), in the Adam family, lion and muon. None for "
        "Keras's default, 0.9.",
    ),
    Parameter(
        "beta_2", "optimizer", ARRAY, None, optional(_SHARE), "float or None",
        "Decay of the squared gradients' mean, in [0, 1), in the Adam family, lion and muon. None "
        "for Keras's default: 0.99 for lion, 0.999 for the others.",
    ),
    Parameter(
        "rho", "optimizer", ARRAY, None, optional(_SHARE), "float or None",
        "Decay of the squared gradients' mean in rmsprop and adadelta, in [0, 1). None for Keras's "
        "default: 0.9 for rmsprop, 0.95 for adadelta.",
    ),
    Parameter(
        "epsilon", "optimizer", ARRAY, None, optional(_AT_LEAST_0), "float or None",
        "Keeps the adaptive optimizers from dividing by zero, >= 0. None for Keras's default, "
        "1e-7.",
    ),
    Parameter(
        "amsgrad", "optimizer", ARRAY, False, flag(), "bool",
        "Whether adam and adamw divide by the largest second moment so far (Reddi et al. 2018, "
        "arXiv:1904.09237).",
    ),
    Parameter(
        "centered", "optimizer", ARRAY, False, flag(), "bool",
        "Whether rmsprop divides by the gradients' deviation instead of their root mean square "
        "(Graves 2013, arXiv:1308.0850).",
    ),
    Parameter(
        "weight_decay", "weight decay", ARRAY, None, optional(_AT_LEAST_0), "float or None",
        "Decoupled decay, >= 0: each step first shrinks every variable by `learning_rate * "
        "weight_decay` of itself (Loshchilov and Hutter 2019, arXiv:1711.05101). None for Keras's "
        "default: 0.004 for adamw, 0.1 for muon, 0 for the others.",
    ),
    Parameter(
        "ema_momentum", "weight averaging", ARRAY, None, optional(_SHARE), "float or None",
        "Weights are averaged over steps, average = ema_momentum * average + (1 - ema_momentum) * "
        "weights, and the average is what is validated and kept (Polyak and Juditsky 1992), as "
        "with Keras's use_ema and SwapEMAWeights. In [0, 1); None for no averaging.",
    ),
    Parameter(
        "clipvalue", "gradient clipping", ARRAY, None, optional(_ABOVE_0), "float or None",
        "Each entry of the gradient is cut to [-clipvalue, clipvalue], > 0. At most one of the "
        "three kinds of clipping (Pascanu et al. 2013, arXiv:1211.5063).",
    ),
    Parameter(
        "clipnorm", "gradient clipping", ARRAY, None, optional(_ABOVE_0), "float or None",
        "Each variable's gradient is scaled down to this L2 norm, > 0.",
    ),
    Parameter(
        "global_clipnorm", "gradient clipping", ARRAY, None, optional(_ABOVE_0), "float or None",
        "The whole gradient is scaled down to this L2 norm, > 0.",
    ),
    Parameter(
        "schedule", "learning-rate schedule", ARRAY, "constant", OneOf(SCHEDULES),
        _quoted(SCHEDULES),
        "How the learning rate changes from step to step; `plot_schedule()` draws it. t counts "
        "epochs since the warm-up, s is decay_epochs, r is decay_rate. power: 1 / (1 + t / "
        "s)**decay_power; exponential: r**(t / s); piecewise: factors between boundaries; "
        "performance: times r when the validation loss rests, as Keras's ReduceLROnPlateau; "
        "1cycle: up from 1 / div_factor and down again, momentum against it (Smith 2018, "
        "arXiv:1803.09820); cosine and cosine_restarts (Loshchilov and Hutter 2017, "
        "arXiv:1608.03983); polynomial: (1 - t / s)**decay_power. All are multiples of "
        "learning_rate.",
    ),
    Parameter(
        "decay_epochs", "learning-rate schedule", ARRAY, None, optional(_ABOVE_0), "float or None",
        "Length s of a schedule in epochs, > 0. None for all that remains after the warm-up in "
        "cosine and polynomial, for a fifth of epochs in power, exponential and cosine_restarts.",
    ),
    Parameter(
        "decay_rate", "learning-rate schedule", ARRAY, 0.1,
        Interval(0, 1, closed="right"), "float",
        "Factor r of exponential, piecewise and performance, in (0, 1].",
    ),
    Parameter(
        "decay_power", "learning-rate schedule", ARRAY, 1.0, _ABOVE_0, "float",
        "Exponent of power and polynomial, > 0.",
    ),
    Parameter(
        "staircase", "learning-rate schedule", ARRAY, False, flag(), "bool",
        "Whether power and exponential change only once every decay_epochs.",
    ),
    Parameter(
        "boundaries", "learning-rate schedule", ARRAY, None, optional(sequence_of(_ABOVE_0)),
        "list of float or None",
        "Epochs at which piecewise changes the rate, increasing.",
    ),
    Parameter(
        "factors", "learning-rate schedule", ARRAY, None, optional(sequence_of(_AT_LEAST_0)),
        "list of float or None",
        "Multiples of learning_rate before, between and after the boundaries, one more than those. "
        "None for 1, r, r**2, ...",
    ),
    Parameter(
        "t_mul", "learning-rate schedule", ARRAY, 2.0, Interval(1, math.inf), "float",
        "How much longer each period of cosine_restarts is than the one before, >= 1.",
    ),
    Parameter(
        "m_mul", "learning-rate schedule", ARRAY, 1.0, _ABOVE_0, "float",
        "How much higher each period of cosine_restarts starts than the one before, > 0.",
    ),
    Parameter(
        "final_rate", "learning-rate schedule", ARRAY, 0.0, _WHOLE_SHARE, "float",
        "Least rate of cosine, cosine_restarts, polynomial and performance, as a share of "
        "learning_rate, in [0, 1].",
    ),
    Parameter(
        "pct_start", "learning-rate schedule", ARRAY, 0.3, _INNER_SHARE, "float",
        "Share of the training in which 1cycle rises, in (0, 1).",
    ),
    Parameter(
        "div_factor", "learning-rate schedule", ARRAY, 25.0, Interval(1, math.inf), "float",
        "1cycle starts at learning_rate / div_factor, >= 1.",
    ),
    Parameter(
        "final_div_factor", "learning-rate schedule", ARRAY, 1e4, Interval(1, math.inf), "float",
        "1cycle ends at its first rate / final_div_factor, >= 1.",
    ),
    Parameter(
        "base_momentum", "learning-rate schedule", ARRAY, 0.85, _SHARE, "float",
        "Momentum (beta_1 in the Adam family) at 1cycle's highest rate, in [0, 1).",
    ),
    Parameter(
        "max_momentum", "learning-rate schedule", ARRAY, 0.95, _SHARE, "float",
        "Momentum (beta_1 in the Adam family) at 1cycle's lowest rates, in [0, 1).",
    ),
    Parameter(
        "anneal", "learning-rate schedule", ARRAY, "cos", OneOf(("cos", "linear")),
        '{"cos", "linear"}',
        "Form of 1cycle's two slopes.",
    ),
    Parameter(
        "plateau_patience", "learning-rate schedule", HOST, 10, _COUNT, "int",
        "Epochs without a better validation loss after which performance lowers the rate, >= 0.",
    ),
    Parameter(
        "plateau_min_delta", "learning-rate schedule", HOST, 1e-4, _AT_LEAST_0, "float",
        "Least decrease of the validation loss that performance counts as better, >= 0.",
    ),
    Parameter(
        "plateau_cooldown", "learning-rate schedule", HOST, 0, _COUNT, "int",
        "Epochs that performance waits after a reduction before it counts again, >= 0.",
    ),
    Parameter(
        "warmup", "warm-up", ARRAY, 0, _AT_LEAST_0, "float",
        "Length of the warm-up in front of any schedule: a share of the training in (0, 1), or "
        "epochs, >= 1. The rate rises linearly (Goyal et al. 2017, arXiv:1706.02677).",
    ),
    Parameter(
        "warmup_start", "warm-up", ARRAY, 0.0, _WHOLE_SHARE, "float",
        "Rate at which the warm-up starts, as a share of learning_rate, in [0, 1].",
    ),
    Parameter(
        "dropout", "dropout", ARRAY, 0.0, _SHARE, "float",
        "Share of hidden units dropped in training, in [0, 1); the others grow by 1 / (1 - "
        "dropout) (Srivastava et al. 2014).",
    ),
    Parameter(
        "input_dropout", "dropout", ARRAY, 0.0, _SHARE, "float",
        "Share of inputs dropped in training, in [0, 1).",
    ),
    Parameter(
        "alpha_dropout", "dropout", ARRAY, 0.0, _SHARE, "float",
        "Share of hidden units set to SELU's lower limit, mean and variance kept, in [0, 1); "
        "instead of dropout, for selu (Klambauer et al. 2017, arXiv:1706.02515).",
    ),
    Parameter(
        "gaussian_noise", "noise", ARRAY, 0.0, _AT_LEAST_0, "float",
        "Standard deviation of normal noise added to the (standardised) inputs in training, >= 0 "
        "(Bishop 1995).",
    ),
    Parameter(
        "l1", "L1 and L2", ARRAY, 0.0, _AT_LEAST_0, "float",
        "Penalty `l1 * sum(abs(kernel))` on every kernel, the output's included, >= 0.",
    ),
    Parameter(
        "l2", "L1 and L2", ARRAY, 0.0, _AT_LEAST_0, "float",
        "Penalty `l2 * sum(kernel**2)` on every kernel, the output's included, >= 0.",
    ),
    Parameter(
        "max_norm", "max-norm", ARRAY, None, optional(_ABOVE_0), "float or None",
        "Largest L2 norm of the weights into each hidden unit, > 0, enforced after each step as "
        "Keras's MaxNorm(axis=0) does (Srivastava et al. 2014). None for no limit.",
    ),
    Parameter(
        "batch_size", "batch size", STRUCTURE, 32, _WIDTH, 'int or "auto"',
        "Rows per step, >= 1; the last, partial batch is trained too. "
        '"auto" asks `kohort.plan_batch_size`, and takes its learning rate and warm-up too.',
    ),
    Parameter(
        "epochs", "early stopping", HOST, 100, _WIDTH, "int",
        "Most passes over the training rows, >= 1.",
    ),
    Parameter(
        "early_stopping", "early stopping", HOST, True, flag(), "bool",
        "Whether to stop after `patience` epochs without a better validation loss, and to restore "
        "the best weights, as Keras's `EarlyStopping(restore_best_weights=True)` does.",
    ),
    Parameter(
        "patience", "early stopping", HOST, 10, _COUNT, "int",
        "Epochs without improvement that are waited for, >= 0.",
    ),
    Parameter(
        "min_delta", "early stopping", HOST, 0.0, _AT_LEAST_0, "float",
        "Least decrease that counts as an improvement, >= 0.",
    ),
    Parameter(
        "freeze_epochs", "pretraining", ARRAY, 0, _COUNT, "int",
        "First epochs in which only the output layer is trained, >= 0; for use with pretrain.",
    ),
)  # fmt: skip

DEFAULTS: dict[str, Any] = {parameter.name: parameter.default for parameter in PARAMETERS}
"""Default of each field that does not depend on the task."""
