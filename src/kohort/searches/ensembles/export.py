"""An ensemble as one compiled Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kohort.arrays import Estimator
from kohort.deferred import keras
from kohort.errors import ParameterError, explain
from kohort.searches.ensembles.members import fronts_of
from kohort.searches.ensembles.part import Part
from kohort.searches.ensembles.pooling import Pooling


def keras_ensemble(
    parts: Sequence[Part], pooling: Pooling, outputs: int, name: str, transformed: bool
) -> Any:
    """See `SearchEnsemble.to_keras`.

    Parameters
    ----------
    parts : sequence of Part
    pooling : Pooling
        How the models of a part predict as one.
    outputs : int
        Classes or targets.
    name : str
        Of the model.
    transformed : bool
        Whether its inputs are what the transformers in front give.

    Raises
    ------
    ParameterError
        If a member has no Keras model of its own, or reads what transformers give and
        `transformed` does not say so.
    """
    members = [member for part in parts for member in part.members]
    fronts = fronts_of(members)
    if fronts != [None] and not transformed:
        raise ParameterError(
            "`to_keras` cannot take the transformers of a pipeline along, which are scikit-learn's "
            "and one for each fold. Search with the network alone, which scales its features "
            "itself; or call to_keras(transformed=True) for a model with one input for each of "
            "`fronts_`: the features that its transform gives."
        )
    models = [_model(member.head, outputs) for member in members]
    shapes = {
        id(member.front): model.input_shape[1:]
        for member, model in zip(members, models, strict=True)
    }
    inputs = {
        front: keras.Input(shape, name=f"features_{place}")
        for place, (front, shape) in enumerate(shapes.items(), start=1)
    }
    networks, weighted = iter(models), []
    for place, part in enumerate(parts, start=1):
        found = []
        for number, member in enumerate(part.members, start=1):
            model = next(networks)
            model.name = f"network_{place}_{number}"
            found.append(model(inputs[id(member.front)]))
        pooled = pooling.in_keras(found, f"part_{place}")
        weighted.append(keras.layers.Rescaling(part.weight, name=f"share_{place}")(pooled))
    average = weighted[0] if len(weighted) == 1 else keras.layers.Add(name="average")(weighted)
    whole = keras.Model(list(inputs.values()), average, name=name)
    optimizer = models[0].optimizer
    whole.compile(type(optimizer).from_config(optimizer.get_config()), models[0].loss)
    whole.optimizer.build(whole.trainable_variables)  # A saved model loads complete.
    return whole


def _model(head: Estimator, outputs: int) -> Any:
    if not hasattr(head, "to_keras"):
        requirement = "that of a search over networks, each with a Keras model of its own"
        raise ParameterError(explain("to_keras", requirement, head))
    if len(getattr(head, "classes_", range(outputs))) != outputs:
        requirement = "that of an ensemble whose folds have all classes"
        raise ParameterError(explain("to_keras", requirement, head, "Use StratifiedKFold."))
    return head.to_keras()
