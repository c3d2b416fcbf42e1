"""Convolutions with their axes in another order are the same convolutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.networks.lifted.lifting import lift
from kohort.networks.own.convolutions import convolution


@pytest.mark.rest
@given(
    axes=st.permutations("NHWC"),
    kernel_axes=st.permutations("HWIO"),
    result_axes=st.permutations("NHWC"),
    groups=st.sampled_from([1, 2]),
    strides=st.sampled_from([(1, 1), (2, 1)]),
    padding=st.sampled_from(["SAME", "VALID"]),
)
def test_any_order_of_axes_gives_jaxs_result(
    axes, kernel_axes, result_axes, groups, strides, padding
):
    generator = np.random.default_rng(0)
    sizes = {"N": 3, "H": 6, "W": 5, "C": 4}
    kernel_sizes = {"H": 3, "W": 2, "I": 4 // groups, "O": 6}
    image = generator.normal(size=[sizes[a] for a in axes]).astype(np.float32)
    kernel = generator.normal(size=[kernel_sizes[a] for a in kernel_axes]).astype(np.float32)
    spec = tuple("".join(part) for part in (axes, kernel_axes, result_axes))

    def theirs(image, kernel):
        return jax.lax.conv_general_dilated(
            image, kernel, strides, padding, dimension_numbers=spec, feature_group_count=groups
        )

    (equation,) = jax.make_jaxpr(theirs)(image, kernel).jaxpr.eqns
    ours = convolution(equation.primitive, image, kernel, equation.params)
    np.testing.assert_allclose(ours, theirs(image, kernel), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 4])
def test_gradients_of_a_convolution_are_lifted_unchanged(groups):
    generator = np.random.default_rng(0)
    image = generator.normal(size=(2, 8, 8, 4)).astype(np.float32)
    kernel = generator.normal(size=(3, 3, 4 // groups, 8)).astype(np.float32)

    def loss(kernel, image):
        result = jax.lax.conv_general_dilated(
            image, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )  # fmt: skip
        return jnp.sum(jnp.square(result) * 0.3)

    gradient = jax.grad(loss, argnums=(0, 1))
    program, numbers, arrays = lift(gradient, kernel, image)
    assert program.scratch > kernel.size
    found = program(jnp.asarray(numbers, jnp.float32), arrays, kernel, image)
    for ours, theirs in zip(found, gradient(kernel, image), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
