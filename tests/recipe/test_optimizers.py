"""Every optimizer against Keras's own, step by step; neutral numbers and padding change nothing."""

from contextlib import nullcontext
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

from kohort.recipe.clipping import CLIPPINGS
from kohort.recipe.optimizers import NUMBERS_WITH_DEFAULT, OPTIMIZERS, RULES, transformation
from kohort.recipe.optimizers.muon import orthogonal

_STEPS = 50
_SHAPES = ((5, 4), (4,), (4, 3), (3,))
_KERAS = {
    "sgd": keras.optimizers.SGD,
    "momentum": lambda *a, **k: keras.optimizers.SGD(*a, **{"momentum": 0.9, **k}),
    "nesterov": lambda *a, **k: keras.optimizers.SGD(*a, nesterov=True, **{"momentum": 0.9, **k}),
    "adagrad": keras.optimizers.Adagrad,
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "adamax": keras.optimizers.Adamax,
    "nadam": keras.optimizers.Nadam,
    "adadelta": keras.optimizers.Adadelta,
    "lion": keras.optimizers.Lion,
    "muon": keras.optimizers.Muon,
}
_RATES = {
    "sgd": 0.2, "momentum": 0.05, "nesterov": 0.05, "adagrad": 0.1, "rmsprop": 0.01, "adam": 0.03,
    "adamw": 0.03, "adamax": 0.03, "nadam": 0.03, "adadelta": 3.0, "lion": 0.005, "muon": 0.03,
}  # fmt: skip
# Keras's Muon has parameters of its own for the variables that Adam updates.
_MUON_NAMES = {"beta_1": "adam_beta_1", "beta_2": "adam_beta_2"}
_GAINS = {"gain_1": "beta_1", "gain_2": "beta_2", "gain_rho": "rho"}


@dataclass(frozen=True)
class _Case:
    """An optimizer, its parameters that are not at Keras's default, and one that drifts."""

    name: str
    given: dict = field(default_factory=dict)
    drifts: str = ""

    def keras(self):
        given = dict(self.given)
        if self.name == "muon":
            given = {_MUON_NAMES.get(name, name): value for name, value in given.items()}
            given["adam_weight_decay"] = given.get("weight_decay", 0.004)
        return _KERAS[self.name](_RATES[self.name], **given)

    def rule(self):
        decays = self.given.get("weight_decay", OPTIMIZERS[self.name].default("weight_decay"))
        uses = frozenset(self.given) | ({"weight_decay"} if decays else set())
        return transformation(OPTIMIZERS[self.name].family, uses)

    def numbers(self, dtype, factor=1.0):
        """The numbers of a step at which the learning rate and what drifts have this factor."""
        optimizer = OPTIMIZERS[self.name]
        values = {name: optimizer.default(name) for name in NUMBERS_WITH_DEFAULT}
        values |= dict(optimizer.fixed) | self.given
        if self.drifts:
            values[self.drifts] *= factor
        values |= {gain: 1 - values[beta] for gain, beta in _GAINS.items()}
        values["learning_rate"] = _RATES[self.name] * factor
        return {name: jnp.asarray(value, dtype) for name, value in values.items()}


_DEFAULTS = {name: _Case(name) for name in OPTIMIZERS}
# An epsilon of 0.01 is large enough to show its place in the formula.
_OPTIONS = {
    "sgd, decay": _Case("sgd", {"weight_decay": 0.1}),
    "sgd, clipvalue": _Case("sgd", {"clipvalue": 0.05}),
    "sgd, clipnorm": _Case("sgd", {"clipnorm": 0.1}),
    "sgd, global_clipnorm": _Case("sgd", {"global_clipnorm": 0.2}),
    "nesterov, decay, clipvalue": _Case("nesterov", {"weight_decay": 0.1, "clipvalue": 0.05}),
    "adam, amsgrad, decay, clipnorm": _Case(
        "adam",
        {"amsgrad": True, "beta_2": 0.5, "epsilon": 0.01, "weight_decay": 0.1, "clipnorm": 0.1},
    ),
    "rmsprop, momentum": _Case("rmsprop", {"momentum": 0.7, "epsilon": 0.01}),
    "rmsprop, centered": _Case("rmsprop", {"centered": True, "rho": 0.7}),
    "rmsprop, centered, momentum, decay": _Case(
        "rmsprop", {"centered": True, "momentum": 0.7, "weight_decay": 0.1, "epsilon": 0.01}
    ),
    "muon, clipvalue, decay": _Case("muon", {"clipvalue": 0.05, "weight_decay": 0.2}),
}
_BETAS = {"beta_1": 0.6, "beta_2": 0.8}
_NUMBERS = {
    "adagrad, epsilon": _Case("adagrad", {"epsilon": 0.01}),
    "adadelta, rho, epsilon": _Case("adadelta", {"rho": 0.7, "epsilon": 0.01}),
    "adam, drifting beta_1": _Case("adam", {**_BETAS, "epsilon": 0.01}, "beta_1"),
    "adamax, drifting beta_1": _Case("adamax", {**_BETAS, "epsilon": 0.01}, "beta_1"),
    "nadam, drifting beta_1": _Case("nadam", {**_BETAS, "epsilon": 0.01}, "beta_1"),
    "lion, drifting beta_1": _Case("lion", _BETAS, "beta_1"),
    "muon, drifting momentum": _Case(
        "muon", {**_BETAS, "momentum": 0.6, "epsilon": 0.01}, "momentum"
    ),
}


def _corner(shape):
    return tuple(map(slice, shape))


def _initial(dtype, shapes=_SHAPES):
    """Initial variables, padded with zeros up to `shapes`."""
    generator = np.random.default_rng(0)
    variables = [np.zeros(shape, dtype) for shape in shapes]
    for variable, shape in zip(variables, _SHAPES, strict=True):
        variable[_corner(shape)] = generator.normal(size=shape)
    return [jnp.asarray(variable) for variable in variables]


def _gradients(variables):
    """Gradients of a small network's loss, in which every parameter acts on every other."""
    generator = np.random.default_rng(1)
    dtype = variables[0].dtype
    x = jnp.asarray(generator.normal(size=(16, 5)), dtype)
    y = jnp.asarray(generator.normal(size=(16, 3)), dtype)

    def loss(variables):
        corners = [v[_corner(shape)] for v, shape in zip(variables, _SHAPES, strict=True)]
        kernel, bias, last_kernel, last_bias = corners
        output = jnp.tanh(x @ kernel + bias) @ last_kernel + last_bias
        return jnp.mean(jnp.square(output - y))

    return jax.grad(loss)(variables)


def _factors(dtype):
    return jnp.asarray(1 + 0.5 * np.sin(np.arange(_STEPS)), dtype)


def _advance(rule, variables, state, numbers, shapes=None):
    grads = _gradients(variables)
    steps, state = rule.update(grads, state, variables, numbers=numbers, shapes=shapes)
    return optax.apply_updates(variables, steps), state


def _kohort_trajectory(case, variables):
    """Variables after each step, with a leading axis (step,)."""
    rule, dtype = case.rule(), variables[0].dtype

    def body(carry, factor):
        carry = _advance(rule, *carry, case.numbers(dtype, factor))
        return carry, carry[0]

    return jax.lax.scan(body, (variables, rule.init(variables)), _factors(dtype))[1]


def _keras_trajectory(case, variables):
    optimizer, dtype = case.keras(), variables[0].dtype
    optimizer.build([keras.Variable(variable) for variable in variables])
    place = [v is optimizer.learning_rate for v in optimizer.variables].index(True)

    def body(carry, factor):
        variables, state = carry
        numbers = case.numbers(dtype, factor)
        state[place] = numbers["learning_rate"]
        if case.drifts:
            setattr(optimizer, case.drifts, numbers[case.drifts])
        variables, state = optimizer.stateless_apply(state, _gradients(variables), variables)
        return (variables, state), variables

    state = [variable.value for variable in optimizer.variables]
    return jax.lax.scan(body, (variables, state), _factors(dtype))[1]


def _distance(actual, expected):
    """Largest difference on the way, relative to each variable's largest entry at that step."""
    distances = []
    for pair in zip(actual, expected, strict=True):
        a, e = (np.asarray(v, np.float64).reshape(len(v), -1) for v in pair)
        distances.append(np.max(np.abs(a - e).max(1) / np.abs(e).max(1)))
    return max(distances)


def _assert_is_kerass(case, dtype, tolerance):
    variables = _initial(dtype)
    both = jax.jit(lambda v: (_kohort_trajectory(case, v), _keras_trajectory(case, v)))
    actual, expected = both(variables)
    assert {v.dtype for v in actual} == {np.dtype(dtype)}
    assert all(not np.allclose(e[-1], v) for e, v in zip(expected, variables, strict=True))
    assert _distance(actual, expected) <= tolerance


@pytest.fixture
def _full_precision_norm(monkeypatch):
    """Keras's `norm`, which Muon needs, rounds to float32 even where it computes in float64."""
    monkeypatch.setattr(keras.src.ops, "norm", jnp.linalg.norm)


@pytest.mark.usefixtures("_full_precision_norm")
@pytest.mark.parametrize("case", _DEFAULTS | _OPTIONS | _NUMBERS)
def test_fifty_steps_are_kerass_in_double_precision(case, double_precision):
    with double_precision():
        _assert_is_kerass((_DEFAULTS | _OPTIONS | _NUMBERS)[case], np.float64, 1e-10)


@pytest.mark.parametrize("case", _DEFAULTS | _OPTIONS)
def test_fifty_steps_are_kerass_in_single_precision(case):
    _assert_is_kerass((_DEFAULTS | _OPTIONS)[case], np.float32, 1e-5)


@pytest.mark.parametrize("name", ["momentum", "nesterov", "rmsprop"])
def test_momentum_may_change_from_step_to_step(name, double_precision):
    """Steps in a Python loop, because Keras asks whether the momentum is 0."""
    cases = [_Case(name, {"momentum": momentum}) for momentum in (0.9, 0.5, 0.7)]

    def both(variables):
        rule, optimizer = cases[0].rule(), cases[0].keras()
        optimizer.build([keras.Variable(variable) for variable in variables])
        keras_state = [variable.value for variable in optimizer.variables]
        ours, theirs, state = variables, variables, rule.init(variables)
        for case in cases:
            ours, state = _advance(rule, ours, state, case.numbers(np.float64))
            optimizer.momentum = case.given["momentum"]
            theirs, keras_state = optimizer.stateless_apply(keras_state, _gradients(theirs), theirs)
        return ours, theirs

    with double_precision():
        for actual, expected in zip(*jax.jit(both)(_initial(np.float64)), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_are_kerass(name):
    optimizer, oracle = OPTIMIZERS[name], _KERAS[name](0.1)
    for number in NUMBERS_WITH_DEFAULT:
        attribute = _MUON_NAMES.get(number, number) if name == "muon" else number
        assert optimizer.default(number) == (getattr(oracle, attribute, None) or 0.0), number
    if optimizer.family == "momentum":
        assert dict(optimizer.fixed) == {"nesterov": float(oracle.nesterov)}


def test_an_optimizer_is_hashable_and_has_no_other_default():
    assert len(set(OPTIMIZERS.values())) == len(OPTIMIZERS)
    assert {optimizer.family for optimizer in OPTIMIZERS.values()} == set(RULES)
    with pytest.raises(KeyError):
        OPTIMIZERS["adam"].default("learning_rate")


_NEUTRAL = {"weight_decay": 0.0, "amsgrad": 0.0, "centered": 0.0, "momentum": 0.0} | dict.fromkeys(
    CLIPPINGS, np.inf
)
_ACTIVE = {
    "weight_decay": 0.1, "amsgrad": 1.0, "centered": 1.0, "momentum": 0.5, "clipvalue": 0.05,
    "clipnorm": 0.1, "global_clipnorm": 0.2,
}  # fmt: skip
_COMMON = {"weight_decay", *CLIPPINGS}
_OWN = {"adam": {"amsgrad"}, "rmsprop": {"centered", "momentum"}}


def _few_steps(family, uses, options):
    """Variables after some steps, each operation by itself, so that rounding is IEEE's."""
    optimizer = next(name for name, o in OPTIMIZERS.items() if o.family == family)
    given = {"beta_2": 0.5} if "amsgrad" in _OWN.get(family, ()) else {}
    numbers = _Case(optimizer, {**given, **options}).numbers(np.float32)
    rule, variables = transformation(family, frozenset(uses)), _initial(np.float32)
    state, gradients = rule.init(variables), jax.jit(_gradients)
    for _ in range(12):
        steps, state = rule.update(gradients(variables), state, variables, numbers=numbers)
        variables = optax.apply_updates(variables, steps)
    return variables


@pytest.mark.parametrize(
    ("family", "uses"),
    [
        *(("sgd", {option}) for option in sorted(_COMMON)),
        *((family, {option}) for family, own in _OWN.items() for option in sorted(own)),
        *((family, _COMMON | _OWN.get(family, set())) for family in RULES),
    ],
)
def test_a_neutral_option_gives_what_the_program_without_it_gives_bit_for_bit(family, uses):
    plain = _few_steps(family, (), {})
    neutral = _few_steps(family, uses, {option: _NEUTRAL[option] for option in uses})
    active = _few_steps(family, uses, {option: _ACTIVE[option] for option in uses})
    for expected, actual, changed in zip(plain, neutral, active, strict=True):
        np.testing.assert_array_equal(actual, expected)
        assert not np.allclose(changed, expected, rtol=1e-3)


@pytest.mark.parametrize("family", RULES)
def test_state_of_an_option_exists_only_where_it_is_used(family):
    def size(uses):
        state = jax.eval_shape(transformation(family, uses).init, _initial(np.float32))
        return sum(leaf.size for leaf in jax.tree.leaves(state))

    parameters = sum(np.prod(shape) for shape in _SHAPES)
    for option in _OWN.get(family, ()):
        assert size(frozenset({option})) == size(frozenset()) + parameters
    others = frozenset(_ACTIVE) - _OWN.get(family, set())
    assert size(others) == size(frozenset())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("family", RULES)
def test_rules_need_no_implicit_promotion_and_keep_the_precision(family, dtype, double_precision):
    uses = frozenset(_ACTIVE)
    rule = transformation(family, uses)
    precision = double_precision() if dtype == np.float64 else nullcontext()
    with precision, jax.numpy_dtype_promotion("strict"):
        numbers = _Case("muon", {**_ACTIVE, "nesterov": 1.0}).numbers(dtype)
        variables = _initial(dtype)
        state = jax.eval_shape(rule.init, variables)
        steps, after = jax.eval_shape(
            lambda n: rule.update(variables, rule.init(variables), variables, numbers=n), numbers
        )
    assert state == after
    assert steps == [jax.ShapeDtypeStruct(shape, dtype) for shape in _SHAPES]


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in ("adamw", "nesterov")])
def test_padding_with_zeros_changes_nothing_and_stays_zero(name, double_precision):
    """The padded kernel is wide where the real one is tall."""
    case = _Case(name, {"weight_decay": 0.1, "clipnorm": 0.1})
    rule = case.rule()
    padded_shapes = ((6, 9), (9,), (9, 3), (3,))

    def train(variables, shapes):
        start = (variables, rule.init(variables))
        numbers = case.numbers(np.float64)
        step = lambda _, carry: _advance(rule, *carry, numbers, shapes)  # noqa: E731
        return jax.lax.fori_loop(0, 20, step, start)[0]

    with double_precision():
        real = jax.jit(lambda variables: train(variables, None))(_initial(np.float64))
        shapes = [tuple(map(jnp.int32, shape)) for shape in _SHAPES]
        padded = jax.jit(train)(_initial(np.float64, padded_shapes), shapes)
        for small, large, shape in zip(real, padded, _SHAPES, strict=True):
            np.testing.assert_allclose(large[_corner(shape)], small, rtol=1e-11, atol=1e-12)
            surplus = np.array(large)
            surplus[_corner(shape)] = 0
            np.testing.assert_array_equal(surplus, 0)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (7, 1)])
def test_newton_schulz_turns_singular_values_to_about_one_and_keeps_the_directions(shape):
    generator = np.random.default_rng(0)
    left, _ = np.linalg.qr(generator.normal(size=(shape[0], min(shape))))
    right, _ = np.linalg.qr(generator.normal(size=(shape[1], min(shape))))
    matrix = left * np.linspace(0.5, 2.0, min(shape)) @ right.T
    turned = left.T @ np.asarray(orthogonal(jnp.asarray(matrix, np.float32))) @ right
    values = np.diag(turned)
    assert ((values > 0.6) & (values < 1.3)).all()
    np.testing.assert_allclose(turned, np.diag(values), atol=1e-4)
