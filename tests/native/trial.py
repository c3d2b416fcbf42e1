"""Trial of the kernels by themselves, for a build with sanitizers: `trial.py FOLDER NETWORKS`.

NETWORKS random networks, with random shapes and numbers, go through every entry of the module in
FOLDER, without kohort and JAX.
"""

import sys

import numpy as np

ACTIVATIONS, NORMS, LOSSES, FAMILIES, METRICS, USES, NUMBERS, PACE = 21, 5, 11, 9, 7, 16, 24, 6
TREES, SCALARS = [0, 1, 1, 2, 2, 2, 1, 2, 1], [0, 0, 0, 1, 1, 2, 0, 0, 0]
# Bits of the techniques that add arrays to a state.
AVERAGING, AMSGRAD, CENTERED, MOMENTUM = 5, 9, 10, 11


def layers_of(generator, widths, outputs):
    """Fields of each layer, and whether it normalises by the batch, has slopes, has a bias."""
    fields, kinds = [], []
    for position, width in enumerate([*widths, outputs]):
        last = position == len(widths)
        activation = int(generator.integers(ACTIVATIONS))
        activation = 0 if last and activation == 2 else activation
        norm, bias = 0 if last else int(generator.integers(NORMS)), int(generator.integers(2))
        columns = [int(generator.integers(-1, NUMBERS)) for _ in range(8)]
        fields += [width, activation, norm, bias, position, *columns]
        kinds.append((norm, activation == 2, bias))
    return fields, kinds


def sizes(widths, features, outputs, kinds):
    """Entries of each variable: trained ones, then moving averages."""
    trained, averages, inputs = [], [], features
    for width, (norm, slopes, bias) in zip([*widths, outputs], kinds, strict=True):
        trained += [inputs * width, *[width] * (bias + 2 * bool(norm) + slopes)]
        averages += [width] * (2 * (norm in (1, 2)))
        inputs = width
    return trained, averages


def trees_of(family, uses):
    """Arrays of a state, without averages."""
    on = lambda bit: uses >> bit & 1  # noqa: E731
    return (
        TREES[family] + (family == 2) * (on(MOMENTUM) + on(CENTERED)) + (family == 3) * on(AMSGRAD)
    )


def trial(module, generator):
    def whole(high):
        return int(generator.integers(high))

    widths = [1 + whole(40) for _ in range(whole(4))]
    units = np.array([1 + whole(width) for width in widths], np.int32)
    features = 1 + whole(20)
    loss, family, uses, batch = whole(LOSSES), whole(FAMILIES), whole(1 << USES), 1 + whole(70)
    outputs = 1 + whole(4)
    targets = 1 if loss in (7, 9) else outputs
    fields, kinds = layers_of(generator, widths, outputs)
    twice, bytes_ = bool(whole(2)), bool(whole(2))
    dtype = np.float64 if twice else np.float32
    trained, others = sizes(widths, features, outputs, kinds)
    standardised, inside = bool(whole(2)), bool(whole(2))
    others += [features] * (2 * standardised)
    trees = trees_of(family, uses)
    arrays = [trained] * (trees + (uses >> AVERAGING & 1))
    metrics = [whole(METRICS), whole(2), 0] if targets == outputs else []
    # Totals of a metric, variables, then the state where it lies in a row of parameters.
    starts = np.cumsum([2, *trained, *others]).tolist()
    size, first = starts[-1], starts[-1] if inside else 0
    scalars = list(range(first, first + SCALARS[family]))
    places = np.cumsum([first + len(scalars), *[n for array in arrays for n in array]]).tolist()
    size, state_size = (places[-1], 0) if inside else (size, places[-1])
    numbers = generator.uniform(0.1, 0.9, NUMBERS).astype(dtype)
    params = np.abs(generator.normal(size=size)).astype(dtype)
    state = np.abs(generator.normal(size=state_size)).astype(dtype)

    def table(rows):
        values = generator.normal(size=(rows, features)) * 10
        return values.astype(np.uint8) if bytes_ else values.astype(dtype)

    rows, visited = 1 + whole(100), 1 + whole(3 * batch)
    order, ready = generator.integers(0, rows, visited), bool(whole(2))
    y = generator.integers(0, outputs, (rows, targets)).astype(dtype)
    weight = None if whole(2) else generator.uniform(0, 2, rows)
    pace = np.full((-(-visited // batch), PACE), 0.01, dtype)
    judged = 1 + whole(100)
    for variant in module.instruction_sets():
        program = module.Program(
            features=features, outputs=outputs, layers=fields, standardised=standardised, loss=loss,
            family=family, uses=uses, batch=batch, targets=targets, column=list(range(NUMBERS)),
            columns=NUMBERS, input_stream=3, places=starts[:-1], scalar_places=scalars,
            state_places=places[:-1], trees=trees, state_in_params=inside, metrics=metrics,
            params_size=size, state_size=state_size, bytes=bytes_, twice=twice,
            instruction_set=variant,
        )  # fmt: skip
        program.memory()
        losses = np.zeros(len(pace), dtype)
        program.train(
            params.copy(), state.copy(), table(visited if ready else rows), y, weight, order, ready,
            pace, numbers, units, 7, 0, losses,
        )  # fmt: skip
        x = table(judged)
        of_rows = np.ascontiguousarray(np.resize(y, (judged, targets)))
        weights, sums = np.ones(judged, dtype), np.zeros(2 + 2 * bool(metrics), dtype)
        program.judge(params, x, of_rows, weights, judged, numbers, units, sums)
        found = np.zeros((judged, outputs), dtype)
        program.predict(params, x, judged, numbers, units, found)
        samples = np.zeros((2, judged, outputs), dtype)
        program.sample(params, x, numbers, units, 3, 1, min(256, judged), samples)


def main(folder, networks):
    sys.path.insert(0, folder)
    import _native

    generator = np.random.default_rng(0)
    for _ in range(networks):
        trial(_native, generator)
    print(f"{networks} networks, instruction sets: {', '.join(_native.instruction_sets())}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
