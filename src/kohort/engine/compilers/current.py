"""The compiler that the process's session lends to whoever was given none."""

from __future__ import annotations

from kohort.engine.compilers.base import Compiler
from kohort.engine.compilers.native import NativeCompiler, instruction_set
from kohort.engine.compilers.xla import XlaCompiler


def best_compiler() -> Compiler:
    """Return a compiler of its own memory: kernels where they serve, XLA for everything else."""
    return NativeCompiler(XlaCompiler(), instruction_set())


_lent: Compiler = best_compiler()


def lend(compiler: Compiler) -> None:
    """Let everyone who was given no compiler use this one from now on."""
    global _lent
    _lent = compiler


def lent_compiler() -> Compiler:
    """Return the compiler that was lent last."""
    return _lent
