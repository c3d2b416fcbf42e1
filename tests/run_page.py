"""Run a page of documentation as a reader would who pastes all of it into one Python.

`python tests/run_page.py PAGE` takes the page's fenced blocks of Python and its examples with `>>>`
in their order, in one namespace, and ends with status 1 if one of them fails.
"""

import doctest
import re
import sys
from pathlib import Path

_FENCED = re.compile(r"^```python\n(?!>>>)(.*?)^```$", re.M | re.S)
_FENCE = re.compile(r"^```.*$", re.M)


def run(page):
    """Run one page; whether all examples gave what the page says."""
    text, names = page.read_text("utf-8"), {"__name__": "__main__"}
    runner, at = doctest.DocTestRunner(), 0
    for block in [*_FENCED.finditer(text), None]:
        prose = text[at : block.start() if block else len(text)]
        examples = doctest.DocTestParser().get_doctest(
            _FENCE.sub("", prose), names, page.name, str(page), text[:at].count("\n")
        )
        examples.globs = names  # What an example defines, the next block has.
        runner.run(examples, clear_globs=False)
        if block:
            at = block.end()
            exec(compile(_at_line(text, block), str(page), "exec"), names)
    return runner.summarize(verbose=False).failed == 0


def _at_line(text, block):
    """A block's source at the line where it stands, for tracebacks."""
    return "\n" * text[: block.start(1)].count("\n") + block[1]


if __name__ == "__main__":
    sys.exit(not run(Path(sys.argv[1])))
