"""What the docstrings of the Keras estimators share."""

from __future__ import annotations

from collections.abc import Callable

PARAMETERS = """model : callable or keras.Model
        A function that builds and returns a model, compiled or not, or a model, which is copied
        at each fit. Whatever parameters the function has are parameters of the estimator; it may
        also ask for `n_features_in_`, `n_outputs_`, `n_classes_`, `classes_`, `target_type_`,
        `X_shape_`, `X`, `y`, `meta`, `params` or `compile_kwargs`, which kohort fills in.
    optimizer : str, class, keras.optimizers.Optimizer or None, default=None
        None for the model's own. `optimizer__learning_rate=...` changes one of its parameters;
        "auto" for it asks `kohort.find_learning_rate`, in place of a schedule too, and keeps what
        it has found as `rate_finding_`.
    loss : str, class, function, keras.losses.Loss or None, default=None
        None for the model's own, or mean squared error, binary or sparse categorical
        cross-entropy, as the target has it. `loss__...` are its parameters.
    metrics : str, class, function, keras.metrics.Metric or None, or a list or dict of such
        None for the model's own.
    epochs : int, default=1
        Passes over the data, >= 1.
    batch_size : int, "auto" or None, default=32
        Rows of a step, >= 1; None for 32, -1 for all rows. "auto" asks `kohort.plan_batch_size`,
        and scales the optimizer's rate as it says.
    validation_split : float, default=0.0
        Share of the rows, the last ones, to validate on after each epoch, in [0, 1).
    validation_batch_size : int or None, default=None
        Rows at once in a validation, where it runs in Keras's own loop; None for `batch_size`, -1
        for all rows.
    shuffle : bool, default=True
        Whether each epoch visits the rows in an order of its own.
    run_eagerly : bool, default=False
        Whether to compile the model so that Keras's own loop runs it step by step, as for a
        debugger.
    callbacks : keras.callbacks.Callback, a class or a function that makes one, or a list or dict
        Run at the ends of epochs with the fit's own model. One that hears of every batch makes the
        fit run in Keras's own loop, with a warning. They hear of `fit` and of `predict`; those of
        `fit__callbacks` of `fit` alone, those of `predict__callbacks` of `predict`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights and the optimizer's state of the last fit.
    diagnose : bool, default=False
        Whether `fit` leaves a `diagnosis_`: what keeps the model from learning (`kohort.diagnose`).
    random_state : int, RandomState or None, default=None
        Fixes the initial weights, the order of rows and all noise.
    verbose : int, default=0
        Passed to Keras's own loop where it is used.
    **parameters
        Those of the build function (`width=64` or `model__width=64`), and parameters with a prefix:
        `optimizer__`, `loss__`, `compile__`, `callbacks__`, `fit__` (of Keras's `fit`)."""


def documented(parameters: str) -> Callable[[type], type]:
    """Class decorator: put the documentation of parameters in place of `{parameters}`."""

    def decorate(cls: type) -> type:
        assert cls.__doc__ is not None
        cls.__doc__ = cls.__doc__.replace("{parameters}", parameters)
        return cls

    return decorate
