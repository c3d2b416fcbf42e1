"""How fits train together: plan, program, population."""

from kohort import runtime

runtime.keep_programs()
