"""Programs compiled ahead: while members are made ready, and while others train."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from kohort.arrays import Device
from kohort.engine import plan
from kohort.engine.compilers.base import Compiler
from kohort.engine.structure import Structure

_Program = tuple[Structure, int]


class Ahead:
    """Asks a compiler for programs before anyone waits for them, in a few threads of its own.

    A program is asked for once it is certain that it will train members. The compiler builds it
    once, for the first that asks. A compilation that fails here fails again, and is reported, where
    the program is needed.

    Parameters
    ----------
    compiler : Compiler
    devices : sequence of Device
        One for each thread that trains; as many programs are compiled at once.
    """

    def __init__(self, compiler: Compiler, devices: Sequence[Device]) -> None:
        self._compiler, self._devices = compiler, devices
        self._lock = threading.Lock()
        self._seen: Counter[Structure] = Counter()
        self._waiting: deque[tuple[_Program, Callable[[], object]]] = deque()
        self._coming: Counter[_Program] = Counter()
        self._threads: set[threading.Thread] = set()

    def submitted(self, structure: Structure, judged: int) -> None:
        """Take note of a member, which may make its structure's program certain.

        On a CPU a program has few slots (see `plan.slots_of`), however many members there will be.
        The slots of an accelerator's program are known only once its members are planned.

        Parameters
        ----------
        structure : Structure
            The member's own, which those of others may not change.
        judged : int
            Rows that it is validated on; 0 for none.
        """
        device = self._devices[0]
        if device.platform != "cpu":
            return
        with self._lock:
            self._seen[structure] += 1
            count = self._seen[structure]
        slots = plan.slots_of(structure, plan.MOST_SLOTS)
        if count != slots * len(self._devices) // 2 + 1:  # Each thread's share fills its slots.
            return
        if self.planned(structure, slots) and judged:
            rows = structure.network.padded_rows(judged)
            serving = self._compiler.serving(structure, device)
            self._ask((structure, slots), partial(serving.judge, structure, slots, device, rows))

    def started(self) -> None:
        """Count anew: the members submitted so far are planned, and train."""
        with self._lock:
            self._seen.clear()

    def planned(self, structure: Structure, slots: int) -> bool:
        """Compile the program of a structure with this number of slots; false if it exists."""
        device = self._devices[0]
        serving = self._compiler.serving(structure, device)
        if serving.has_train(structure, slots, device) or self.coming(structure, slots):
            return False
        self._ask((structure, slots), partial(serving.train, structure, slots, device))
        return True

    def coming(self, structure: Structure, slots: int) -> bool:
        """Whether programs with this number of slots are compiled now, or wait for it."""
        return self._coming[structure, slots] > 0

    def busy_with(self, structure: Structure) -> bool:
        """Whether any program of a structure is being compiled, or waits for it."""
        with self._lock:
            return any(known == structure for known, _ in self._coming)

    def forget(self) -> None:
        """Compile no program but those that are being compiled."""
        with self._lock:
            while self._waiting:
                self._done(self._waiting.popleft()[0])

    def join(self, seconds: float | None = None) -> None:
        """Wait until nothing is being compiled, or the given seconds are over."""
        for thread in list(self._threads):
            thread.join(seconds)

    def _ask(self, program: _Program, work: Callable[[], object]) -> None:
        with self._lock:
            self._waiting.append((program, work))
            self._coming[program] += 1
            if len(self._threads) < len(self._devices):
                thread = threading.Thread(target=self._work, name="kohort-ahead", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # No thread is left: the training threads compile it.
                    if not self._threads:
                        self._waiting.clear()
                        self._coming.clear()
                    return
                self._threads.add(thread)

    def _work(self) -> None:
        """One thread: compile the waiting programs, in order, until none is left."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads.discard(threading.current_thread())
                    return
                program, work = self._waiting.popleft()
            with suppress(Exception):
                work()
            with self._lock:
                self._done(program)

    def _done(self, program: _Program) -> None:
        self._coming[program] -= 1
        if not self._coming[program]:
            del self._coming[program]
