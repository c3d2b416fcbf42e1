"""Parameters of the dense estimators, and their documentation out of the table of parameters."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from kohort.recipe.constraints import AnyOf, Interval, OneOf, check, flag, optional
from kohort.recipe.hyperparameters import ARRAY, DEFAULTS, HOST, PARAMETERS, STRUCTURE, Parameter

_COUNT = Interval(0, math.inf, whole=True)
WORKERS = AnyOf((_COUNT, OneOf(("auto",))))
"""Numbers of processes that read files."""

OWN: tuple[Parameter, ...] = (
    Parameter(
        "validation_fraction", "early stopping", HOST, 0.1,
        optional(Interval(0, 1, closed="neither")), "float or None",
        "Share of the rows set aside to validate on when stopping early, in (0, 1), stratified "
        "where there are classes and they are large enough. None monitors the training loss. "
        "Unused when `fit` gets `validation_data`.",
    ),
    Parameter(
        "standardize", "standardisation", HOST, True, flag(), "bool",
        "Whether to scale each feature to mean 0 and deviation 1, and a regressor's target too, "
        "over the rows given to `fit`; part of the model that `to_keras` gives.",
    ),
    Parameter(
        "n_networks", "deep ensembles", ARRAY, 1, Interval(1, math.inf, whole=True), "int",
        "Networks trained from different seeds, in one cohort, whose predictions are averaged, >= "
        "1 (Lakshminarayanan et al. 2017, arXiv:1612.01474).",
    ),
    Parameter(
        "mc_samples", "Monte Carlo dropout", HOST, 0, _COUNT, "int",
        "Passes with dropout left on that a prediction is the average of, >= 0 (Gal and "
        "Ghahramani 2016, arXiv:1506.02142). 0 for one pass without dropout.",
    ),
    Parameter(
        "pretrain", "pretraining", STRUCTURE, None,
        optional(OneOf(("autoencoder", "denoising", "layerwise"))),
        '{"autoencoder", "denoising", "layerwise"} or None',
        "Unsupervised pretraining of the hidden layers on all rows, unlabelled ones included: to "
        "reproduce the inputs, the inputs from corrupted ones (Vincent et al. 2010), or greedily "
        "layer by layer (Bengio et al. 2007). Rows without a label have y = -1 (classification) or "
        "NaN (regression), or are given as `X_unlabeled`.",
    ),
    Parameter(
        "pretrain_epochs", "pretraining", HOST, 20, Interval(1, math.inf, whole=True), "int",
        "Passes over all rows in pretraining, >= 1 (for each layer with layerwise).",
    ),
    Parameter(
        "pretrain_noise", "pretraining", ARRAY, 0.3, Interval(0, 1), "float",
        "Share of inputs that denoising hides, in [0, 1).",
    ),
    Parameter(
        "diagnose", "diagnosis", HOST, False, flag(), "bool",
        "Whether to watch the (first) network in training and to say in `diagnosis_` what keeps it "
        "from learning; the weights stay the same to the last bit. See `kohort.diagnose`.",
    ),
    Parameter(
        "random_state", "seed", ARRAY, None, OneOf(()), "int, RandomState or None",
        "Fixes the split, the initial weights, the order of rows and all noise.",
    ),
    Parameter(
        "workers", "reading", HOST, 0, WORKERS, 'int or "auto"',
        "Processes that read a `ParquetTable` while the network trains, >= 0; needs the package "
        'grain. 0 reads in the training process; `"auto"` measures how many keep the training busy '
        "(`kohort.plan_workers`). The network is the same whatever their number.",
    ),
    Parameter(
        "verbose", "output", HOST, 0, Interval(0, 2, closed="both", whole=True), "{0, 1, 2}",
        "Silent, a line every ten epochs, or a line per epoch.",
    ),
)  # fmt: skip

_OWN_DEFAULTS = {parameter.name: parameter.default for parameter in OWN}


def _default(name: str) -> Any:
    return field(default={**DEFAULTS, **_OWN_DEFAULTS}[name])


@dataclass(eq=False, repr=False)
class DenseParameters:
    """Parameters of `DenseRegressor` and `DenseClassifier`, with types for those who check them."""

    depth: int = _default("depth")
    width: int | Sequence[int] = _default("width")
    activation: str = _default("activation")
    activation_alpha: float | None = _default("activation_alpha")
    batch_norm: str | None = _default("batch_norm")
    batch_norm_momentum: float = _default("batch_norm_momentum")
    layer_norm: str | None = _default("layer_norm")
    norm_epsilon: float = _default("norm_epsilon")
    kernel_initializer: str = _default("kernel_initializer")
    kernel_scale: float = _default("kernel_scale")
    loss: str = "auto"
    huber_delta: float = _default("huber_delta")
    quantile: float = _default("quantile")
    label_smoothing: float = _default("label_smoothing")
    focal_gamma: float = _default("focal_gamma")
    optimizer: str = _default("optimizer")
    learning_rate: float | str = _default("learning_rate")
    momentum: float | None = _default("momentum")
    beta_1: float | None = _default("beta_1")
    beta_2: float | None = _default("beta_2")
    rho: float | None = _default("rho")
    epsilon: float | None = _default("epsilon")
    amsgrad: bool = _default("amsgrad")
    centered: bool = _default("centered")
    weight_decay: float | None = _default("weight_decay")
    ema_momentum: float | None = _default("ema_momentum")
    clipvalue: float | None = _default("clipvalue")
    clipnorm: float | None = _default("clipnorm")
    global_clipnorm: float | None = _default("global_clipnorm")
    schedule: str = _default("schedule")
    decay_epochs: float | None = _default("decay_epochs")
    decay_rate: float = _default("decay_rate")
    decay_power: float = _default("decay_power")
    staircase: bool = _default("staircase")
    boundaries: Sequence[float] | None = _default("boundaries")
    factors: Sequence[float] | None = _default("factors")
    t_mul: float = _default("t_mul")
    m_mul: float = _default("m_mul")
    final_rate: float = _default("final_rate")
    pct_start: float = _default("pct_start")
    div_factor: float = _default("div_factor")
    final_div_factor: float = _default("final_div_factor")
    base_momentum: float = _default("base_momentum")
    max_momentum: float = _default("max_momentum")
    anneal: str = _default("anneal")
    plateau_patience: int = _default("plateau_patience")
    plateau_min_delta: float = _default("plateau_min_delta")
    plateau_cooldown: int = _default("plateau_cooldown")
    warmup: float = _default("warmup")
    warmup_start: float = _default("warmup_start")
    dropout: float = _default("dropout")
    input_dropout: float = _default("input_dropout")
    alpha_dropout: float = _default("alpha_dropout")
    gaussian_noise: float = _default("gaussian_noise")
    l1: float = _default("l1")
    l2: float = _default("l2")
    max_norm: float | None = _default("max_norm")
    batch_size: int | str = _default("batch_size")
    epochs: int = _default("epochs")
    early_stopping: bool = _default("early_stopping")
    patience: int = _default("patience")
    min_delta: float = _default("min_delta")
    freeze_epochs: int = _default("freeze_epochs")
    validation_fraction: float | None = _default("validation_fraction")
    standardize: bool = _default("standardize")
    n_networks: int = _default("n_networks")
    mc_samples: int = _default("mc_samples")
    pretrain: str | None = _default("pretrain")
    pretrain_epochs: int = _default("pretrain_epochs")
    pretrain_noise: float = _default("pretrain_noise")
    diagnose: bool = _default("diagnose")
    random_state: int | np.random.RandomState | None = None
    workers: int | str = _default("workers")
    verbose: int = _default("verbose")


def check_own(estimator: DenseParameters) -> None:
    """Refuse a bad value of a parameter that is not the recipe's."""
    for parameter in OWN:
        if parameter.name != "random_state":  # scikit-learn's own check_random_state says more.
            check(parameter.name, getattr(estimator, parameter.name), parameter.constraint)


Class = TypeVar("Class", bound=type)


def documented(*more: Parameter) -> Callable[[Class], Class]:
    """Class decorator: put the documentation of all parameters in place of `{parameters}`.

    Parameters
    ----------
    *more : Parameter
        Parameters that only this class has, or that it documents in its own words.
    """
    own = {parameter.name: parameter for parameter in more}

    def decorate(cls: Class) -> Class:
        known = {p.name: p for p in (*PARAMETERS, *OWN)} | own
        entries = [_entry(known[name]) for name in cls.__dataclass_fields__]  # type: ignore[attr-defined]
        assert cls.__doc__ is not None
        cls.__doc__ = cls.__doc__.replace("    {parameters}", "\n".join(entries))
        return cls

    return decorate


def _entry(parameter: Parameter) -> str:
    """One numpydoc entry, indented as in a class's docstring."""
    default = parameter.default
    shown = f'"{default}"' if isinstance(default, str) else repr(default)
    head = f"{parameter.name} : {parameter.type}, default={shown}"
    body = textwrap.fill(parameter.text, 92, initial_indent=" " * 4, subsequent_indent=" " * 4)
    return textwrap.indent(f"{head}\n{body}", " " * 4)
