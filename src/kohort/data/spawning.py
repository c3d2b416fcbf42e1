"""Workers of Grain as kohort starts them: the one file that changes `multiprocessing.spawn`.

Checked with CPython 3.11 to 3.13 and Grain 0.2.18. Three things are changed, for processes whose
name is that of Grain's workers and for no other:

- A worker does not import `__main__`. A script without a guard would run again in each worker;
  what Grain sends to its workers is pickled by value where it comes from `__main__`.
- A worker that dies before it has read what it is started with ends the start. CPython keeps the
  reading end of that pipe open in the parent until all is written, so that with more than the
  pipe holds (64 KiB on Linux, about 1,000 paths of images) the parent waits for ever.
- A worker leaves Ctrl-C to its parent, which ends it.
"""

from __future__ import annotations

import io
import multiprocessing.context
import multiprocessing.spawn
import multiprocessing.util
import os
import sys
from contextlib import suppress
from multiprocessing import reduction, resource_tracker
from typing import Any

_NAME = "grain-process-prefetch"
_util: Any = multiprocessing.util
_spawned: Any = multiprocessing.context.SpawnProcess
_plain_data = multiprocessing.spawn.get_preparation_data
_installed = False


def change_spawning() -> None:
    """Start Grain's workers in kohort's way from now on; a second call changes nothing."""
    global _installed
    if _installed:
        return
    multiprocessing.spawn.get_preparation_data = _data_without_main
    if sys.platform != "win32":
        _replace_popen()
    _installed = True


def without_interrupts(command: list[str]) -> list[str]:
    """A command `python ... -c program ...` whose program leaves Ctrl-C to the process behind it.

    A terminal sends it to workers too, each of which would print a traceback.
    """
    place = command.index("-c") + 1
    heed = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    return [*command[:place], heed + command[place], *command[place + 1 :]]


def _data_without_main(name: str) -> dict[str, Any]:
    """Data on this process for a new one; those for a worker of Grain name no `__main__`."""
    data = _plain_data(name)
    if name.startswith(_NAME):
        for key in ("init_main_from_path", "init_main_from_name"):
            data.pop(key, None)
    return data


def _replace_popen() -> None:
    from multiprocessing import popen_spawn_posix

    class Popen(popen_spawn_posix.Popen):
        """A spawned process whose start ends when the process does.

        The base class has the attributes: `sentinel` is readable once the process has ended,
        `pid` is its number, `finalizer` closes this process's ends of the pipes.
        """

        def _launch(self, process: Any) -> None:
            tracker = resource_tracker.getfd()
            content = self._pickled(process)
            self.sentinel, alive = os.pipe()
            reading, writing = os.pipe()
            ends = self.sentinel, writing
            self.finalizer = _util.Finalize(self, _util.close_fds, ends)
            command = multiprocessing.spawn.get_command_line(
                tracker_fd=tracker, pipe_handle=reading
            )
            inherited = [*vars(self)["_fds"], tracker, reading, alive]
            try:
                self.pid = _util.spawnv_passfds(
                    multiprocessing.spawn.get_executable(),
                    without_interrupts(command),
                    inherited,
                )
            finally:  # Before writing: with no reader left, writing fails instead of waiting.
                os.close(reading)
                os.close(alive)
            with suppress(BrokenPipeError), open(writing, "wb", closefd=False) as pipe:
                pipe.write(content)

        def _pickled(self, process: Any) -> bytes:
            """The bytes that the new process reads first: data on this process, then its task."""
            stream = io.BytesIO()
            multiprocessing.context.set_spawning_popen(self)
            try:
                data = multiprocessing.spawn.get_preparation_data(process.name)
                reduction.dump(data, stream)
                reduction.dump(process, stream)
            finally:
                multiprocessing.context.set_spawning_popen(None)
            return stream.getvalue()

    plain = _spawned._Popen

    def started(process: Any) -> Any:
        return (Popen if process.name.startswith(_NAME) else plain)(process)

    _spawned._Popen = staticmethod(started)
