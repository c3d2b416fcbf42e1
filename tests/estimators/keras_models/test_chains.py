"""Users' chains of dense layers: the kernels do to them what their trace does, and Keras's loop."""

import keras
import numpy as np
import pytest

import kohort
from kohort.engine.compilers.native import NativeCompiler, instruction_sets
from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.executors.base import train_with
from kohort.engine.executors.inline import InlineExecutor
from kohort.engine.member import DIVERGED, Rows
from kohort.engine.programs import compilations
from kohort.estimators.keras_models.build import prepare
from kohort.estimators.keras_models.training import Job, Ready, member_of, rate_of
from kohort.networks.lifted.chained import ChainedModel
from kohort.networks.lifted.columns import Columns

L = keras.layers
FEATURES = 4
pytestmark = pytest.mark.skipif(not instruction_sets(), reason="there are no kernels")

OPTIMIZERS = [
    lambda: keras.optimizers.SGD(0.02),
    lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda: keras.optimizers.RMSprop(0.01, centered=True, momentum=0.5),
    lambda: keras.optimizers.Adam(0.01, amsgrad=True, clipnorm=0.5),
    lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1, clipvalue=0.2),
    lambda: keras.optimizers.Adamax(0.01, global_clipnorm=0.3),
    lambda: keras.optimizers.Nadam(0.01, beta_2=0.9),
    lambda: keras.optimizers.Adagrad(0.05, initial_accumulator_value=0.2),
    lambda: keras.optimizers.Adadelta(0.5),
    lambda: keras.optimizers.Lion(0.001),
]  # fmt: skip
ENDS = {
    "mse": (2, "linear", "mse", ["mae", keras.metrics.RootMeanSquaredError]),
    "tanh mae": (1, "tanh", keras.losses.MeanAbsoluteError, ["mse"]),
    "huber": (1, "linear", lambda: keras.losses.Huber(delta=0.25), []),
    "log cosh": (2, "softplus", "log_cosh", []),
    "sigmoid": (2, "sigmoid", "binary_crossentropy", ["accuracy"]),
    "logits": (
        1,
        "linear",
        lambda: keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.125),
        ["mse"],
    ),
    "classes": (3, "softmax", "sparse_categorical_crossentropy", ["accuracy"]),
    "one-hot": (
        3, "softmax", lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.25),
        ["accuracy", "mse"],
    ),
    "class logits": (
        3, "linear", lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        ["accuracy"],
    ),
}  # fmt: skip
ACTIVATIONS = (
    "relu elu selu celu silu gelu mish softplus softsign sigmoid hard_sigmoid relu6 hard_silu tanh "
    "exponential linear leaky_relu".split()
)


def problem_of(number):
    """A model, data and a batch size; numbers from 0 on go through all options.

    Normalising takes away what shifts all rows, as the bias before it or the shift of an earlier
    normalisation: their gradients are rounding alone, so no model here has one.
    """
    name = sorted(ENDS)[number % len(ENDS)]
    units, activation, loss, metrics = ENDS[name]
    norm = (None, "before", "after")[number % 3]
    penalty = (None, keras.regularizers.L1L2(0.01, 0.02), keras.regularizers.L2(0.01))[number % 3]
    own = (None, L.LeakyReLU, L.ELU, L.ReLU)[number % 4]

    def build(x):
        layers = [None, L.Normalization(), L.Rescaling(1 / 3, offset=0.5)][number % 3 :][:1]
        layers = [layer for layer in layers if layer is not None]
        if number % 3 == 1:
            layers[0].adapt(x)
        layers += [L.Dropout(0.2)] if number % 2 else []
        layers.append(
            L.Dense(
                3 + number,
                use_bias=norm != "before",
                activation="tanh" if norm == "after" else None,
                kernel_regularizer=penalty,
                kernel_constraint=keras.constraints.MaxNorm(0.7) if number % 5 == 0 else None,
            )
        )
        layers += [L.BatchNormalization()] if norm else []
        if norm != "after":
            layers.append(own() if own else L.Activation("softplus"))
        layers += [L.Dropout(0.3)] if number % 4 == 0 else []
        layers += [L.Dense(5, ACTIVATIONS[number % len(ACTIVATIONS)]), L.Dense(units, activation)]
        inputs = tensor = keras.Input((FEATURES,))
        for layer in layers if number % 2 else ():
            tensor = layer(tensor)
        model = keras.Model(inputs, tensor) if number % 2 else keras.Sequential([inputs, *layers])
        made = [m if isinstance(m, str) else m() for m in metrics]
        optimizer = OPTIMIZERS[number % len(OPTIMIZERS)]()
        model.compile(optimizer, loss if isinstance(loss, str) else loss(), metrics=made)
        return model

    return build, activation, units, str(loss), 23 + number, 7, bool(number % 2), number


def table(activation, units, loss, rows, seed):
    """Features, targets as the model's loss takes them, weights."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, FEATURES))
    if loss == "sparse_categorical_crossentropy" or (units == 3 and activation == "linear"):
        y = generator.integers(0, 3, (rows, 1))
    elif activation == "softmax":
        y = np.eye(3)[generator.integers(0, 3, rows)]
    elif loss in ("mse", "log_cosh"):
        y = generator.normal(size=(rows, units))
    else:
        y = generator.integers(0, 2, (rows, units))
    dtype = keras.config.floatx()
    return x.astype(dtype), y.astype(dtype), generator.uniform(0.5, 1.5, rows).astype(dtype)


def outcome_of(problem, traced, compiler):
    build, activation, units, loss, rows, batch, weighted, seed = problem
    x, y, weight = table(activation, units, loss, rows, seed)
    keras.utils.set_random_seed(seed)
    model = build(x)
    columns = Columns(((FEATURES,),), (keras.config.floatx(),))
    targets = Columns((y.shape[1:],), (keras.config.floatx(),))
    prepare(model, columns, targets, seed)
    ready = Ready.of(model, columns, targets, batch, rows, traced=traced)
    assert not ready.obstacle
    assert isinstance(ready.tracing.network, ChainedModel) is not traced
    data = Rows(x, y, weight if weighted else None)
    job = Job(data, None, Rows(x[::2].copy(), y[::2].copy()), 3, 0, True, [], {}, seed, 0, {})
    (outcome,) = train_with(
        InlineExecutor(compiler=compiler), [member_of(ready, job, rate_of(model))]
    )
    return outcome, ready.tracing.network.carried


def agree(problem, tolerance):
    theirs, carried = outcome_of(problem, True, XlaCompiler())
    for variant in instruction_sets():
        ours, also = outcome_of(problem, False, NativeCompiler(XlaCompiler(), variant))
        assert (ours.status, also, ours.history.keys()) == (
            theirs.status, carried, theirs.history.keys()
        )  # fmt: skip
        for name, values in theirs.history.items():
            np.testing.assert_allclose(
                ours.history[name], values, rtol=tolerance, atol=tolerance, err_msg=name
            )
        if theirs.weights is None:
            continue
        for one, other in zip(ours.weights[:carried], theirs.weights[:carried], strict=True):
            size = max(float(np.abs(other).max(initial=0)), 1e-2)
            assert float(np.abs(one - other).max(initial=0)) <= tolerance * size


@pytest.mark.parametrize("number", range(len(ACTIVATIONS)))
def test_kernels_do_to_a_chain_what_its_trace_does(number):
    # In single precision: Keras keeps some numbers of layers and losses so in any case.
    agree(problem_of(number), 2e-4)


@pytest.mark.parametrize("end", sorted(ENDS))
def test_outputs_that_are_no_numbers_are_a_divergence_at_once(end):
    units, activation, loss, _ = ENDS[end]

    def opposed(shape, dtype=None):
        signs = np.resize([1.0, -1.0], shape[0])
        return keras.ops.convert_to_tensor(signs[:, None] * np.ones(shape), dtype)

    def build(x):
        huge = keras.initializers.Constant(1e30)
        inner = [L.Dense(4, "relu", kernel_initializer=huge) for _ in range(2)]
        last = L.Dense(units, activation, kernel_initializer=opposed)
        model = keras.Sequential([keras.Input((FEATURES,)), *inner, last])
        model.compile("sgd", loss if isinstance(loss, str) else loss())
        return model

    problem = build, activation, units, str(loss), 23, 7, False, 0
    outcome, _ = outcome_of(problem, False, NativeCompiler(XlaCompiler(), instruction_sets()[-1]))
    assert outcome.status == DIVERGED
    assert "epoch 1 (step 1 of the epoch)" in outcome.cause


def test_a_search_over_chains_compiles_nothing(models, rows):
    X, y, _ = rows
    search = kohort.GridSearchCV(
        kohort.KerasRegressor(models["chain"], epochs=2, random_state=0),
        {"width": [3, 20], "depth": [1, 2]}, cv=2,
    )  # fmt: skip
    with compilations() as log:
        search.fit(X, y)
    assert log == []


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"kernel_regularizer": keras.regularizers.OrthogonalRegularizer()}, False),
        ({"kernel_constraint": keras.constraints.UnitNorm()}, False),
        ({"bias_regularizer": "l2"}, False),
        ({"trainable": False}, False),
        ({"activation": "log_sigmoid"}, False),
    ],
)
def test_what_kernels_lack_trains_by_its_trace(change, taken, rows):
    X, y, _ = rows

    def build():
        model = keras.Sequential([keras.Input((5,)), L.Dense(4, **change), L.Dense(1)])
        model.compile("sgd", "mse")
        return model

    estimator = kohort.KerasRegressor(build, epochs=1, random_state=0).fit(X, y)
    assert isinstance(estimator._ready.tracing.network, ChainedModel) is taken


def test_an_optimizer_s_state_goes_on_where_the_kernels_left_it(rows):
    X, y, _ = rows

    def build():
        optimizer = keras.optimizers.RMSprop(0.01, momentum=0.9)
        model = keras.Sequential([keras.Input((5,)), L.Dense(6, "tanh"), L.Dense(1)])
        model.compile(optimizer, "mse")
        return model

    options = {"epochs": 2, "shuffle": False, "random_state": 0}
    begun = kohort.KerasRegressor(build, **options).fit(X, y)
    theirs = begun.model_
    theirs.fit(X, y[:, None], batch_size=32, epochs=2, shuffle=False, verbose=0)
    whole = kohort.KerasRegressor(build, **{**options, "epochs": 4}).fit(X, y)
    for ours, other in zip(whole.model_.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-4, atol=1e-5)
