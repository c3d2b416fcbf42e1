"""Executables in the folder of compiled programs, under names that need no tracing.

JAX's own cache goes by the text of a lowered program, so a program must be traced and lowered
before it is found. Where what a program depends on can be told (`kohort.engine.content`), its name
is a digest of that and of everything else that XLA's work depends on: versions, kohort's own code,
the device, the processor, the settings of JAX and XLA. Then it is loaded as it was compiled.

An entry is a checksum, a header in JSON and what `jax.experimental.serialize_executable` gives.
That is machine code, like an entry of JAX's cache: only files that this user alone may write are
read.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kohort._version import VERSION
from kohort.deferred import jax
from kohort.engine.content import digest_of
from kohort.scratch import replacing

_FORM = b"kohort 1\n"
_SUFFIX = ".executable"
_MOST_BYTES = 1 << 30
_DIGEST = hashlib.sha256().digest_size

# Flags that tell only how numbers are logged or kept; then the lines that name a processor.
_IRRELEVANT = re.compile("_log|cache|dump")
_PROCESSOR = re.compile(
    r"^(vendor_id|cpu family|model|model name|stepping|flags|CPU \w+|Features)\s*:.*", re.M
)


def name_of(device: jax.Device, options: dict[str, Any], *content: object) -> str:
    """The name of a program that depends on such content, compiled for a device with such options.

    Raises
    ------
    NoContentError
        If part of the content is code, or something else whose content cannot be told.
    """
    settings = {
        name: str(getattr(jax.config, name, None))
        for name in jax.config.values
        if not _IRRELEVANT.search(name)
    }
    place = device.platform, device.device_kind, device.id, device.client.platform_version
    flags = os.environ.get("XLA_FLAGS", "")
    return digest_of(_versions(), _processor(), place, flags, options, settings, *content)


def load(path: Path, arguments: tuple[Any, ...], device: jax.Device) -> Any:
    """The program in a file; None if there is none, or none that is whole and this user's own."""
    start = len(_FORM) + _DIGEST
    try:
        content = path.read_bytes() if _is_own(path) else b""
        body = content[start:]
        if content[:start] != _FORM + hashlib.sha256(body).digest():
            path.unlink()
            return None
    except OSError:
        return None
    from jax.experimental.serialize_executable import deserialize_and_load

    header, _, payload = body.partition(b"\n")
    outputs = jax.tree.structure(_tuples(json.loads(header)))
    inputs = jax.tree.structure((arguments, {}))
    try:
        program = deserialize_and_load(
            payload, inputs, outputs, device.client, execution_devices=[device]
        )
    except Exception:  # XLA raises errors of many types for a program that it cannot load.
        return None
    with suppress(OSError):
        os.utime(path)  # The entries that were used last are kept.
    return program


def save(path: Path, program: jax.stages.Compiled, arguments: tuple[Any, ...]) -> None:
    """Keep a program that was compiled in this process, if it can be kept."""
    from jax.experimental.serialize_executable import serialize

    try:
        payload, inputs, outputs = serialize(program)
    except (ValueError, NotImplementedError, jax.errors.JaxRuntimeError):
        return  # Not for every device.
    skeleton = jax.tree.unflatten(outputs, [0] * outputs.num_leaves)
    header = json.dumps(skeleton)
    known = jax.tree.structure(_tuples(json.loads(header)))
    if known != outputs or inputs != jax.tree.structure((arguments, {})):
        return
    body = header.encode() + b"\n" + payload
    with suppress(OSError):  # A read-only or full disk costs compile time, not a failure.
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), 0o600)
            file.write(_FORM + hashlib.sha256(body).digest() + body)
        _let_go(path.parent)


def path_of(folder: Path, name: str) -> Path:
    """The file of the program of this name."""
    return folder / f"{name}{_SUFFIX}"


def _is_own(path: Path) -> bool:
    """Whether nobody but this user, or the system's administrator, may have written a file."""
    found = path.stat()
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid in (os.geteuid(), 0) and not found.st_mode & 0o022


def _tuples(skeleton: object) -> Any:
    return tuple(map(_tuples, skeleton)) if isinstance(skeleton, list) else skeleton


def _let_go(folder: Path) -> None:
    """Remove entries, those of the longest unused first, until the limit in bytes is met."""
    found = [(entry.stat(), entry) for entry in folder.glob(f"*{_SUFFIX}")]
    left = sum(stat.st_size for stat, _ in found) - _MOST_BYTES
    for stat, entry in sorted(found, key=lambda pair: pair[0].st_mtime):
        if left <= 0:
            return
        entry.unlink(missing_ok=True)
        left -= stat.st_size


@cache
def _versions() -> tuple[str, ...]:
    """Versions of all that writes programs, and a digest of kohort's own code."""
    package = Path(__file__).parents[1]
    code = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        code.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0")
    return VERSION, code.hexdigest(), *map(version, ("jax", "jaxlib", "keras"))


@cache
def _processor() -> str:
    """The kind of this processor: XLA compiles for the processor that it runs on."""
    with suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        found = [match[0] for match in _PROCESSOR.finditer(text.partition("\n\n")[0])]
        return "\n".join([platform.machine(), *found])
    return f"{platform.platform()} {platform.machine()} {platform.processor()}"
