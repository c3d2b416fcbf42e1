"""Fits on many machines, simulated with the engine's own portions and no machine at all.

Each machine takes its next errand when it has a free core; a fit takes a time drawn log-normally;
some machines are slow. The driver does one thing at a time: it pays for each errand and each fit
what `python -m benchmarks.cluster driver` measured. Told are the seconds, how busy the driver was,
and what the cores lost by waiting.

    python -m benchmarks.cluster_simulation --machines 100 --cores 16 --fits 50000 --seconds 20
"""

from __future__ import annotations

import argparse
import heapq
from typing import Any

import numpy as np

PER_FIT, PER_ERRAND = 0.0007, 0.00064
"""Seconds of the driver: packing, unpacking and a report of its own; an errand."""


def fits_of(count: int) -> list[Any]:
    from kohort.engine.fit import Fit
    from kohort.engine.member import Member, Rows
    from kohort.networks.own.fields import fields_of
    from kohort.recipe.recipe import Recipe

    fields = fields_of(Recipe.of(loss="mse", depth=2, width=50), 8, 1)
    rows = Rows(np.zeros((1000, 8), np.float32), np.zeros((1000, 1), np.float32))
    return [Fit(Member(**fields, rows=rows, seed=seed)) for seed in range(count)]


def simulated(
    cores: int, count: int, seconds: float, spread: float, slow: float
) -> dict[str, float]:
    """Simulate `count` fits of about `seconds` seconds each on a cluster of `cores` cores.

    Parameters
    ----------
    cores, count : int
    seconds : float
        Mean of a fit.
    spread : float
        Deviation of the logarithm of a fit's seconds.
    slow : float
        Share of the cores that take twice as long.
    """
    from kohort.engine import plan
    from kohort.engine.executors.cluster.shares import Waiting

    generator = np.random.default_rng(0)
    fits, waiting = fits_of(count), Waiting(1, lambda structure, left: 1, False)
    waiting.add(fits)
    speed = plan.cost_of(fits[0].member) / seconds
    free = [(0.0, core) for core in range(cores)]
    driver = work = end = 0.0
    errands = 0
    while len(waiting):
        now, core = heapq.heappop(free)
        batch = waiting.take(cores, speed if now > seconds else None)
        waiting.over(batch)
        lengths = generator.lognormal(np.log(seconds) - spread**2 / 2, spread, len(batch))
        lasts = float(lengths.sum()) * (1 + (core < slow * cores))
        driver = max(driver, now) + PER_ERRAND + PER_FIT * len(batch)
        errands, work, end = errands + 1, work + lasts, max(end, driver + lasts)
        heapq.heappush(free, (driver + lasts, core))
    paid = errands * PER_ERRAND + count * PER_FIT
    return {
        "seconds": end,
        "errands": errands,
        "cores' share of waiting": 1 - work / (cores * end),
        "driver's share of work": paid / end,
    }


def main() -> None:
    """Print one line for each length of a fit, the given one and shorter ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--cores", type=int, default=16)
    parser.add_argument("--fits", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--spread", type=float, default=0.5)
    parser.add_argument("--slow", type=float, default=0.1)
    given = parser.parse_args()
    for shorter in (1, 4, 16, 64):
        seconds = given.seconds / shorter
        cores = given.machines * given.cores
        told = simulated(cores, given.fits, seconds, given.spread, given.slow)
        words = ", ".join(f"{name} {value:.3g}" for name, value in told.items())
        print(f"fits of {seconds:g} s: {words}")


if __name__ == "__main__":
    main()
