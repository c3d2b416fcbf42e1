"""The same as `faults` for networks, tables, rows and seeds that no threshold was chosen with."""

from __future__ import annotations

from typing import Any

from benchmarks.faults import suite
from benchmarks.planted import FRESH, FRESH_HEALTHY


def compare() -> dict[str, Any]:
    """Judge them; remedies are tried by `faults`."""
    return suite("fresh", [*FRESH, *FRESH_HEALTHY], seed=1, verify=False)
