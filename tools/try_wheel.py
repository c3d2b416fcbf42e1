"""Install wheels into empty environments, and try each there as a new user would.

`python tools/try_wheel.py FOLDER` takes every wheel of the folder that the Python running this
script can install. Each gets an environment in a temporary folder, without extras, in which the
README's first example and `no_extras.py` run. A wheel with kernels has to train with them
(`tests/native/installed.py`); of a pure one, whose name ends in `-none-any`, XLA has to serve
everything.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

_TOP = Path(__file__).resolve().parents[1]
_WITHOUT_KERNELS = """
from kohort.engine.compilers.native import absence
assert absence(), "A pure wheel has kernels."
"""


def fits(wheel: str, python: tuple[int, int]) -> bool:
    """Say whether a wheel of this name can be installed by a version of CPython.

    The platform is not looked at: the wheels of a folder were built on this machine.
    """
    interpreter, abi, _ = wheel.removesuffix(".whl").split("-")[-3:]
    if interpreter == "py3":
        return True
    major, minor = int(interpreter[2]), int(interpreter[3:])
    return (major, minor) == python or (abi == "abi3" and (major, minor) <= python)


def attempts(wheel: str) -> list[list[str]]:
    """Give the arguments of Python for each thing that is tried with a wheel of this name."""
    pure = wheel.endswith("-none-any.whl")
    kernels = ["-c", _WITHOUT_KERNELS] if pure else [str(_TOP / "tests/native/installed.py")]
    return [kernels, *([str(_TOP / "tools" / f"{name}.py")] for name in _SCRIPTS)]


_SCRIPTS = ("first_example", "no_extras")


def main() -> None:
    wheels = [
        wheel
        for wheel in sorted(Path(sys.argv[1]).resolve().glob("*.whl"))
        if fits(wheel.name, sys.version_info[:2])
    ]
    if not wheels:
        sys.exit(f"{sys.argv[1]} holds no wheel for Python {sys.version.split()[0]}.")
    variables = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    for wheel in wheels:
        with tempfile.TemporaryDirectory() as folder:
            environment = Path(folder, "environment")
            venv.create(environment, with_pip=True)
            python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
            install = ["-m", "pip", "install", "-qq", "--disable-pip-version-check", str(wheel)]
            for arguments in (install, *attempts(wheel.name)):
                subprocess.run([python, *arguments], check=True, cwd=folder, env=variables)
        print(f"{wheel.name} works on Python {sys.version.split()[0]}.")


if __name__ == "__main__":
    main()
