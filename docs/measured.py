"""Write measured tables into pages: `python docs/measured.py quality defaults`.

`docs/NAME.md` gets, between its marks, the tables that the last `python -m benchmarks NAME` left in
`benchmarks/results`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

PAGES = Path(__file__).parent
RESULTS = PAGES.parent / "benchmarks" / "results"
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def written(page: str, name: str) -> str:
    """The page with the tables of a benchmark's last result between its marks."""
    head, _, rest = page.partition(BEGIN)
    tables = "\n".join(json.loads((RESULTS / f"{name}.json").read_text())["more"])
    return f"{head}{BEGIN}\n\n{tables}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    for asked in sys.argv[1:]:
        file = PAGES / f"{asked}.md"
        file.write_text(written(file.read_text(), asked))
