"""Which part of the suite a run takes: a sample of every kind of test, or the rest of it.

`pytest --part sample` runs the first and the last case of each parametrised test, a few examples of
each property, and no test that is marked `rest` (slow ones, whose kind others check too).
`pytest --part rest` runs what that left out, and properties at full depth. Without the option all
tests run, at full depth. Tests marked `whole` are not sampled.

A sample is compiled in a hurry: LLVM does not optimise, which takes a quarter of the time. What it
computes is held to the same oracles and tolerances. The rest runs the code that users run.
"""

from __future__ import annotations

import os

_VARIABLE = "KOHORT_TEST_PART"
_FEW = 4
_IN_A_HURRY = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
ALL, SAMPLE, REST = "all", "sample", "rest"


def pytest_addoption(parser):
    parser.addoption("--part", choices=(ALL, SAMPLE, REST), default=ALL, help=__doc__)


def choose(config):
    """Let the run's part be known to the modules that it imports."""
    os.environ[_VARIABLE] = config.getoption("--part")
    flags = os.environ.get("XLA_FLAGS", "")
    if config.getoption("--part") == SAMPLE and _IN_A_HURRY not in flags:
        os.environ["XLA_FLAGS"] = (
            f"{flags} {_IN_A_HURRY}"  # XLA reads them when JAX first computes.
        )
    config.addinivalue_line("markers", "rest: slow; runs with --part rest, not with --part sample")
    config.addinivalue_line("markers", "whole: every case is part of a sample")


def depth(examples):
    """Examples of a property: so many at full depth, a few in a sample."""
    return min(_FEW, examples) if os.environ.get(_VARIABLE) == SAMPLE else examples


def pytest_collection_modifyitems(config, items):
    part = config.getoption("--part")
    if part == ALL:
        return
    sampled = _sample(items)
    chosen = [item for item in items if _is_property(item) or (item in sampled) == (part == SAMPLE)]
    if part == SAMPLE:
        chosen = [item for item in chosen if item.get_closest_marker("rest") is None]
    left_out = set(items) - set(chosen)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = chosen


def _sample(items):
    """The first and the last case of each test function; all of one that is marked `whole`."""
    cases = {}
    for item in items:
        if item.get_closest_marker("rest") is None:
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return {
        item
        for group in cases.values()
        for item in (group if group[0].get_closest_marker("whole") else (group[0], group[-1]))
    }


def _is_property(item):
    return getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
