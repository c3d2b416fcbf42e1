"""The lab: claims of the textbooks, each tested by an experiment of minutes.

`kohort.lab.claims()` has them by name, `kohort.lab.run(name)` runs one.
"""

from kohort.lab.claim import Claim, claims
from kohort.lab.result import Result, read_result
from kohort.lab.running import run

__all__ = ["Claim", "Result", "claims", "read_result", "run"]
