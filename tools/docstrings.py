"""End with a line for each docstring that does not say what a reader needs.

Part of `make lint`. numpydoc's checks of parameters, returns and sections apply to every public
name and to its public methods and properties; kohort's own ask for an example, for the errors that
the body raises, and for papers under References. Plain words (docs/style.md) are asked of every
docstring in the repository, private names, modules and attributes included.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from numpydoc.validate import validate

import kohort

_CHECKS = frozenset(
    # Docstring: there is one; sections exist, in numpydoc's order, with lines as long as titles.
    "GL01 GL06 GL07 GL08 GL09 GL10"
    # Summary: there is one, it begins with a capital, ends with a full stop, is one line.
    " SS01 SS02 SS03 SS04 SS06"
    # Parameters: all of them, no other, in order, each with a type and a described meaning.
    " PR01 PR02 PR03 PR04 PR05 PR06 PR07 PR08 PR09 PR10"
    # Returns and yields: described.
    " RT01 RT03 RT04 RT05 YD01"
    # See Also, with a reason for each entry.
    " SA02 SA03 SA04".split()
)
"""Left out: GL02 and GL03 (blank lines are ruff's), SS05 (the mood of the first verb), RT02 (a name
for a single result), ES01 and SA01 (a longer summary and a See Also where there is none)."""

_RIDDLES = re.compile(
    r"(?i:\bso many\b|\bof such\b|\bwhoever\b)"
    r"|(?:^\s*|\. )(?:Who|Whom|Whose|What|Whatever|As many)\b(?![^.]*\?)",
    re.M,
)
"""Words that stand for a noun that a reader has to guess."""

_TOP = Path(__file__).parents[1]
_FOLDERS = ("src", "tests", "benchmarks", "examples", "docs", "tools")

_PRIVATE = re.compile(r"Parameters \{('_\w+'(, )?)+\} not documented")

_CITED = re.compile(r"\((?=[A-Z])[^()]*(?:et al\.|[A-Z]\w+) (?:19|20)\d\d\)")
"""A paper in brackets that end with its year, and so have no arXiv number."""


def public() -> Iterator[tuple[str, object]]:
    """Give the dotted name and the value of each public name, method and property, once."""
    seen: set[int] = set()
    for name in kohort.__all__:
        value = getattr(kohort, name)
        yield f"kohort.{name}", value
        for attribute in dir(value) if inspect.isclass(value) else ():
            owner = _documenting(value, attribute)
            if owner is None or attribute.startswith("_"):
                continue
            defined = vars(owner)[attribute]
            if id(defined) not in seen:
                seen.add(id(defined))
                yield f"{owner.__module__}.{owner.__qualname__}.{attribute}", defined


def _documenting(value: type, attribute: str) -> type | None:
    """The class of kohort's whose docstring describes a method of `value`, as `help` finds it."""
    first = None
    for owner in value.__mro__:
        found = vars(owner).get(attribute)
        if owner.__module__.partition(".")[0] == "kohort" and (
            isinstance(found, property | classmethod | staticmethod) or inspect.isfunction(found)
        ):
            if found.__doc__:
                return owner
            first = first or owner
    return first


def faults(name: str, value: object) -> list[str]:
    """Give what a docstring lacks, a line each, with the code of the check in front.

    Parameters
    ----------
    name : str
        The dotted name from which the value can be imported.
    value : object
        A function, class, method or property.

    Returns
    -------
    list of str
        Empty if the docstring says what it has to.
    """
    keywords = "**" in _signature(value)
    found = [
        f"{code} {text}"
        for code, text in validate(name)["errors"]
        if code in _CHECKS
        and not (code == "PR02" and keywords)
        and not (code == "PR01" and _PRIVATE.fullmatch(text))
    ]
    text = inspect.getdoc(value) or ""
    body, _, references = text.partition("\nReferences\n")
    is_error = inspect.isclass(value) and issubclass(value, Exception)
    if name.count(".") == 1 and not is_error and "\nExamples\n" not in text:
        found.append("EX01 No Examples section")
    if _raises(value) and "\nRaises\n" not in text:
        found.append("RS01 No Raises section, and the body raises an error")
    prose = _prose(body)
    if _CITED.search(prose) and not references:
        found.append(
            f"RF01 {_CITED.search(prose)[0]!r} has no arXiv number and no References section"
        )
    found.extend(fault for _, fault in riddles(prose))
    return found


def riddles(text: str) -> list[tuple[int, str]]:
    """Find words in a docstring that stand for a noun; questions are left alone.

    Parameters
    ----------
    text : str
        The docstring.

    Returns
    -------
    list of (int, str)
        Line within the text, from 0, and the fault.
    """
    prose = _prose(text)
    return [
        (prose.count("\n", 0, found.end()), f"PL01 {found[0].strip()!r} stands for a noun; name it")
        for found in _RIDDLES.finditer(prose)
    ]


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Give first line and text of each docstring of a module: its own, and those within it.

    Parameters
    ----------
    source : str
        Python. A text that stands alone as a statement counts, as below a constant.
    """
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield statement.lineno, text


def _prose(text: str) -> str:
    """A docstring with its lines of code emptied."""
    return re.sub(r"^ *(?:>>>|\.\.\.).*$", "", text, flags=re.M)


def _signature(value: object) -> str:
    try:
        return str(inspect.signature(value))
    except (TypeError, ValueError):
        return ""


def _raises(value: object) -> bool:
    """Whether the body of a function or method has a `raise` of its own."""
    function = inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", value))
    if not inspect.isfunction(function):
        return False
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(tree))


def _files() -> Iterator[str]:
    """Give a line for each riddle in the repository's Python files, with the place in front."""
    for folder in _FOLDERS:
        for path in sorted((_TOP / folder).rglob("*.py")):
            for first, text in docstrings(path.read_text("utf-8")):
                for line, fault in riddles(text):
                    yield f"{path.relative_to(_TOP)}:{first + line}: {fault}"


def main() -> None:
    lines = [f"{name}: {fault}" for name, value in public() for fault in faults(name, value)]
    lines += _files()
    if lines:
        sys.exit("\n".join(lines))


if __name__ == "__main__":
    main()
