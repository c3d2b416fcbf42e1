"""A constant rate."""

from __future__ import annotations

from kohort.recipe.schedules.base import Schedule

CONSTANT = Schedule("constant")
