"""A step of training on one core: the kernels, XLA at its best number of slots, and sgemm.

The core's own speed is that of a product of two matrices of 1,024 rows and columns (sgemm, NumPy's
BLAS on one thread), measured between the kernels' chunks. Minima over many chunks: others work on
the machine too. Useful arithmetic counts real widths: two products forwards, four backwards.
`KOHORT_NATIVE=avx2` measures those kernels, and keeps its figures beside the others.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.steps import STEPS, Steps

SHAPES = ((3, 16), (3, 32), (3, 50), (3, 64), (3, 128), (3, 256), (1, 64))
BATCH, FEATURES, ROUNDS, CALLS = 32, 8, 30, 6
SLOTS = (1, 2, 4, 8)


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def useful(depth: int, width: int) -> float:
    """Floating-point operations of a step."""
    products = FEATURES * width * 2 + (depth - 1) * width * width * 3 + width * 3
    return 2.0 * BATCH * products


def steps_of(compiler: Any, depth: int, width: int, slots: int) -> Steps:
    return Steps(compiler, slots, BATCH, FEATURES, depth=depth, width=width)


def best(steps: Callable[[], None], members: int) -> float:
    """Least microseconds per member and step."""
    steps()
    return min(seconds(steps) for _ in range(CALLS)) / STEPS / members * 1e6


def two_cores(make: Callable[[], Callable[[], object]]) -> float:
    """How many times as much two threads get done as one, each with work of its own."""
    both = [make(), make()]
    for work in both:
        work()

    def run(work: Callable[[], object]) -> None:
        for _ in range(20):
            work()

    def together() -> None:
        threads = [threading.Thread(target=run, args=(work,)) for work in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    alone = min(seconds(lambda: run(both[0])) for _ in range(ROUNDS))
    return 2 * alone / min(seconds(together) for _ in range(ROUNDS))


def products() -> Callable[[], object]:
    """Work of about the length of a chunk, in a BLAS that shares nothing between threads."""
    a = np.random.default_rng(0).random((192, 192), np.float32)
    return lambda: [a @ a for _ in range(4)]


def compare() -> dict[str, Any]:
    os.environ["OMP_NUM_THREADS"] = "1"
    from threadpoolctl import threadpool_limits

    import kohort  # noqa: F401
    from kohort.engine.compilers.native import NativeCompiler, instruction_set
    from kohort.engine.compilers.xla import XlaCompiler

    threadpool_limits(1)
    xla = XlaCompiler()
    kernels = NativeCompiler(xla, instruction_set())
    a, b = (np.random.default_rng(n).random((1024, 1024), np.float32) for n in (0, 1))
    sides: dict[str, dict[str, Any]] = {}
    more = [
        "| network | kernels, us | XLA, us (slots) | times as fast | GFLOP/s useful | of sgemm |",
        "|---|---|---|---|---|---|",
    ]
    found: dict[tuple[int, int], tuple[float, float, int]] = {}
    steps = {shape: steps_of(kernels, *shape, 1) for shape in SHAPES}
    others = {(shape, n): steps_of(xla, *shape, n) for shape in SHAPES for n in SLOTS}
    times = dict.fromkeys(steps, np.inf)
    rivals = dict.fromkeys(others, np.inf)
    product = np.inf
    for _ in range(ROUNDS):
        for shape in SHAPES:
            product = min(product, seconds(lambda: a @ b))
            times[shape] = min(times[shape], best(steps[shape], 1))
            for n in SLOTS:
                key = (shape, n)
                rivals[key] = min(rivals[key], best(others[key], n))
    sgemm = 2 * 1024**3 / product / 1e9
    for shape in SHAPES:
        slots = min(SLOTS, key=lambda n: rivals[shape, n])
        found[shape] = times[shape], rivals[shape, slots], slots
        speed = useful(*shape) / times[shape] / 1e3
        name = f"{shape[0]}x{shape[1]}"
        ratio = rivals[shape, slots] / times[shape]
        more.append(
            f"| {name} | {times[shape]:.1f} | {rivals[shape, slots]:.1f} ({slots}) | {ratio:.1f} "
            f"| {speed:.0f} | {speed / sgemm:.2f} |"
        )
        sides[f"{name}, kernels"] = {"seconds": times[shape] / 1e6, "gflops": speed}
        sides[f"{name}, XLA"] = {"seconds": rivals[shape, slots] / 1e6, "slots": slots}
    scaling = two_cores(lambda: steps_of(kernels, 3, 50, 1))
    limit = two_cores(products)
    more.append(f"\nsgemm: {sgemm:.0f} GFLOP/s; instruction set: {instruction_set()}.")
    more.append(
        f"Two cores on two members of 3x50: {scaling:.2f} times one; on products in BLAS, "
        f"which share nothing: {limit:.2f} times."
    )
    wanted = {16: "2", 32: "2", 50: "2"}
    return {
        "title": "A step of a dense network with Adam, batch 32, on one core",
        "file": "kernels" + (f"_{instruction_set()}" if "KOHORT_NATIVE" in os.environ else ""),
        "sides": sides,
        "ratios": {f"XLA, {d}x{w}": found[d, w][1] / found[d, w][0] for d, w in SHAPES},
        "wanted": {f"XLA, {d}x{w}": wanted.get(w, "1.3") for d, w in SHAPES},
        "more": more,
    }
