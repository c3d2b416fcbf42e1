"""Programs with their numbers lifted out: two that differ only in numbers are one program.

A pure function is traced to a jaxpr, calls inside it are inlined, and every scalar of floating type
that is written in it (a rate, a slope, a factor, a limit) becomes an input. The rest is the
program's structure, by whose digest compiled programs are shared. Whole arrays of floats
that the function closed over become inputs too.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from types import FunctionType
from typing import Any

import numpy as np
from jax.extend import core

from kohort.deferred import jax, jnp
from kohort.errors import ParameterError, explain
from kohort.networks.lifted.pickling import as_bytes, restored
from kohort.networks.own import convolutions
from kohort.networks.randomness import bits_of

# Numbers that compilers know how to simplify, and that no one searches over.
_FIXED = (0.0, 1.0, -1.0)
# How functions of Python's stand in a jaxpr's text. Those that say how to differentiate what has
# been differentiated, or never will be, make no difference.
_ADDRESS = " at 0x"
_RULES = re.compile(r"(?:jvp_jaxpr_fun|jvp_jaxpr_thunk|fwd_jaxpr_thunk|bwd)=<[^>]*(?:<\w+>[^>]*)*>")
_INLINED = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "remat": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}


@dataclass(frozen=True)
class _Value:
    """Where an operand comes from: a slot of the environment, a lifted number, or a constant."""

    slot: int = -1
    number: int | None = None
    dtype: Any = None
    constant: Any = None


@dataclass(frozen=True)
class _Instruction:
    primitive: Any
    params: dict[str, Any]
    operands: tuple[_Value, ...]
    results: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """A function without its numbers.

    Attributes
    ----------
    digest : str
        Programs of equal digest compute the same function of their numbers and inputs.
    numbers : int
        How many numbers it takes.
    scratch : int
        Numbers that a CPU's kernels keep for the largest convolution; 0 if there is none.
    opaque : bool
        Whether it calls what its digest cannot tell, such as a function of Python's.
    """

    digest: str
    numbers: int
    scratch: int
    opaque: bool
    _instructions: tuple[_Instruction, ...]
    _inputs: tuple[int, ...]
    _outputs: tuple[_Value, ...]
    _tree: Any

    def __reduce__(self) -> tuple[Any, ...]:
        content = tuple(getattr(self, field.name) for field in fields(self))
        return restored, (type(self), as_bytes(content))

    def __call__(self, numbers: jax.Array, arrays: Sequence[Any], *arguments: Any) -> Any:
        """Run it.

        Parameters
        ----------
        numbers : array, shape (number,)
        arrays : sequence of arrays
            The arrays that `lift` returned.
        *arguments
            As those of the function that was lifted.

        Raises
        ------
        ParameterError
            If there are not as many numbers, arrays or arguments as the program takes.
        """
        remedy = "Give those that `lift` returned for a function of the same digest."
        if np.shape(numbers) != (self.numbers,):
            wanted = f"of shape ({self.numbers},)"
            raise ParameterError(explain("numbers", wanted, np.shape(numbers), remedy))
        values = [*arrays, *jax.tree.leaves(arguments)]
        if len(values) != len(self._inputs):
            wanted = f"{len(self._inputs)} arrays in all"
            raise ParameterError(explain("arrays and arguments", wanted, len(values), remedy))
        environment = dict(zip(self._inputs, values, strict=True))

        def read(value: _Value) -> Any:
            if value.constant is not None:
                return value.constant
            if value.number is not None:
                return numbers[value.number].astype(value.dtype)
            return environment[value.slot]

        for instruction in self._instructions:
            operands = [read(value) for value in instruction.operands]
            results = _run(instruction, operands)
            environment.update(zip(instruction.results, results, strict=True))
        return jax.tree.unflatten(self._tree, [read(value) for value in self._outputs])


def _run(instruction: _Instruction, operands: list[Any]) -> Sequence[Any]:
    primitive, params = instruction.primitive, instruction.params
    if primitive.name == "random_bits" and params["bit_width"] <= 32 and not operands[0].shape:
        return [_bits(operands[0], tuple(params["shape"]), params["bit_width"])]
    if primitive.name == convolutions.NAME:
        image, kernel = operands
        return [convolutions.convolution(primitive, image, kernel, params)]
    result = primitive.bind(*operands, **primitive.get_bind_params(params))
    return result if primitive.multiple_results else [result]


def _bits(key: jax.Array, shape: tuple[int, ...], width: int) -> Any:
    """Random bits by the cheap generator of `kohort.networks.randomness` in place of threefry."""
    data = jax.random.key_data(key).reshape(-1)
    units = shape[-1] if shape else 1
    step = jax.lax.bitcast_convert_type(data[-1], jnp.int32)
    bits = bits_of(data[0], step, 0, math.prod(shape[:-1]), units).reshape(shape)
    return bits if width == 32 else bits.astype(jnp.dtype(f"uint{width}"))


@dataclass
class _Lifter:
    """Walks a jaxpr once, collecting instructions, numbers, arrays and the text of its digest."""

    instructions: list[_Instruction] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    arrays: list[Any] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)
    slots: int = 0
    scratch: int = 0
    opaque: bool = False

    def slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def write(self, *words: Any) -> None:
        self.digest.update(("|".join(map(str, words)) + "\n").encode())

    def constant(self, value: Any) -> _Value:
        """A value that is written in the program, or that it closed over."""
        is_key = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        array = np.asarray(jax.random.key_data(value) if is_key else value)
        floating = jnp.issubdtype(array.dtype, jnp.floating)
        if floating and not array.shape and math.isfinite(array) and float(array) not in _FIXED:
            self.numbers.append(float(array))
            self.write("number", array.dtype)
            return _Value(number=len(self.numbers) - 1, dtype=array.dtype)
        if floating and array.shape:
            self.arrays.append(array)
            slot = self.slot()
            self.inputs.append(slot)
            self.write("array", array.dtype, array.shape)
            return _Value(slot=slot)
        self.write("constant", value.dtype, array.shape, array.tobytes().hex())
        return _Value(slot=self.slot(), constant=value)

    def walk(self, jaxpr: Any, consts: Sequence[Any], operands: Sequence[_Value]) -> list[_Value]:
        known = dict(zip(jaxpr.invars, operands, strict=True))
        known |= {
            v: self.constant(jnp.asarray(c)) for v, c in zip(jaxpr.constvars, consts, strict=True)
        }

        def read(atom: Any) -> _Value:
            if isinstance(atom, core.Literal):
                aval: Any = atom.aval
                return self.constant(np.asarray(atom.val, aval.dtype))
            value = known[atom]
            self.write("operand", value.slot, value.number)
            return value

        for equation in jaxpr.eqns:
            inner = equation.params.get(_INLINED.get(equation.primitive.name, ""))
            if inner is not None:
                values = [read(atom) for atom in equation.invars]
                body, held = inner, ()
                if isinstance(inner, core.ClosedJaxpr):
                    body, held = inner.jaxpr, inner.consts
                results = self.walk(body, held, values)
                known.update(zip(equation.outvars, results, strict=True))
                continue
            if equation.primitive.name == convolutions.NAME:
                shapes = equation.invars[1].aval.shape, equation.outvars[0].aval.shape
                self.scratch = max(self.scratch, convolutions.scratch(*shapes, equation.params))
            text = _RULES.sub("", _text(equation.params))
            self.opaque |= _ADDRESS in text
            self.write(equation.primitive.name, text)
            values = [read(atom) for atom in equation.invars]
            slots = tuple(self.slot() for _ in equation.outvars)
            self.instructions.append(
                _Instruction(equation.primitive, equation.params, tuple(values), slots)
            )
            known.update(
                (variable, _Value(slot=slot))
                for variable, slot in zip(equation.outvars, slots, strict=True)
            )
        self.write("outputs")
        return [read(atom) for atom in jaxpr.outvars]


def _text(value: object) -> str:
    """A parameter of a primitive, written so that equal ones have equal texts."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{_text(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list | tuple):
        return "(" + ",".join(_text(item) for item in value) + ")"
    if isinstance(value, core.ClosedJaxpr):
        consts = [np.asarray(const).tobytes().hex() for const in value.consts]
        return f"{value.jaxpr}{consts}"
    if (
        isinstance(value, FunctionType)
        and not value.__closure__
        and value.__module__.startswith("jax.")
    ):
        return f"{value.__module__}.{value.__qualname__}"
    return str(value)


def lift(
    function: Callable[..., Any], *arguments: Any
) -> tuple[Program, list[float], list[np.ndarray[Any, Any]]]:
    """Trace a pure function and lift its numbers out.

    Calls are inlined, custom rules of differentiation and rematerialisation with them: lift the
    gradient of a function rather than differentiate what was lifted.

    Parameters
    ----------
    function : callable
    *arguments
        Pytrees of arrays, or of their shapes and types.

    Returns
    -------
    Program
    list of float
        The function's own numbers.
    list of arrays
        The float arrays that it closed over.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> slope, numbers, arrays = lift(lambda x: jnp.where(x > 0, x, 0.3 * x), jnp.zeros(2))
    >>> [round(number, 3) for number in numbers]
    [0.3]
    >>> slope(jnp.array([0.5]), arrays, jnp.array([-1.0, 1.0])).tolist()
    [-0.5, 1.0]
    >>> other, _, _ = lift(lambda x: jnp.where(x > 0, x, 0.7 * x), jnp.zeros(2))
    >>> other.digest == slope.digest
    True
    """
    closed, outputs = jax.make_jaxpr(function, return_shape=True)(*arguments)
    lifter = _Lifter()
    operands = []
    for variable in closed.jaxpr.invars:
        lifter.write("input", variable.aval)
        operands.append(_Value(slot=lifter.slot()))
    results = lifter.walk(closed.jaxpr, closed.consts, operands)
    inputs = (*lifter.inputs, *(value.slot for value in operands))
    tree = jax.tree.structure(outputs)
    lifter.write(tree)
    program = Program(
        lifter.digest.hexdigest(),
        len(lifter.numbers),
        lifter.scratch,
        lifter.opaque,
        tuple(lifter.instructions),
        inputs,
        tuple(results),
        tree,
    )
    return program, lifter.numbers, lifter.arrays
