"""Settings that decide the last bits of a member's result, beside the member itself."""

from __future__ import annotations

from functools import cached_property

from kohort.arrays import Device
from kohort.engine.compilers.current import lent_compiler
from kohort.engine.compilers.native import instruction_sets
from kohort.engine.devices import threads_of
from kohort.engine.member import Member
from kohort.engine.plan import structure_of

NUMERICS = 1
"""Goes up by one whenever a change of kohort changes the result of a training, if only in its last
digit: what was kept before is trained again then."""


class Numerics:
    """Names the compiler that would train a member here: equal content and text end equal.

    Kernels are told by their instruction set, programs of XLA's by the versions of JAX, the device
    and the processor: they differ in rounding.
    """

    @cached_property
    def _device(self) -> Device:
        return threads_of(1)[0]

    @cached_property
    def _processor(self) -> str:
        return " ".join(instruction_sets()[:1] if self._device.platform == "cpu" else ())

    def __call__(self, member: Member) -> str:
        """Return the text for a member."""
        compiler = lent_compiler().serving(structure_of(member), self._device)
        return f"{NUMERICS} {compiler.numerics(self._device)} {self._processor}"
