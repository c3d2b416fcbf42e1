"""The compiler that the process's session lends to all code that was given none."""

from __future__ import annotations

from kohort.arrays import Device
from kohort.engine import plan
from kohort.engine.compilers.base import Compiler
from kohort.engine.compilers.native import NativeCompiler, instruction_set
from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.structure import Structure


def best_compiler() -> Compiler:
    """Return a compiler of its own memory: kernels where they serve, XLA for everything else."""
    return NativeCompiler(XlaCompiler(), instruction_set())


_lent: Compiler = best_compiler()


def lend(compiler: Compiler) -> None:
    """Lend this compiler from now on to all code that is given none."""
    global _lent
    _lent = compiler


def lent_compiler() -> Compiler:
    """Return the compiler that was lent last."""
    return _lent


def slots_of(
    structure: Structure,
    waiting: int,
    device: Device,
    compiler: Compiler | None = None,
    streamed: bool = False,
) -> int:
    """Number of slots of one program for a number of members.

    Parameters
    ----------
    structure : Structure
    waiting : int
    device : jax.Device
    compiler : Compiler or None, default=None
        None for the one that was lent.
    streamed : bool, default=False
        Whether the members read files, which they do once if they train together.
    """
    serving = (compiler or lent_compiler()).serving(structure, device)
    in_turn = serving.in_turn and not streamed
    return plan.slots_of(structure, min(waiting, 1) if in_turn else waiting, device.platform)
