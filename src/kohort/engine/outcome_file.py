"""An outcome as bytes: arrays in the safetensors format, all else as JSON, and a checksum.

The format is https://huggingface.co/docs/safetensors: the length of a header, the header as JSON,
the arrays. Nothing in it is ever executed. The header's `__metadata__` has `checksum`, a BLAKE2b of
the file in which the checksum's own place holds zeros, and `outcome`, which is JSON.
"""

from __future__ import annotations

import json
import math
from hashlib import blake2b
from typing import Any

import numpy as np

from kohort.engine.member import Outcome
from kohort.errors import KohortError

SUFFIX = ".safetensors"

_DTYPES = {
    np.dtype(name): short
    for name, short in {
        "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32",
        "uint32": "U32", "uint8": "U8", "bool": "BOOL",
    }.items()
}  # fmt: skip
_KINDS = {short: dtype.newbyteorder("<") for dtype, short in _DTYPES.items()}
_START = '{"__metadata__":{"checksum":"'
_NONE = "0" * 32
_PLACE = slice(8 + len(_START), 8 + len(_START) + len(_NONE))


class DamagedError(KohortError):
    """The bytes of an outcome are not those that were written."""


def packed(key: str, outcome: Outcome) -> bytes:
    """The bytes of an outcome that is kept under a key.

    Raises
    ------
    TypeError
        If an array is of a type that the format does not have.

    Examples
    --------
    >>> data = packed("key", Outcome([np.ones(2, np.float32)], {"loss": [0.5]}))
    >>> unpacked("key", data).history
    {'loss': [0.5]}
    """
    weights, kept = outcome.weights or [], outcome.kept or []
    arrays = [np.asarray(array) for array in [*weights, *kept]]
    told = {
        "key": key,
        "weights": None if outcome.weights is None else len(weights),
        "history": outcome.history,
        "status": outcome.status,
        "best_epoch": outcome.best_epoch,
        "cause": outcome.cause,
    }
    if outcome.kept is not None:
        told["kept"] = len(kept)
    header: dict[str, Any] = {
        "__metadata__": {"checksum": _NONE, "outcome": json.dumps(told, default=float)}
    }
    start = 0
    for number, array in enumerate(arrays):
        kind = array.dtype.newbyteorder("=")
        if kind not in _DTYPES:
            raise TypeError(f"weights of type {array.dtype} cannot be kept")
        offsets = [start, start := start + array.nbytes]
        header[str(number)] = {
            "dtype": _DTYPES[kind], "shape": array.shape, "data_offsets": offsets
        }  # fmt: skip
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    parts = [array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes() for array in arrays]
    data = bytearray(b"".join([len(text).to_bytes(8, "little"), text, *parts]))
    data[_PLACE] = _checksum(data).encode()
    return bytes(data)


def unpacked(key: str, data: bytes) -> Outcome:
    """The outcome that was kept under a key, of its bytes.

    Raises
    ------
    DamagedError
        If they are not what `packed` gave for this key.
    """
    whole = bytearray(data)
    found = bytes(whole[_PLACE])
    whole[_PLACE] = _NONE.encode()[: len(found)]
    if _checksum(whole).encode() != found:
        raise DamagedError("its checksum is wrong")
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    told = json.loads(header.pop("__metadata__")["outcome"])
    if told.pop("key") != key:
        raise DamagedError("it is that of another fit")
    count, kept = told.pop("weights"), told.pop("kept", None)
    arrays = [_array(header[str(n)], whole, 8 + length) for n in range((count or 0) + (kept or 0))]
    weights = None if count is None else arrays[:count]
    return Outcome(weights, kept=None if kept is None else arrays[count or 0 :], **told)


def _array(entry: dict[str, Any], data: bytearray, start: int) -> Any:
    shape, first = tuple(entry["shape"]), start + entry["data_offsets"][0]
    dtype = _KINDS[entry["dtype"]]
    found = np.frombuffer(data, dtype, math.prod(shape), first)
    return found.reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _checksum(data: bytearray) -> str:
    return blake2b(data, digest_size=len(_NONE) // 2).hexdigest()
