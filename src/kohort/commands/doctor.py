"""`kohort doctor`."""

from __future__ import annotations


def doctor() -> None:
    """Say what trains here, and what to do about what is missing."""
    from kohort.report.installation import show_versions

    show_versions()
