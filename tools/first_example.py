"""Run the README's first example with the kohort that is installed, as a reader would paste it."""

from __future__ import annotations

import os
import re
from pathlib import Path


def first_example(page: str) -> str:
    """Give the first block of Python code of a page in Markdown."""
    block = re.search(r"^```python\n(.*?)^```$", page, re.M | re.S)
    if block is None:
        raise ValueError("The page has no block of Python code.")
    return block[1]


def main() -> None:
    os.environ.pop("KERAS_BACKEND", None)
    page = Path(__file__).resolve().parents[1] / "README.md"
    exec(compile(first_example(page.read_text("utf-8")), str(page), "exec"), {})


if __name__ == "__main__":
    main()
