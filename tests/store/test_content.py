"""Keys: equal for members whose results are equal, different for all others."""

from dataclasses import fields, replace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth
from tests.store.conftest import equal, member, table

import kohort
from kohort.data.decoding import Images
from kohort.engine import numerics as numerics_module
from kohort.engine.content import content_key
from kohort.engine.executors.local import train
from kohort.engine.member import Member, Rows
from kohort.engine.numerics import Numerics
from kohort.estimators.keras_models import cohort_run
from kohort.recipe.hyperparameters import DEFAULTS
from kohort.recipe.pacing import SteadyPace
from kohort.recipe.stopping import Stopping

pytestmark = pytest.mark.timeout(120)


def key(one):
    return content_key(one, Numerics()(one))


def changed(name):
    """The small member with one of its fields changed, in a way that its result shows."""
    plain = member()
    values = {
        "network": lambda: member(activation="tanh").network,
        "numbers": lambda: tuple(number + 0.01 for number in plain.numbers),
        "units": lambda: (3,),
        "batch_size": lambda: 5,
        "epochs": lambda: 4,
        "pace": lambda: SteadyPace(0.3),
        "initial": lambda: member(kernel_scale=2.0).initial,
        "rows": lambda: table(1),
        "seed": lambda: 1,
        "train": lambda: np.arange(15),
        "validation": lambda: table(2),
        "stopping": lambda: Stopping(1),
        "remedy": lambda: ", sadly.",
        "shuffled": lambda: False,
        "first_epoch": lambda: 1,
    }
    return replace(plain, **{name: values[name]()})


CODE = {
    "on_epoch": lambda *_: None,
    "on_steps": lambda *_: None,
    "instrument": object(),
}


PARTS = {"until", "resumed"}
"""How far a training goes at once: a store leaves them out, since in parts it ends the same."""

NAMES = {field.name for field in fields(Member)} - set(CODE) - PARTS


@pytest.mark.whole
@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_field_of_a_member_is_in_its_key(name):
    assert key(changed(name)) != key(member())


@pytest.mark.parametrize("name", CODE)
def test_what_runs_code_has_no_key(name):
    assert key(replace(member(), **{name: CODE[name]})) is None


def test_equal_content_has_an_equal_key_in_whatever_arrays():
    one = member(train=np.arange(15), validation=table(2))
    x = np.asfortranarray(table().x)
    other = member(rows=Rows(x, table().y.copy()), train=np.arange(15), validation=table(2))
    assert key(one) == key(other)


CHANGES = {
    "width": [4, 5],
    "activation": ["relu", "elu"],
    "learning_rate": [0.01, 0.02, 30.0],
    "dropout": [0.0, 0.3],
    "optimizer": ["adam", "sgd"],
    "schedule": ["constant", "exponential", "performance"],
    "ema_momentum": [0.3, 0.5],
    "batch_size": [7, 8],
    "epochs": [2, 3],
}


@given(
    pair=st.tuples(*[st.fixed_dictionaries({}, optional={
        name: st.sampled_from(values) for name, values in CHANGES.items()
    })] * 2),
    seeds=st.tuples(*[st.integers(0, 1)] * 2),
    data=st.tuples(*[st.integers(0, 1)] * 2),
    validated=st.tuples(*[st.booleans()] * 2),
)  # fmt: skip
@settings(max_examples=depth(60), deadline=None)
def test_keys_are_equal_if_and_only_if_results_are(pair, seeds, data, validated):
    one, other = (
        member(rows=table(n), seed=seed, validation=table(9) if judged else None, **recipe)
        for recipe, seed, n, judged in zip(pair, seeds, data, validated, strict=True)
    )
    assert (key(one) == key(other)) == equal(*train([one, other]))


def test_kernels_and_another_version_are_other_numerics(monkeypatch):
    before = key(member())
    monkeypatch.setattr(numerics_module, "NUMERICS", 10**6)
    assert key(member()) != before


def test_each_hyperparameter_that_a_recipe_keeps_is_in_the_key():
    known = key(member())
    for name, value in {"clipnorm": 1.0, "l2": 0.1, "beta_1": 0.5, "warmup": 1.0}.items():
        assert name in DEFAULTS
        assert key(member(**{name: value})) != known


def keras_keys(monkeypatch, *builds, **parameters):
    """Keys of the members that Keras models of these build functions are trained as."""
    keys, real = [], cohort_run.train_members

    def seen(members, *rest):
        keys.extend(map(key, members))
        return real(members, *rest)

    monkeypatch.setattr(cohort_run, "train_members", seen)
    for build in builds:
        kohort.KerasRegressor(build, epochs=1, random_state=0, **parameters).fit(
            table().x, table().y[:, 0]
        )
    return keys


def built(rate=0.01, factor=1.0, layer=None):
    def scaled(x):
        return keras.ops.relu(x) * factor

    def build():
        model = keras.Sequential([
            keras.Input((3,)),
            keras.layers.Dense(4, activation=scaled),
            *([] if layer is None else [layer()]),
            keras.layers.Dense(1),
        ])  # fmt: skip
        model.compile(keras.optimizers.Adam(rate), "mse", metrics=["mae"])
        return model

    return build


def test_what_a_build_function_builds_is_in_the_key(monkeypatch):
    first, same, rate, factor = keras_keys(
        monkeypatch, built(), built(), built(rate=0.02), built(factor=1.5)
    )
    assert first is not None
    assert first == same
    assert len({first, rate, factor}) == 3


class CallsBack(keras.layers.Layer):
    def call(self, x):
        import jax

        like = jax.ShapeDtypeStruct(x.shape, x.dtype)
        fixed = jax.lax.stop_gradient(x)
        return x + jax.pure_callback(np.zeros_like, like, fixed, vmap_method="broadcast_all")


def test_a_model_that_calls_back_into_python_has_no_key(monkeypatch):
    assert keras_keys(monkeypatch, built(layer=CallsBack)) == [None]


def test_a_callback_of_the_users_has_no_key(monkeypatch):
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    assert keras_keys(monkeypatch, built(), callbacks=[callback]) == [None]


def test_an_image_that_has_changed_is_another_one(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    images = [Images((str(path),), 2, 2, 1)]
    first = images[0].digest
    path.write_bytes(b"three")
    assert Images((str(path),), 2, 2, 1).digest != first
    assert images[0].digest == first
