"""Parameters of the dense estimators, and their documentation out of the table of parameters."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from typing import Any, TypeVar

import numpy as np

from kohort.arrays import Estimator
from kohort.estimators.parameter_names import CheckedNames
from kohort.recipe.constraints import Interval, OneOf, check, flag, optional
from kohort.recipe.hyperparameter import ARRAY, HOST, STRUCTURE, Parameter, hyperparameter, table_of
from kohort.recipe.hyperparameters import DEFAULTS, PARAMETERS, Hyperparameters
from kohort.studies.prepared import AUTO, AUTOMATIC, is_auto, or_auto

_COUNT = Interval(0, math.inf, whole=True)
WORKERS = or_auto(_COUNT)
"""Numbers of processes that read files."""
AVERAGING = next(p for p in PARAMETERS if p.name == "ema_momentum")
MAY_BE_AUTO = {
    p.name: or_auto(p.constraint) for p in PARAMETERS if p.name in AUTOMATIC | {AVERAGING.name}
}
"""Requirements of parameters of a recipe that the estimators know as `"auto"` too."""


@lru_cache(maxsize=128)
def _parameter_names(cls: Hashable, init: Hashable) -> tuple[str, ...]:
    """Names of the parameters of a class that is constructed by `init`."""
    from sklearn.base import BaseEstimator

    return tuple(BaseEstimator._get_param_names.__func__(cls))


@dataclass(eq=False, repr=False)
class DenseParameters(CheckedNames, Hyperparameters):
    """Parameters of `DenseRegressor` and `DenseClassifier`, with types for those who check them."""

    loss: str = "auto"
    ema_momentum: float | str | None = hyperparameter(
        AUTO,
        AVERAGING.technique,
        AVERAGING.kind,
        MAY_BE_AUTO[AVERAGING.name],
        f'{AVERAGING.text} "auto" is 0.98, and less in a training of fewer than 1000 steps, all '
        "epochs counted: the average reaches over a twentieth of them at most. Then pretraining "
        "has none.",
    )
    validation_fraction: float | None = hyperparameter(
        0.1,
        "early stopping",
        HOST,
        optional(Interval(0, 1, closed="neither")),
        "Share of the rows set aside to validate on when stopping early, in (0, 1), stratified "
        "where there are classes and they are large enough. None monitors the training loss. "
        "Unused when `fit` gets `validation_data`.",
    )
    standardize: bool = hyperparameter(
        True,
        "standardisation",
        HOST,
        flag(),
        "Whether to scale each feature to mean 0 and deviation 1, and a regressor's target too, "
        "over the rows given to `fit`; part of the model that `to_keras` gives.",
    )
    scale_binary: bool = hyperparameter(
        False,
        "standardisation",
        HOST,
        flag(),
        "Whether standardize scales features of 0 and 1 alone too. A rare 1, as of a category, is "
        "many deviations from the mean; as it is, it weighs no more than the others.",
    )
    input_clip: float | None = hyperparameter(
        3.0,
        "standardisation",
        HOST,
        optional(Interval(0, math.inf, closed="neither")),
        "Limit c, > 0, into which standardised features z are pulled: z / sqrt(1 + (z / c)**2) "
        "(Holzmueller et al. 2024, arXiv:2407.04491). Features of 0 and 1 that are not scaled stay "
        "as they are. None for no limit; ignored with standardize=False.",
    )
    n_networks: int = hyperparameter(
        1,
        "deep ensembles",
        ARRAY,
        Interval(1, math.inf, whole=True),
        "Networks trained from different seeds, in one cohort, whose predictions are averaged, >= "
        "1 (Lakshminarayanan et al. 2017, arXiv:1612.01474).",
    )
    mc_samples: int = hyperparameter(
        0,
        "Monte Carlo dropout",
        HOST,
        _COUNT,
        "Passes with dropout left on that a prediction is the average of, >= 0 (Gal and "
        "Ghahramani 2016, arXiv:1506.02142). 0 for one pass without dropout.",
    )
    pretrain: str | None = hyperparameter(
        None,
        "pretraining",
        STRUCTURE,
        optional(OneOf(("autoencoder", "denoising", "layerwise"))),
        "Unsupervised pretraining of the hidden layers on all rows, unlabelled ones included: to "
        "reproduce the inputs, the inputs from corrupted ones (Vincent et al. 2010), or greedily "
        "layer by layer (Bengio et al. 2007). Rows without a label have y = -1 (classification) or "
        "NaN (regression), or are given as `X_unlabeled`.",
    )
    pretrain_epochs: int = hyperparameter(
        20,
        "pretraining",
        HOST,
        Interval(1, math.inf, whole=True),
        "Passes over all rows in pretraining, >= 1 (for each layer with layerwise).",
    )
    pretrain_noise: float = hyperparameter(
        0.3,
        "pretraining",
        ARRAY,
        Interval(0, 1),
        "Share of inputs that denoising hides, in [0, 1).",
    )
    diagnose: bool = hyperparameter(
        False,
        "diagnosis",
        HOST,
        flag(),
        "Whether to measure the first network in training and to keep in `diagnosis_` the causes "
        "that hinder learning; the weights stay the same to the last bit. See `kohort.diagnose`.",
    )
    random_state: int | np.random.RandomState | None = hyperparameter(
        None,
        "seed",
        ARRAY,
        OneOf(()),
        "Fixes the split, the initial weights, the order of rows and all noise.",
        shown="int, RandomState or None",
    )
    workers: int | str = hyperparameter(
        0,
        "reading",
        HOST,
        WORKERS,
        "Processes that read a `ParquetTable` while the network trains, >= 0; needs the package "
        'grain. 0 reads in the training process; `"auto"` measures how many keep the training busy '
        "(`kohort.plan_workers`). The network is the same whatever their number.",
    )
    verbose: int = hyperparameter(
        0,
        "output",
        HOST,
        Interval(0, 2, closed="both", whole=True),
        "Silent, a line every ten epochs, or a line per epoch.",
        shown="{0, 1, 2}",
    )
    n_bins: int | None = hyperparameter(
        None,
        "piecewise linear encoding",
        HOST,
        optional(Interval(2, math.inf, whole=True)),
        "Bins of about equally many rows, >= 2 for each feature, whose piecewise linear encoding "
        "the network sees beside the feature (Gorishniy et al. 2022, arXiv:2203.05556). Equal ends "
        "are one; a feature with but two different ones, such as one of 0 and 1, has no bins. None "
        "for the features alone. Needs a table in memory.",
        kw_only=True,
    )

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """Return scikit-learn's list, for which it reads the signature anew at each clone."""
        kind: type = cls
        return list(_parameter_names(kind, kind.__init__))  # type: ignore[misc]


def recipe_fields(estimator: Estimator) -> dict[str, Any]:
    """An estimator's fields of a recipe but the loss; a recipe's default in place of `"auto"`.

    Raises
    ------
    AttributeError
        If it is no dense estimator.
    ParameterError
        If one that may be `"auto"` has a value that is not allowed.
    """
    fields = {name: getattr(estimator, name) for name in DEFAULTS}
    for name, constraint in MAY_BE_AUTO.items():
        check(name, fields[name], constraint)
    unknown = [name for name in MAY_BE_AUTO if is_auto(fields[name])]
    return fields | {name: DEFAULTS[name] for name in unknown}


OWN = tuple(p for p in table_of(DenseParameters) if p.name not in DEFAULTS)
"""Parameters that are the estimators' and not the recipe's."""


def check_own(estimator: DenseParameters) -> None:
    """Refuse a bad value of a parameter that is not the recipe's."""
    for parameter in OWN:
        if parameter.name != "random_state":  # scikit-learn's own check_random_state says more.
            check(parameter.name, getattr(estimator, parameter.name), parameter.constraint)


Class = TypeVar("Class", bound=type)

_REFERENCES = """Papers without an arXiv number that the parameters name:

    Bengio et al., "Greedy Layer-Wise Training of Deep Networks", NIPS 2006.
    Bishop, "Training with Noise is Equivalent to Tikhonov Regularization", Neural Computation 1995.
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.
    Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 1964.
    Koenker and Bassett, "Regression Quantiles", Econometrica 1978.
    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM Journal on
    Control and Optimization 1992.
    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR
    2014.
    Vincent et al., "Stacked Denoising Autoencoders", JMLR 2010."""


def documented(*more: Parameter) -> Callable[[Class], Class]:
    """Class decorator: write all parameters and references in place of their names in braces.

    Parameters
    ----------
    *more : Parameter
        Parameters that only this class has, or that it documents in its own words.
    """
    own = {parameter.name: parameter for parameter in more}

    def decorate(cls: Class) -> Class:
        known = {p.name: p for p in table_of(DenseParameters)} | own
        entries = [_entry(known[name]) for name in signature(cls).parameters]
        assert cls.__doc__ is not None
        cls.__doc__ = cls.__doc__.replace("    {parameters}", "\n".join(entries)).replace(
            "{references}", _REFERENCES
        )
        return cls

    return decorate


def _entry(parameter: Parameter) -> str:
    """One numpydoc entry, indented as in a class's docstring."""
    default = parameter.default
    shown = f'"{default}"' if isinstance(default, str) else repr(default)
    head = f"{parameter.name} : {parameter.type}, default={shown}"
    body = textwrap.fill(parameter.text, 92, initial_indent=" " * 4, subsequent_indent=" " * 4)
    return textwrap.indent(f"{head}\n{body}", " " * 4)
