"""A member's content as a key: equal keys, equal results, wherever and whenever it trains."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass

import numpy as np

from kohort.engine.rows import LazyRows

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
        Who computes, and in which version; see `numerics_of`.

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


def _encoded(value: object) -> bytes:
    """A value as bytes from which it could be told apart from every other one."""
    if value is None or isinstance(value, bool | int | float | str | bytes | np.dtype):
        return _tagged(value, repr(value).encode())
    if isinstance(value, np.generic):
        return _tagged(value, str(value.dtype).encode(), value.tobytes())
    if isinstance(value, np.ndarray):
        form = f"{value.shape}{value.dtype}".encode()
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).digest()
        return _tagged(value, form, content)
    if isinstance(value, LazyRows):
        return _tagged(value, repr(value.shape).encode(), value.digest)
    return _compound(value)


def _compound(value: object) -> bytes:
    """What consists of other values."""
    if getattr(value, "opaque", False):
        raise NoContentError(f"{type(value).__name__} calls what cannot be looked into")
    if isinstance(digest := getattr(value, "digest", None), str):
        return _tagged(value, digest.encode())
    if is_dataclass(value) and not isinstance(value, type):
        named = ((field, getattr(value, field.name)) for field in fields(value))
        # What is None by default may be new in a later version: older keys hold without it.
        own = (
            (field.name, part)
            for field, part in named
            if not (part is None and field.default is None)
        )
        return _tagged(value, *(_encoded(part) for pair in own for part in pair))
    if isinstance(value, Mapping):
        pairs = (_encoded(key) + _encoded(part) for key, part in value.items())
        return _tagged(value, *sorted(pairs))
    if isinstance(value, Set):
        return _tagged(value, *sorted(_encoded(part) for part in value))
    if isinstance(value, Sequence):
        return _tagged(value, *(_encoded(part) for part in value))
    raise NoContentError(f"{type(value).__name__} has no content that can be compared")


def _tagged(value: object, *parts: bytes) -> bytes:
    """The parts with their lengths, behind the type's name: no two values give the same."""
    name = type(value).__qualname__.encode()
    return b"".join(len(part).to_bytes(8, "big") + part for part in (name, *parts))
