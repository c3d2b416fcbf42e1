"""Documentation of the parameters that both Keras estimators have."""

from __future__ import annotations

from collections.abc import Callable

PARAMETERS = """model : callable or keras.Model
        A function that builds and returns a model, compiled or not; or a model, which is copied
        at each fit. The function's parameters are parameters of the estimator; it may also take
        `n_features_in_`, `n_outputs_`, `n_classes_`, `classes_`, `target_type_`,
        `X_shape_`, `X`, `y`, `meta`, `params` or `compile_kwargs`, which kohort fills in.
    optimizer : str, class, keras.optimizers.Optimizer or None, default=None
        The optimizer; None for the model's own. `optimizer__learning_rate=...` sets one of its
        parameters. With `optimizer__learning_rate="auto"` the rate is the one that
        `kohort.find_learning_rate` finds, in place of a schedule too, and `rate_finding_` keeps the
        finding.
    loss : str, class, function, keras.losses.Loss or None, default=None
        The loss; None for the model's own, or for the one that suits the target: mean squared
        error, binary or sparse categorical cross-entropy. `loss__...` sets its parameters.
    metrics : str, class, function, keras.metrics.Metric or None, or a list or dict of these
        The metrics that the history has; None for the model's own.
    epochs : int, default=1
        Passes over the data, >= 1.
    batch_size : int, "auto" or None, default=32
        Rows of a step, >= 1; None for 32, -1 for all rows. "auto" asks `kohort.plan_batch_size`,
        and scales the optimizer's rate as it says.
    validation_split : float, default=0.0
        Share of the rows, the last ones, to validate on after each epoch, in [0, 1).
    validation_batch_size : int or None, default=None
        Rows of a validation batch, >= 1, if the fit runs in Keras's own loop; None for
        `batch_size`, -1 for all rows.
    shuffle : bool, default=True
        Whether each epoch visits the rows in an order of its own.
    run_eagerly : bool, default=False
        Whether to compile the model so that Keras's own loop runs it step by step, as for a
        debugger.
    callbacks : keras.callbacks.Callback, a class or a function that makes one, or a list or dict
        Called at the end of each epoch with the fit's own model. A callback with a method for
        batches makes the fit run in Keras's own loop, with a warning. Both `fit` and `predict` call
        `callbacks`; `fit` alone calls `fit__callbacks`, `predict` alone `predict__callbacks`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights and the optimizer's state of the last fit.
    diagnose : bool, default=False
        Whether `fit` finds the causes that keep the model from learning, as `kohort.diagnose` does,
        and keeps them as `diagnosis_`.
    random_state : int, RandomState or None, default=None
        Fixes the initial weights, the order of rows and all noise.
    verbose : int, default=0
        How much Keras prints when a fit runs in Keras's own loop.
    **parameters
        Parameters of the build function (`width=64` or `model__width=64`), and parameters with a
        prefix:
        `optimizer__`, `loss__`, `compile__`, `callbacks__`, `fit__` (of Keras's `fit`)."""


def documented(parameters: str) -> Callable[[type], type]:
    """Class decorator: put the documentation of parameters in place of `{parameters}`."""

    def decorate(cls: type) -> type:
        assert cls.__doc__ is not None
        cls.__doc__ = cls.__doc__.replace("{parameters}", parameters)
        return cls

    return decorate
