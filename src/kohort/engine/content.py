"""A member's content as a key: equal keys, equal results, wherever and whenever it trains."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from kohort.engine.rows import LazyRows

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FORM = "2"


class NoContentError(TypeError):
    """A value is code, or something else whose content cannot be told."""


def content_key(member: object, numerics: str) -> str | None:
    """The key of a member: a digest of everything that its result depends on.

    Equal rows give equal keys, whichever arrays hold them.

    Parameters
    ----------
    member : Member
    numerics : str
        Name of compiler and processor, with versions; see `Numerics`.

    Returns
    -------
    str or None
        64 hexadecimal digits. None for a member with callbacks or an instrument, or whose network
        calls back into Python: what that does cannot be told.
    """
    try:
        return digest_of(_FORM, numerics, member)
    except NoContentError:
        return None


def digest_of(*values: object) -> str:
    """A digest of everything in some values.

    Examples
    --------
    >>> import numpy as np
    >>> from kohort.engine.content import digest_of
    >>> digest_of(np.zeros(3), None) == digest_of(np.zeros((1, 3)), None)
    False

    Raises
    ------
    NoContentError
        If one of them is code, or something else whose content cannot be told.
    """
    return hashlib.sha256(b"".join(_encoded(value) for value in values)).hexdigest()


_PLAIN = frozenset([type(None), bool, int, float, str, bytes])
"""Types whose values are told apart by their texts, alone and in a tuple."""


def _encoded(value: object) -> bytes:
    """A value as bytes from which it could be told apart from every other one."""
    kind = type(value)
    if kind in _PLAIN or (kind is tuple and _PLAIN.issuperset(map(type, value))):  # type: ignore[call-overload]
        return _tagged(kind, repr(value).encode())
    if isinstance(value, np.dtype):
        return _tagged(np.dtype, str(value).encode())
    if isinstance(value, np.generic):
        return _tagged(kind, str(value.dtype).encode(), value.tobytes())
    if isinstance(value, np.ndarray):
        form = f"{value.shape}{value.dtype}".encode()
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).digest()
        return _tagged(kind, form, content)
    if isinstance(value, LazyRows):
        return _tagged(kind, repr(value.shape).encode(), value.digest)
    return _compound(value)


def _compound(value: object) -> bytes:
    """A value that consists of other values."""
    kind = type(value)
    if getattr(value, "opaque", False):
        raise NoContentError(f"{kind.__name__} calls a function that cannot be inspected")
    if isinstance(digest := getattr(value, "digest", None), str):
        return _tagged(kind, digest.encode())
    if is_dataclass(value) and not isinstance(value, type):
        return _tagged(kind, *_fields(value))
    if isinstance(value, Mapping):
        pairs = (_encoded(key) + _encoded(part) for key, part in value.items())
        return _tagged(kind, *sorted(pairs))
    if isinstance(value, Set):
        return _tagged(kind, *sorted(_encoded(part) for part in value))
    if isinstance(value, Sequence):
        return _tagged(kind, *(_encoded(part) for part in value))
    raise NoContentError(f"{kind.__name__} has no content that can be compared")


def _fields(value: DataclassInstance) -> Iterator[bytes]:
    """The fields of a dataclass: the plain ones together, then each other one by its name.

    A field that is None by default and is None is left out: it may be new in a later version.
    """
    plain: list[tuple[str, object]] = []
    others: list[tuple[str, object]] = []
    for name, may_miss in _names(type(value)):
        part = getattr(value, name)
        if not (may_miss and part is None):
            (plain if type(part) in _PLAIN else others).append((name, part))
    yield repr(plain).encode()
    for name, part in others:
        yield name.encode()
        yield _encoded(part)


@cache
def _names(kind: type[DataclassInstance]) -> list[tuple[str, bool]]:
    """Names of a dataclass's fields, and whether each is None by default."""
    return [(field.name, field.default is None) for field in fields(kind)]


def _tagged(kind: type, *parts: bytes) -> bytes:
    """The parts with their lengths, behind the type's name: no two values give the same."""
    name = kind.__qualname__.encode()
    return b"".join(len(part).to_bytes(8, "big") + part for part in (name, *parts))
