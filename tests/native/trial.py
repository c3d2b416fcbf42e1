"""Trial of the kernels by themselves, for a build with sanitizers: `trial.py FOLDER NETWORKS`.

So many random networks, shapes and numbers go through every entry of the module in the folder,
without kohort and JAX.
"""

import sys

import numpy as np

ACTIVATIONS, NORMS, LOSSES, FAMILIES, USES, NUMBERS, PACE = 21, 5, 10, 9, 17, 28, 6


def sizes(widths, features, outputs, norm, activation):
    """Entries of a row of parameters, and of those that are trained."""
    vectors = 1 + (2 if norm else 0) + (activation == 2)
    trained, inputs = 0, features
    for width in widths:
        trained += inputs * width + vectors * width
        inputs = width
    trained += inputs * outputs + outputs
    return trained + (2 * sum(widths) if norm in (1, 2) else 0), trained


def state_of(family, uses, trained):
    trees = [0, 1, 1, 2, 2, 2, 1, 2, 1][family]
    trees += (family == 2) * ((uses >> 16 & 1) + (uses >> 15 & 1)) + (family == 3) * (
        uses >> 14 & 1
    )
    return [0, 0, 0, 1, 1, 2, 0, 0, 0][family] + (trees + (uses >> 5 & 1)) * trained


def trial(module, generator):
    def whole(high):
        return int(generator.integers(high))

    widths = [1 + whole(40) for _ in range(whole(4))]
    units = np.array([1 + whole(width) for width in widths], np.int32)
    features, activation, norm = 1 + whole(20), whole(ACTIVATIONS), whole(NORMS)
    loss, family, uses, batch = whole(LOSSES), whole(FAMILIES), whole(1 << USES), 1 + whole(70)
    softmax = loss in (7, 9)
    outputs = 1 + whole(4)
    targets = 1 if softmax else outputs
    twice, bytes_ = bool(whole(2)), bool(whole(2))
    dtype = np.float64 if twice else np.float32
    size, trained = sizes(widths, features, outputs, norm, activation)
    numbers = generator.uniform(0.1, 0.9, NUMBERS).astype(dtype)
    params = generator.normal(size=size).astype(dtype)
    state = np.abs(generator.normal(size=state_of(family, uses, trained))).astype(dtype)

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
            features=features, outputs=outputs, widths=widths, activation=activation, norm=norm,
            loss=loss, family=family, uses=uses, batch=batch, targets=targets,
            column=list(range(NUMBERS)), columns=NUMBERS, bytes=bytes_, twice=twice,
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
        weights, sums = np.ones(judged, dtype), np.zeros(3, dtype)
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
