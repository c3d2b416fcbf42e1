"""Which part of the suite a run takes: a sample of every kind of test, or the rest of it.

`pytest --part sample` runs the first and the last case of each parametrised test, a few examples of
each property, and no test that is marked `rest` (slow ones, whose kind others check too).
`pytest --part rest` runs what that left out, and properties at full depth; of what is marked
`optimised`, `--part optimised` runs it. Without the option all tests run, at full depth. Tests
marked `whole` are not sampled.

Most of a run's time is compiling. The sample and the rest compile in a hurry: LLVM does not
optimise, which takes a quarter of the time, and what is computed is held to the same oracles and
tolerances. The part `optimised`, and a run without the option, compile as for users.
"""

from __future__ import annotations

import os

_VARIABLE = "KOHORT_TEST_PART"
_FEW = 4
_IN_A_HURRY = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
ALL, SAMPLE, REST, OPTIMISED = "all", "sample", "rest", "optimised"


def pytest_addoption(parser):
    parser.addoption("--part", choices=(ALL, SAMPLE, REST, OPTIMISED), default=ALL, help=__doc__)


def choose(config):
    """Let the modules that the run imports know its part, and XLA, which starts later."""
    part = os.environ[_VARIABLE] = config.getoption("--part")
    flags = os.environ.get("XLA_FLAGS", "")
    if part in (SAMPLE, REST) and _IN_A_HURRY not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_IN_A_HURRY}"
    config.addinivalue_line("markers", "rest: slow; runs with --part rest, not with --part sample")
    config.addinivalue_line("markers", "whole: every case is part of a sample")
    config.addinivalue_line("markers", "optimised: its rest is compiled as for users")


def depth(examples):
    """Examples of a property: `examples` at full depth, a few in a sample."""
    return min(_FEW, examples) if os.environ.get(_VARIABLE) == SAMPLE else examples


def pytest_collection_modifyitems(config, items):
    part = config.getoption("--part")
    if part == ALL:
        return
    sampled = _sample(items)
    chosen = [item for item in items if item in sampled]
    if part != SAMPLE:
        chosen = [
            item
            for item in items
            if (_is_property(item) or item not in sampled)
            and (item.get_closest_marker(OPTIMISED) is None) == (part == REST)
        ]
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
