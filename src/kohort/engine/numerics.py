"""What decides the last bits of a member's result, beside the member itself."""

from __future__ import annotations

from kohort.engine.compilers.current import lent_compiler
from kohort.engine.compilers.native import instruction_sets
from kohort.engine.devices import threads_of
from kohort.engine.member import Member
from kohort.engine.plan import structure_of

NUMERICS = 1
"""Goes up by one whenever a change of kohort changes the result of a training, if only in its last
digit: what was kept before is trained again then."""


def numerics_of(member: Member) -> str:
    """Return who would train a member here: members of equal content and equal text end equal.

    Kernels are told by their instruction set, programs of XLA's by the versions of JAX, the device
    and the processor: they differ in rounding.
    """
    device = threads_of(1)[0]
    compiler = lent_compiler().serving(structure_of(member), device)
    processor = instruction_sets()[:1] if device.platform == "cpu" else ()
    return f"{NUMERICS} {compiler.numerics(device)} {' '.join(processor)}"
