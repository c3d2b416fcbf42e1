"""The kernels' module takes arrays of its types and shapes alone, from any caller."""

import numpy as np
import pytest

from kohort.engine.compilers.chain_program import program_fields
from kohort.engine.compilers.native import instruction_sets, library
from kohort.networks.own.dense import DenseNetwork
from kohort.recipe.pace import PACE
from kohort.recipe.recipe import NUMBERS

pytestmark = [
    pytest.mark.skipif(not instruction_sets(), reason="kohort was installed without its kernels"),
    pytest.mark.parametrize("compiler", ["kernels"], indirect=True),
]
FEATURES, WIDTH, BATCH, ROWS = 3, 4, 8, 20
SIZE = FEATURES * WIDTH + WIDTH + WIDTH + 1


@pytest.fixture(scope="module")
def program():
    network = DenseNetwork(FEATURES, 1, (WIDTH,), "relu")
    fields = program_fields(network.dense, network.layout.shapes, "float32")
    return library().Program(
        **fields, batch=BATCH, targets=1, bytes=False, twice=False, instruction_set="baseline"
    )


@pytest.fixture
def arguments():
    x = np.random.default_rng(0).normal(size=(ROWS, FEATURES)).astype(np.float32)
    return {
        "params": np.full(SIZE, 0.1, np.float32), "state": np.zeros(0, np.float32), "x": x,
        "y": x[:, :1].copy(), "weight": np.ones(ROWS), "order": np.arange(12), "ready": False,
        "pace": np.full((2, len(PACE)), 0.01, np.float32),
        "numbers": np.full(len(NUMBERS), 0.5, np.float32), "units": np.full(1, WIDTH, np.int32),
        "seed": 0, "first": 0, "losses": np.zeros(2, np.float32),
    }  # fmt: skip


def judged(given):
    kept = {name: given[name] for name in ("params", "x", "y", "weight", "numbers", "units")}
    kept["weight"] = kept["weight"].astype(np.float32)
    order = ("params", "x", "y", "weight", "real", "numbers", "units", "sums")
    kept |= {"real": ROWS, "sums": np.zeros(2, np.float32)}
    return [kept[name] for name in order]


def test_what_fits_trains_and_tables_are_only_read(program, arguments):
    for name in ("x", "y", "weight", "order"):
        arguments[name].flags.writeable = False
    before = arguments["params"].copy()
    program.train(**arguments)
    assert (arguments["losses"] > 0).all()
    assert not np.array_equal(arguments["params"], before)
    assert program.train(**{**arguments, "weight": None}) is None


@pytest.mark.parametrize(
    ("name", "change", "error", "message"),
    [
        ("params", lambda a: a.astype(np.float64), TypeError, r"params .*float32 .* got float64"),
        ("params", lambda a: a[:-1].copy(), ValueError, r"params .*\(21\); got float32 \(20\)"),
        ("state", lambda a: np.zeros(3, np.float32), ValueError, r"state .*shape \(0\).*\(3\)"),
        ("x", lambda a: a.astype(np.uint8), TypeError, r"x must .*float32 .* got uint8"),
        ("x", lambda a: a[:, :2].copy(), ValueError, r"x must .*\(20, 3\); got float32 \(20, 2\)"),
        ("x", np.asfortranarray, ValueError, "x must be a contiguous array"),
        ("x", lambda a: a[:12].copy(), ValueError, r"x must .*\(20, 3\)"),
        ("y", lambda a: a.reshape(-1), ValueError, r"y must .*\(any, 1\)"),
        ("weight", lambda a: a.astype(np.float32), TypeError, r"weight .*float64"),
        ("weight", lambda a: a[1:], ValueError, r"weight .*\(20\); got float64 \(19\)"),
        ("order", lambda a: a.astype(np.int32), TypeError, r"order .*int64 .* got int32"),
        ("order", lambda a: a + 9, ValueError, "order must hold numbers of rows"),
        ("order", lambda a: a - 1, ValueError, "order must hold numbers of rows"),
        ("pace", lambda a: a[:1], ValueError, r"pace .*\(2, 6\)"),
        ("numbers", lambda a: a[1:].copy(), ValueError, "numbers"),
        ("units", lambda a: a + 1, ValueError, "units must lie between 1 and the widths"),
        ("units", lambda a: a * 0, ValueError, "units must lie between 1 and the widths"),
        ("losses", lambda a: a[:1], ValueError, "losses"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(program, arguments, name, change, error, message):
    before = arguments["params"].copy()
    with pytest.raises(error, match=message):
        program.train(**{**arguments, name: change(arguments[name])})
    np.testing.assert_array_equal(arguments["params"], before)


def test_what_is_read_in_order_must_be_as_much_as_is_visited(program, arguments):
    ready = {**arguments, "ready": True}
    with pytest.raises(ValueError, match=r"x must .*\(12, 3\)"):
        program.train(**ready)
    program.train(**{**ready, "x": arguments["x"][:12]})


def test_an_array_to_write_to_must_be_writable(program, arguments):
    arguments["params"].flags.writeable = False
    with pytest.raises(TypeError):
        program.train(**arguments)


def test_judging_and_predicting_check_as_well(program, arguments):
    given = judged(arguments)
    program.judge(*given)
    with pytest.raises(ValueError, match="real must be at most the table's rows"):
        program.judge(*given[:4], ROWS + 1, *given[5:])
    params, x, _, _, real, numbers, units, _ = given
    with pytest.raises(ValueError, match=r"outputs .*\(20, 1\)"):
        program.predict(params, x, real, numbers, units, np.zeros((19, 1), np.float32))
    samples = np.zeros((2, ROWS, 1), np.float32)
    with pytest.raises(ValueError, match="block must be at least 1"):
        program.sample(params, x, numbers, units, 0, 0, 0, samples)
    with pytest.raises(TypeError, match="outputs"):
        program.sample(params, x, numbers, units, 0, 0, 8, samples.astype(np.float64))
