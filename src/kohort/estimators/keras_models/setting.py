"""How a Keras estimator's fit is set up, in the words that a diagnosis uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kohort.arrays import Estimator
from kohort.engine.member import Member
from kohort.estimators.keras_models.callbacks import stops_early
from kohort.estimators.keras_models.inputs import known_loss
from kohort.estimators.keras_models.routing import known_names
from kohort.networks.lifted.keras_private import layers_of
from kohort.networks.lifted.probing import leaves
from kohort.networks.lifted.variables import normalizations
from kohort.recipe.clipping import CLIPPINGS

if TYPE_CHECKING:
    import keras

_SCALING = (
    "Normalization", "Rescaling", "BatchNormalization", "LayerNormalization", "Embedding"
)  # fmt: skip
_OF_OPTIMIZER = ("learning_rate", "momentum", "weight_decay", *CLIPPINGS)


def setting_of(estimator: Estimator, member: Member, classes: Any) -> dict[str, Any]:
    """Fields of a `Setting` that are the model's and not the recipe's."""
    model = estimator._ready.model
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    layers = list(layers_of(model, itself=False))
    limits = [(name, getattr(optimizer, name, None)) for name in CLIPPINGS]
    rate = member.pace.rate
    return {
        "tabular": len(estimator.X_shape_) == 2,
        "scales_inputs": _scales_inputs(model),
        "loss": known_loss(model.loss),
        "classes": classes if isinstance(classes, int) else 0,
        "optimizer": type(optimizer).__name__.lower(),
        "learning_rate": float("nan") if rate is None else rate,
        "schedule": "" if rate is None else "constant",
        "warmup": 0.0,
        "boundary": 0.5,
        "clipping": tuple((name, float(limit)) for name, limit in limits if limit is not None),
        "batch_norm": bool(normalizations(model)),
        "early_stopping": stops_early(estimator),
        "penalised": any(getattr(layer, "kernel_regularizer", None) for layer in layers),
        "dropout": max((float(getattr(layer, "rate", 0) or 0) for layer in layers), default=0.0),
        "names": _names(estimator),
    }


def _scales_inputs(model: keras.Model) -> bool:
    """Whether a layer in front of the first kernel scales its inputs, or looks them up."""
    for layer in leaves(model):
        if type(layer).__name__ in _SCALING:
            return True
        if layer.trainable_weights:
            return False
    return False


def _names(estimator: Estimator) -> tuple[tuple[str, str], ...]:
    """The estimator's names of the parameters that the dense estimators have too."""
    known = [name for name in known_names(estimator) if not name.endswith("__*")]
    names = {name: f"optimizer__{name}" for name in _OF_OPTIMIZER}
    return tuple((names | {name: name for name in known}).items())
