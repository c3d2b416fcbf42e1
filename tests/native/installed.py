"""Fail unless kohort was installed with its kernels, and trains with them; for wheels."""

import sys

import numpy as np

import kohort
from kohort.engine.compilers.native import absence, instruction_sets


def main():
    if why := absence():
        sys.exit(f"The kernels {why}.")
    X = np.random.default_rng(0).normal(size=(60, 3))
    network = kohort.DenseRegressor(epochs=2, width=8, random_state=0).fit(X, X[:, 0])
    assert np.isfinite(network.predict(X)).all()
    print("kernels:", *instruction_sets())


if __name__ == "__main__":
    main()
