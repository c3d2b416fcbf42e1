"""D."""
from dataclasses import dataclass
from typing import Any
from kohort.studies.measurements import Measurements
@dataclass
class Diagnosis:
    """D."""
    measurements: Any
def diagnosed(m):
    """d."""
    return Diagnosis(m)
