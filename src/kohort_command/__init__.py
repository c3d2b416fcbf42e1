"""The command `kohort`: an interruption is one line and an exit code, from the first import on.

This module stands beside the package, since importing anything of the package takes a while.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN = 0.1  # Seconds until an interruption that was swallowed is tried again.


class Interruption:
    """Ends a block that Ctrl-C or SIGTERM interrupts with one line and exit code 130 or 143.

    In the block the first signal raises `KeyboardInterrupt`, so that what is half written is
    removed; another one ends the process at once. A block that ends well although Ctrl-C was
    pressed, as that of a server does, ends well.

    Attributes
    ----------
    kept : str
        Words of the line that say which files were written.
    """

    def __init__(self) -> None:
        self.kept = "nothing was written"
        self._number = 0
        self._swallowed = False

    def __enter__(self) -> Self:
        self._before = [(number, signal.signal(number, self._heard)) for number in _SIGNALS]
        self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        well = error is None or (isinstance(error, SystemExit) and not error.code)
        if self._number and not (well and self._number == signal.SIGINT):
            self._tell()
            sys.exit(128 + self._number)
        sys.unraisablehook = self._hook
        for number, handler in self._before:
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._number and not self._swallowed:
            os._exit(128 + number)
        self._number, self._swallowed = number, False
        raise KeyboardInterrupt

    def _unraisable(self, swallowed: sys.UnraisableHookArgs) -> None:
        """Where Python drops an exception, as in a finaliser, an interruption comes again."""
        if self._number and issubclass(swallowed.exc_type, KeyboardInterrupt):
            self._swallowed = True
            threading.Timer(_AGAIN, _interrupt_main, (self._number,)).start()
        else:
            self._hook(swallowed)

    def _tell(self) -> None:
        print(f"Interrupted: {self.kept}.", file=sys.stderr, flush=True)


def _interrupt_main(number: int) -> None:
    """Send a signal to the main thread, which may sleep, and wakes only by one of its own."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


interruption = Interruption()
"""Of this process."""


def main() -> None:
    """Run the command line."""
    with interruption:
        from kohort.commands.app import run

        run()
