"""The state of an installation, and a remedy for each missing part: `kohort doctor`.

JAX is imported only where it may have an accelerator, Keras never.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from textwrap import indent, wrap

import numpy as np

from kohort._version import VERSION
from kohort.engine.compilers.native import absence, instruction_set, instruction_sets
from kohort.engine.devices import cores, threads_of
from kohort.errors import ParameterError
from kohort.runtime import cache_folder, keras_backend

_WIDTH, _INDENT = 100, 16

_GAINS = {
    "cli": "the command line's tables, files of images and pictures",
    "tables": "tables with text, dates or missing values",
    "plot": "pictures",
    "images": "image files",
    "report": "the page about a search",
    "streaming": "data larger than memory",
    "tensorboard": "logging to TensorBoard",
    "mlflow": "logging to MLflow",
    "optuna": "logging to Optuna",
    "ray": "clusters of machines",
}
"""The use of each group of optional packages; groups for kohort's developers are left out."""

_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(\[(?P<extras>[\w,-]+)\])?[^;]*(;.*extra == ['\"](?P<owner>[\w-]+)['\"])?"
)


@dataclass(frozen=True)
class Fact:
    """One line about an installation.

    Attributes
    ----------
    about, state : str
        The subject, and its state.
    remedy : str
        The step to take; empty if there is none to take.
    """

    about: str
    state: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"-> {self.remedy}" if self.remedy else ""
        whole = f"{self.state} {remedy}".rstrip()
        texts = [whole] if len(whole) <= _WIDTH - _INDENT else [self.state, remedy]
        lines = [
            line
            for text in texts
            for line in wrap(text, _WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False)
        ]
        return indent("\n".join(lines), " " * _INDENT).replace(
            " " * _INDENT, f"{self.about:{_INDENT}}", 1
        )


def installation() -> list[Fact]:
    """Look at what this process would train with.

    Examples
    --------
    >>> [fact.about for fact in installation()][:3]
    ['kohort', 'dense networks', 'processor']
    """
    return [
        Fact("kohort", f"{VERSION}, Python {platform.python_version()}, {platform.platform()}"),
        _dense_networks(),
        _processor(),
        _devices(),
        _programs(),
        _keras(),
        *_packages(),
    ]


def show_versions() -> None:
    """Print the state of the installation, with a remedy for each missing part.

    It lists the compiler and the instruction set of dense networks, devices, caches, versions and
    optional packages. `kohort doctor` prints the same. JAX is imported only on machines that may
    have an accelerator.

    Examples
    --------
    >>> import kohort
    >>> kohort.show_versions()  # doctest: +ELLIPSIS
    kohort          ...
    """
    print(*installation(), sep="\n")


def _dense_networks() -> Fact:
    about, known = "dense networks", instruction_sets()
    try:
        chosen = instruction_set()
    except ParameterError as error:
        return Fact(about, "cannot be trained", str(error))
    if why := absence():
        again = (
            "Training works, but slower. Install a C++ compiler (apt install g++; xcode-select "
            "--install; Clang of Visual Studio), then kohort once more: `make clean setup` in a "
            "checkout, or pip install --force-reinstall --no-deps kohort"
        )
        return Fact(about, f"XLA, because the kernels {why}", again)
    if chosen is None:
        faster = f"Unset KOHORT_NATIVE: the kernels for {known[0]} are faster."
        return Fact(about, "XLA, because KOHORT_NATIVE is off", faster)
    if chosen != known[0]:
        faster = f"Unset KOHORT_NATIVE: those for {known[0]} are faster."
        return Fact(about, f"kernels for {chosen}, because KOHORT_NATIVE says so", faster)
    return Fact(about, f"kernels for {chosen}; XLA for what they lack (docs/kernels.md)")


def _processor() -> Fact:
    """Instruction sets as the kernels name them; without kernels, as NumPy does."""
    found = instruction_sets()
    if not found:
        known = np.show_config(mode="dicts")["SIMD Extensions"]
        found = [*known.get("baseline", ()), *known.get("found", ())]
    return Fact("processor", f"{platform.machine()} with {', '.join(found)}")


def _devices() -> Fact:
    about, count = "devices", cores()
    own = f"{count} CPU core{'s' if count > 1 else ''}"
    try:
        others = [d.device_kind for d in threads_of(None) if d.platform != "cpu"]
    except RuntimeError as error:  # Of JAX, where a platform that was asked for does not start.
        first = str(error).partition("\n")[0]
        remedy = "Mend the driver or JAX's plugin, or set JAX_PLATFORMS=cpu to train on the cores."
        return Fact(about, f"{own}; JAX does not start: {first}", remedy)
    if others:
        return Fact(about, f"{', '.join(others)}, which JAX trains on; {own}")
    if shutil.which("nvidia-smi") and not os.environ.get("JAX_PLATFORMS"):
        remedy = 'To train images and large Keras models on it: pip install "jax[cuda12]"'
        return Fact(about, f"{own}; an NVIDIA driver, but JAX has no plugin for it", remedy)
    return Fact(about, f"{own}, no accelerator")


def _programs() -> Fact:
    """The cache of compiled programs: where it is, and how large."""
    about, chosen = "program cache", os.environ.get("KOHORT_CACHE", "")
    if theirs := os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return Fact(about, f"{theirs}, which JAX_COMPILATION_CACHE_DIR names for all JAX code")
    if (folder := cache_folder()) is None:
        remedy = "Unset KOHORT_CACHE, or name a folder: what XLA has compiled is then kept."
        return Fact(about, f"none, because KOHORT_CACHE is {chosen!r}", remedy)
    nearest = next(path for path in (folder, *folder.parents) if os.access(path, os.F_OK))
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        remedy = "Let KOHORT_CACHE name a folder that you may write to."
        return Fact(about, f"{folder} cannot be written to: XLA compiles in each process", remedy)
    sizes = list(_sizes(folder))
    return Fact(
        about,
        f"{folder}, {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB; may be deleted at any time",
    )


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        try:
            yield path.stat().st_size
        except OSError:  # Another process has removed it.
            continue


def _keras() -> Fact:
    backend = keras_backend()
    remedy = "" if backend == "jax" else "Import kohort before keras, in a new process."
    return Fact("Keras's backend", backend, remedy)


def _packages() -> list[Fact]:
    """Packages of kohort's metadata: those installed, and each extra that lacks some."""
    try:
        wanted = requires("kohort") or []
    except PackageNotFoundError:
        return [Fact("packages", "unknown: kohort is not installed", "Run: pip install .")]
    known = {extra: _named(extra, wanted) for extra in ("", *_GAINS)}
    versions = {name: installed_version(name) for names in known.values() for name in names}
    there = ", ".join(f"{name} {found}" for name, found in versions.items() if found)
    facts = [Fact("packages", there)]
    for extra, names in known.items():
        if lacking := ", ".join(name for name in names if not versions[name]):
            gain = f"for {_GAINS[extra]}" if extra else "without which kohort does not work"
            target = f'"kohort[{extra}]"' if extra else "kohort"
            facts.append(Fact("not installed", f"{lacking}, {gain}", f"pip install {target}"))
    return facts


def _named(extra: str, wanted: list[str]) -> list[str]:
    """Packages of an extra, those of extras that it takes in included; "" for no extra."""
    found: list[str] = []
    for text in wanted:
        parts = _REQUIREMENT.match(text)
        if parts is None or (parts["owner"] or "") != extra:
            continue
        inner = (parts["extras"] or "").split(",") if parts["name"] == "kohort" else ()
        found += [name for each in inner for name in _named(each, wanted)] or [parts["name"]]
    return found


def installed_version(package: str) -> str:
    """The version of an installed package; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
