"""Write the tables of docs/quality.md: `python docs/quality/table.py`.

They are those of the last `python -m benchmarks quality`, as it left them in `benchmarks/results`.
"""

from __future__ import annotations

import json
from pathlib import Path

PAGE = Path(__file__).parent.parent / "quality.md"
RESULT = PAGE.parent.parent / "benchmarks" / "results" / "quality.json"
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def written(page: str) -> str:
    """The page with the tables of the last result between its marks."""
    head, _, rest = page.partition(BEGIN)
    tables = "\n".join(json.loads(RESULT.read_text())["more"])
    return f"{head}{BEGIN}\n\n{tables}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
