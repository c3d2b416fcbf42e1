"""Print each dependency of the core and of the named extras at its lower bound, one a line.

`python tools/lower_bounds.py cli test` writes the constraints of `make lowest`. A dependency
that has no lower bound, or is bounded in two places, ends the program with a sentence that says so.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

_REQUIREMENT = re.compile(r"(?P<name>[\w-]+)(?:\[(?P<extras>[\w,-]+)\])?(?:>=(?P<lower>[\w.]+))?")


def lower_bounds(project: Mapping[str, object], extras: Iterable[str]) -> dict[str, str]:
    """Give the lower bound of each dependency, by the dependency's name.

    Parameters
    ----------
    project : mapping
        The table `project` of `pyproject.toml`.
    extras : iterable of str
        Names of extras. Extras that these extras ask for (`kohort[tables]`) are followed.

    Returns
    -------
    dict of str to str
        Versions by names, sorted by name.

    Raises
    ------
    ValueError
        If a dependency has no lower bound, or if two lower bounds differ.
    """
    optional = project["optional-dependencies"]
    found: dict[str, str] = {}
    waiting, seen = [*project["dependencies"]], set()
    extras = [*extras]
    while waiting or extras:
        if not waiting:
            extra = extras.pop()
            if extra not in seen:
                seen.add(extra)
                waiting += optional[extra]
            continue
        requirement = waiting.pop()
        match = _REQUIREMENT.fullmatch(requirement)
        if match is None:
            raise ValueError(f"{requirement!r} is not of the form name>=version.")
        name, lower = match["name"], match["lower"]
        if name == project["name"]:
            extras += match["extras"].split(",")
        elif lower is None:
            raise ValueError(f"{name} has no lower bound. Write {name}>=VERSION.")
        elif found.setdefault(name, lower) != lower:
            raise ValueError(f"{name} has two lower bounds, {found[name]} and {lower}.")
    return dict(sorted(found.items()))


def main() -> None:
    path = Path(__file__).parents[1] / "pyproject.toml"
    project = tomllib.loads(path.read_text("utf-8"))["project"]
    for name, version in lower_bounds(project, sys.argv[1:]).items():
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
