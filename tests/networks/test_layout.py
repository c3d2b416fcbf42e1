"""A network's variables as one vector, and back."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.sampling import depth

from kohort.networks.layout import Layout

_SHAPES = st.lists(
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple), min_size=1, max_size=5
)


def _layout(shapes):
    return Layout(tuple(f"v{i}" for i in range(len(shapes))), tuple(shapes))


@st.composite
def _smaller(draw):
    """Shapes, and shapes that fit into them."""
    shapes = draw(_SHAPES)
    return shapes, [tuple(draw(st.integers(1, length)) for length in shape) for shape in shapes]


@given(_smaller(), st.integers(0, 2**16))
def test_extract_undoes_embed_and_the_rest_of_the_vector_is_zero(both, seed):
    shapes, small = both
    layout = _layout(shapes)
    generator = np.random.default_rng(seed)
    variables = [generator.uniform(1, 2, shape) for shape in small]
    vector = np.full(layout.size, np.nan)
    layout.embed(variables, vector)
    for variable, back in zip(variables, layout.extract(vector, small), strict=True):
        np.testing.assert_array_equal(back, variable)
        assert not np.shares_memory(back, vector)
    assert np.count_nonzero(vector) == sum(variable.size for variable in variables)


@settings(max_examples=depth(15))
@given(
    shapes=_SHAPES,
    lead=st.lists(st.integers(1, 3), max_size=2).map(tuple),
    data=st.data(),
)
def test_pack_undoes_unpack(shapes, lead, data):
    layout = _layout(shapes)
    matrix = data.draw(
        arrays.arrays(np.float32, (*lead, layout.size), elements=st.integers(-1000, 1000))
    )
    variables = layout.unpack(matrix)
    assert [v.shape for v in variables] == [(*lead, *shape) for shape in shapes]
    np.testing.assert_array_equal(layout.pack(variables, lead=len(lead)), matrix)


@settings(max_examples=depth(15))
@given(_SHAPES)
def test_unpacking_what_was_embedded_gives_the_variables_in_order(shapes):
    layout = _layout(shapes)
    variables = [np.full(shape, i + 1, np.float32) for i, shape in enumerate(shapes)]
    vector = np.empty(layout.size, np.float32)
    layout.embed(variables, vector)
    for variable, unpacked in zip(variables, layout.unpack(vector), strict=True):
        np.testing.assert_array_equal(variable, unpacked)


def test_size_counts_every_scalar():
    assert _layout([(3, 16), (16,), (16, 1), (1,)]).size == 81
