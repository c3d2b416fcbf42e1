"""The content of a function that computes with numbers and does nothing else."""

from __future__ import annotations

import builtins
import dis
import math
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from kohort.engine.content import NoContentError

_BUILTINS = frozenset("abs bool float int len max min pow range round sum".split())
_MODULES = (math, np)
_OF_MATH = frozenset(name for name in dir(math) if not name.startswith("_"))
_CHANGES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF", "STORE_ATTR",
                      "DELETE_ATTR", "IMPORT_NAME", "YIELD_VALUE"})  # fmt: skip
_PLAIN = (bool, int, float, str, type(None), tuple, np.number)


def content_of(function: object) -> tuple[object, ...]:
    """The values that a pure function's results depend on beside its arguments.

    Pure is what consists of arithmetic, functions of `math`, NumPy's elementwise functions, a few
    of Python's own, fixed numbers around it, and other such functions.

    Parameters
    ----------
    function : object

    Returns
    -------
    tuple
        Equal for functions that do the same.

    Raises
    ------
    NoContentError
        If it is no function in Python, or may do anything else.

    Examples
    --------
    >>> rate = 0.5
    >>> content_of(lambda epoch: rate**epoch) == content_of(lambda epoch: rate**epoch)
    True
    """
    return _function(function, frozenset())


def _function(function: object, callers: frozenset[CodeType]) -> tuple[object, ...]:
    if not isinstance(function, FunctionType):
        raise NoContentError(f"{function!r} is no function in Python")
    code = function.__code__
    if code in callers:
        return ("calls itself",)
    callers |= {code}
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    around = {name: cell.cell_contents for name, cell in cells}
    known = {**vars(builtins), **function.__globals__}
    names = {name: known[name] for name in _names(code) if name in known}
    return (
        _code(code, known),
        _values(around, callers),
        _values(names, callers),
        _values(dict(enumerate(function.__defaults__ or ())), callers),
        _values(function.__kwdefaults__ or {}, callers),
    )


def _names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _code(code: CodeType, known: dict[str, Any]) -> tuple[object, ...]:
    """Instructions and constants, without names of files and numbers of lines."""
    if changes := {step.opname for step in dis.get_instructions(code)} & _CHANGES:
        raise NoContentError(f"{code.co_name} does more than compute: {', '.join(changes)}")
    for name in code.co_names:
        if name not in known and not _elementwise(name):
            raise NoContentError(f"{code.co_name} uses {name}, which may do anything")
    constants = tuple(
        _code(part, known) if isinstance(part, CodeType) else repr(part) for part in code.co_consts
    )
    return code.co_code, constants, code.co_names, code.co_argcount, code.co_kwonlyargcount


def _elementwise(name: str) -> bool:
    """Whether an attribute is a function of `math`, a number there, or NumPy's elementwise one."""
    return name in _OF_MATH or isinstance(getattr(np, name, None), np.ufunc)


def _values(values: dict[Any, Any], callers: frozenset[CodeType]) -> tuple[object, ...]:
    return tuple((name, _value(name, value, callers)) for name, value in sorted(values.items()))


def _value(name: object, value: object, callers: frozenset[CodeType]) -> object:
    """A value that a function refers to: plain, one of the modules, or a function again."""
    if isinstance(value, _PLAIN):
        if isinstance(value, tuple):
            return tuple(_value(name, part, callers) for part in value)
        return type(value).__name__, repr(value)
    if any(value is module for module in _MODULES):
        return "module", getattr(value, "__name__", "")
    if name in _BUILTINS and value is getattr(builtins, str(name)):
        return "builtin", name
    if isinstance(value, np.ufunc) or getattr(value, "__module__", "") == "math":
        return "elementwise", getattr(value, "__name__", "")
    return _function(value, callers)
