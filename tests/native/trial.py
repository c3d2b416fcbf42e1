"""Trial of the kernels by themselves, for a build with sanitizers: `trial.py FOLDER_OF_THE_MODULE`.

Random networks, shapes and numbers go through every entry of the module, without kohort and JAX.
"""

import sys

import numpy as np

ACTIVATIONS, NORMS, LOSSES, FAMILIES, USES, NUMBERS, PACE = 21, 5, 10, 9, 17, 28, 6
TRIALS = 400


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
    units = np.array([[1 + whole(width) for width in widths]] * 2, np.int32).reshape(2, -1)
    features, activation, norm = 1 + whole(20), whole(ACTIVATIONS), whole(NORMS)
    loss, family, uses, batch = whole(LOSSES), whole(FAMILIES), whole(1 << USES), 1 + whole(70)
    softmax = loss in (7, 9)
    outputs = 1 + whole(4)
    targets = 1 if softmax else outputs
    twice, bytes_ = bool(whole(2)), bool(whole(2))
    dtype, steps, slots = np.float64 if twice else np.float32, 3, 2
    size, trained = sizes(widths, features, outputs, norm, activation)
    numbers = generator.uniform(0.1, 0.9, (slots, NUMBERS)).astype(dtype)
    params = generator.normal(size=(slots, size)).astype(dtype)
    state = np.abs(generator.normal(size=(slots, state_of(family, uses, trained)))).astype(dtype)

    def table(*shape):
        values = generator.normal(size=(*shape, features)) * 10
        return values.astype(np.uint8) if bytes_ else values.astype(dtype)

    y = generator.integers(0, outputs, (slots, steps, batch, targets)).astype(dtype)
    weight = np.full((slots, steps, batch), 1 / batch, dtype)
    rows = generator.integers(1, batch + 1, (slots, steps)).astype(np.int32)
    pace = np.full((slots, steps, PACE), 0.01, dtype)
    seed, first = np.arange(slots, dtype=np.uint32), np.zeros(slots, np.int32)
    judged = 1 + whole(100)
    for variant in module.instruction_sets():
        program = module.Program(
            features=features, outputs=outputs, widths=widths, activation=activation, norm=norm,
            loss=loss, family=family, uses=uses, batch=batch, targets=targets,
            column=list(range(NUMBERS)), columns=NUMBERS, bytes=bytes_, twice=twice,
            instruction_set=variant,
        )  # fmt: skip
        program.memory()
        losses = np.zeros((slots, steps), dtype)
        program.train(
            params.copy(), state.copy(), table(slots, steps, batch), y, weight, rows, pace,
            numbers, units, seed, first, steps, losses,
        )  # fmt: skip
        x, ids = table(judged), np.arange(slots, dtype=np.int32)
        of_rows = np.ascontiguousarray(np.resize(y, (judged, targets)))
        weights, sums = np.ones(judged, dtype), np.zeros((slots, 3), dtype)
        program.judge(params, ids, slots, x, of_rows, weights, judged, numbers, units, sums)
        found = np.zeros((judged, outputs), dtype)
        program.predict(params[0], x, judged, numbers[0], units[0], found)
        samples = np.zeros((2, judged, outputs), dtype)
        program.sample(params[0], x, numbers[0], units[0], 3, 1, min(256, judged), samples)


def main(folder):
    sys.path.insert(0, folder)
    import _native

    generator = np.random.default_rng(0)
    for _ in range(TRIALS):
        trial(_native, generator)
    print(f"{TRIALS} networks, instruction sets: {', '.join(_native.instruction_sets())}")


if __name__ == "__main__":
    main(sys.argv[1])
