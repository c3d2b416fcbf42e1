"""Every public name of kohort with its parameters, and what a version breaks of another's.

`python tools/signatures.py FILE` writes them as JSON; `make signatures` does so for the version
that is being released. `tests/test_signatures.py` compares this version with the last one's file.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import kohort

Parameters = dict[str, list[str]]
"""Python's kind and the default ("" for none) of each parameter, by its name and in order."""

Signatures = dict[str, Parameters | str]
"""Parameters of each function, method and class by its dotted name; "property" or "constant"."""

_NAMED = ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")
_ORDERED = ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def public_signatures() -> Signatures:
    """Give the parameters of each public name, and of each public method and property.

    Returns
    -------
    dict
        By dotted names without the package's, such as "DenseRegressor.fit", sorted by name.
    """
    found: Signatures = {"__version__": "constant"}
    for name in kohort.__all__:
        value = getattr(kohort, name)
        found[name] = _parameters(value)
        if inspect.isclass(value):
            found |= {f"{name}.{method}": what for method, what in _methods(value)}
    return dict(sorted(found.items()))


def _methods(owner: type) -> Iterator[tuple[str, Parameters | str]]:
    for name in dir(owner):
        value = inspect.getattr_static(owner, name)
        if name.startswith("_") or not _own(owner, name):
            continue
        if isinstance(value, property):
            yield name, "property"
        elif callable(value) or isinstance(value, classmethod | staticmethod):
            yield name, _parameters(getattr(owner, name))


def _own(owner: type, name: str) -> bool:
    """Whether a class of kohort's, and none of the packages that it stands on, defines a name."""
    (first, *_) = (base for base in owner.__mro__ if name in vars(base))
    return first.__module__.split(".")[0] == "kohort"


def _parameters(value: object) -> Parameters:
    try:
        parameters = inspect.signature(value).parameters.values()
    except ValueError:  # An exception has the signature of Python's own.
        return {}
    return {
        each.name: [
            each.kind.name,
            "" if each.default is each.empty else _ADDRESS.sub("", repr(each.default)),
        ]
        for each in parameters
        if each.name != "self"
    }


def broken(old: Mapping[str, Parameters | str], new: Mapping[str, Parameters | str]) -> list[str]:
    """Say which calls that `old` allows `new` does not, or answers with another default.

    Parameters
    ----------
    old, new : mapping
        Results of `public_signatures` for two versions.

    Returns
    -------
    list of str
        The breaks, as the table of docs/compatibility.md names them: "name" for a name that is
        gone or has become something else, "name(parameter)" for a parameter that is gone, is taken
        in another way, stands elsewhere or has become necessary, "name(parameter=)" for one that
        has another default.
    """
    found = []
    for name, before in old.items():
        after = new.get(name)
        if isinstance(before, str) or not isinstance(after, dict):
            if before != after:
                found.append(name)
        else:
            found += [f"{name}({parameter})" for parameter in _changed(before, after)]
    return found


def _changed(before: Parameters, after: Parameters) -> list[str]:
    by_position = [name for name, (kind, _) in after.items() if kind in _ORDERED]
    found = []
    for place, (name, (kind, default)) in enumerate(before.items()):
        if name not in after or (default and not after[name][1]):
            found.append(name)
        elif after[name][1] != default:
            found.append(f"{name}=")
        elif kind in _ORDERED:
            if by_position[place : place + 1] != [name]:
                found.append(name)
        elif kind == "KEYWORD_ONLY":
            if after[name][0] not in _NAMED:
                found.append(name)
        elif after[name][0] != kind:
            found.append(name)
    return found + [
        name
        for name, (kind, default) in after.items()
        if name not in before and not default and not kind.startswith("VAR_")
    ]


def main() -> None:
    lines = (
        f"{json.dumps(name)}: {json.dumps(value)}" for name, value in public_signatures().items()
    )
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
